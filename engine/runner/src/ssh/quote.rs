//! Quoting for the shell on the other side.

/// One word for a POSIX shell (and for fish), whatever is in it. A NUL can't be passed; callers refuse it.
pub(super) fn word(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    let plain = |c: &u8| c.is_ascii_alphanumeric() || b"-_./:=,+@%".contains(c);
    if !text.is_empty() && text.iter().all(plain) {
        return text.to_vec();
    }
    let mut word = Vec::with_capacity(text.len() + 2);
    word.push(b'\'');
    for &c in text {
        if c == b'\'' {
            word.extend(b"'\\''");
        } else {
            word.push(c);
        }
    }
    word.push(b'\'');
    word
}

/// The words with a space between them.
pub(super) fn line<T: AsRef<[u8]>>(words: impl IntoIterator<Item = T>) -> Vec<u8> {
    words.into_iter().map(word).collect::<Vec<_>>().join(&b' ')
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_shell_gives_back_every_word_as_it_was() {
        let all: Vec<u8> = (1..=255).collect();
        let words: [&[u8]; 9] = [
            b"",
            b"plain",
            b"-rf",
            b"it's",
            b"''",
            b"a b\nc\t",
            b"$(id) `id` \\",
            b"~/x*?",
            &all,
        ];
        for shell in ["sh", "bash"] {
            let mut script = b"printf '%s\\0' ".to_vec();
            script.extend(line(words));
            let output = std::process::Command::new(shell)
                .arg("-c")
                .arg(std::ffi::OsStr::from_bytes(&script))
                .env("LC_ALL", "C")
                .output()
                .unwrap();
            let mut expected = words.join(&0);
            expected.push(0);
            assert_eq!(output.stdout, expected, "{shell}");
        }
    }
}
