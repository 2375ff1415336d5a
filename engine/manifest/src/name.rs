//! Names that a manifest's author chooses: of programs, secrets, targets, plugins and grant sets.

/// The same bound as a stage's name, so that every name fits a file name and a table's column.
const MAX_NAME_BYTES: usize = 63;

pub(crate) const NAME_RULE: &str = "expected letters, digits, `-`, `_`, `.` or `+`, beginning with a letter or digit";
pub(crate) const VARIABLE_RULE: &str = "expected letters, digits and `_`, not beginning with a digit";

/// Wide enough for names as people have them (`python3.12`, `g++`, `DEPLOY_KEY`), without a separator of paths or lists.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b))
}

/// A name that POSIX calls portable for environment variables, lower case included; also an identifier in expressions.
pub(crate) fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_separators() {
        for good in ["python3.12", "g++", "DEPLOY_KEY", "7z"] {
            assert!(is_name(good), "{good}");
        }
        for wrong in ["", ".venv/bin/python", "a b", "-x", "ä", &"a".repeat(64)] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }

    #[test]
    fn variables_are_identifiers() {
        assert!(is_variable("DATABASE_URL") && is_variable("_x1"));
        for wrong in ["", "1X", "A-B", "A=B", "$HOME", "A B"] {
            assert!(!is_variable(wrong), "{wrong}");
        }
    }
}
