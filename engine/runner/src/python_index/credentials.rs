//! User names and passwords in the address of an index.

/// `https://user:password@host/` without what stands before the `@`.
pub(super) fn without_credentials(value: &str) -> String {
    match split(value) {
        Some((scheme, Some(_), rest)) => format!("{scheme}://{rest}"),
        _ => value.to_owned(),
    }
}

/// With these, written as in a URL: `user:password`.
pub(crate) fn with_credentials(value: &str, credentials: &str) -> String {
    match split(value) {
        Some((scheme, _, rest)) => format!("{scheme}://{credentials}@{rest}"),
        None => value.to_owned(),
    }
}

/// Scheme, credentials, and everything behind them.
fn split(value: &str) -> Option<(&str, Option<&str>, &str)> {
    let (scheme, rest) = value.split_once("://")?;
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some(match rest[..authority_end].rfind('@') {
        Some(at) => (scheme, Some(&rest[..at]), &rest[at + 1..]),
        None => (scheme, None, rest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_and_go() {
        for (with, without) in [
            ("https://me:pw@index.example/simple", "https://index.example/simple"),
            ("own=https://me:p@w@index.example", "own=https://index.example"),
            ("https://index.example/a@b", "https://index.example/a@b"),
            ("60", "60"),
            ("/srv/a@b", "/srv/a@b"),
        ] {
            assert_eq!(without_credentials(with), without);
        }
        assert_eq!(
            with_credentials("https://index.example/a@b", "me:pw"),
            "https://me:pw@index.example/a@b"
        );
        assert_eq!(with_credentials("/srv/wheels", "me:pw"), "/srv/wheels");
    }
}
