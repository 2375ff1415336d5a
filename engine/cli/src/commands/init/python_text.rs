//! Python read as text: enough for what people write in settings, without running anything.

/// The first text literal in `code`, without prefixes or escapes: those are no plain texts.
pub(super) fn first_literal(code: &str) -> Option<&str> {
    literals(code).into_iter().next()
}

/// The plain text literals in `code`, in order, up to the first comment.
pub(super) fn literals(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(['"', '\'', '#']) {
        let Some(quote @ ('"' | '\'')) = rest[start..].chars().next() else {
            break;
        };
        let after = &rest[start + 1..];
        let Some(end) = after.find(quote) else { break };
        found.push(&after[..end]);
        rest = &after[end + 1..];
    }
    found
}

/// What stands to the right of `name =` at the beginning of a line.
pub(super) fn assigned<'a>(code: &'a str, name: &str) -> Option<&'a str> {
    code.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?.trim_start();
        let rest = rest.strip_prefix('=')?;
        (!rest.starts_with('=')).then(|| rest.trim())
    })
}

/// Variables of the environment that `code` reads without a default: `os.environ["NAME"]`.
pub(super) fn required_variables(code: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with('#')) {
        for (at, opening) in line.match_indices("environ[") {
            let after = line[at + opening.len()..].split(']');
            let mut parts = after.clone();
            let Some(name) = parts.next().and_then(first_literal) else {
                continue;
            };
            // `os.environ["X"] = …` sets it.
            let sets = parts.next().is_some_and(|rest| {
                let rest = rest.trim_start();
                rest.starts_with('=') && !rest.starts_with("==")
            });
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if is_name && !sets && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// `a.b_c`, as modules are named.
pub(super) fn is_module(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_literals() {
        assert_eq!(
            literals(r#"os.path.join(BASE_DIR, "public", 'static')  # not "this""#),
            ["public", "static"]
        );
        assert_eq!(first_literal("BASE_DIR / name"), None);
        assert_eq!(literals("\"never closed"), [""; 0]);
    }

    #[test]
    fn assignments() {
        let code = "STATIC_ROOTS = 1\nif x:\n    STATIC_ROOT = 'no'\nSTATIC_ROOT= BASE_DIR / 'yes'\n";
        assert_eq!(assigned(code, "STATIC_ROOT"), Some("BASE_DIR / 'yes'"));
        assert_eq!(assigned("A == 1", "A"), None);
    }

    #[test]
    fn variables_without_a_default() {
        let code = "A = os.environ['KEY']\nos.environ[\"SET\"] = '1'\nB = os.environ.get('OPTIONAL')\n# environ['NOT']\n\
                    C = environ[\"URL\"] or environ['KEY']\n";
        assert_eq!(required_variables(code), ["KEY", "URL"]);
    }
}
