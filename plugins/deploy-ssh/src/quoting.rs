//! Quoting for a POSIX shell and for gitignore patterns.

/// One word for any POSIX shell, whatever is in it.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A gitignore pattern that matches exactly this path from the top.
pub fn anchored_pattern(path: &str) -> String {
    let mut pattern = String::from("/");
    for c in path.trim_matches('/').chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '!' | '#' | ' ') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_gives_back_every_word() {
        for word in [
            "",
            "plain",
            "with space",
            "it's",
            "$HOME `id` $(id)",
            "a\nb",
            "-n",
            "*",
            "ä",
        ] {
            let line = format!("printf %s {}", shell_word(word));
            let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }

    #[test]
    fn patterns_lose_their_magic() {
        assert_eq!(anchored_pattern("media/"), "/media");
        assert_eq!(anchored_pattern("a b/[x]*"), r"/a\ b/\[x\]\*");
    }
}
