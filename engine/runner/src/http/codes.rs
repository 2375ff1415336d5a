//! The codes of what can go wrong, each with its page.

use tidegate_sandbox::HttpError;

const CODES: &[(&str, &str, &str)] = &[
    (
        "http/not-granted",
        "the stage may not send requests to this origin",
        include_str!("../explain/http/not-granted.md"),
    ),
    (
        "http/refused",
        "the request can't be sent as it is",
        include_str!("../explain/http/refused.md"),
    ),
    (
        "http/stopping",
        "the run is being stopped",
        include_str!("../explain/http/stopping.md"),
    ),
    (
        "http/timed-out",
        "the answer took longer than the limit",
        include_str!("../explain/http/timed-out.md"),
    ),
    (
        "http/tls",
        "the host could not prove who it is",
        include_str!("../explain/http/tls.md"),
    ),
    (
        "http/too-large",
        "a body has more than 8 MiB",
        include_str!("../explain/http/too-large.md"),
    ),
    (
        "http/unreachable",
        "the host is not there or broke off",
        include_str!("../explain/http/unreachable.md"),
    ),
];

/// Code, one line, and a page in Markdown; sorted by code.
pub fn codes() -> &'static [(&'static str, &'static str, &'static str)] {
    CODES
}

/// The code of an error.
pub fn code(error: &HttpError) -> &'static str {
    match error {
        HttpError::NotGranted(_) => "http/not-granted",
        HttpError::Unreachable(_) => "http/unreachable",
        HttpError::Tls(_) => "http/tls",
        HttpError::TimedOut => "http/timed-out",
        HttpError::TooLarge(_) => "http/too-large",
        HttpError::Stopping => "http/stopping",
        HttpError::Other(_) => "http/refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_page_that_starts_with_its_code() {
        let text = || String::new();
        let errors = [
            HttpError::NotGranted(text()),
            HttpError::Unreachable(text()),
            HttpError::Tls(text()),
            HttpError::TimedOut,
            HttpError::TooLarge(0),
            HttpError::Stopping,
            HttpError::Other(text()),
        ];
        let mut named: Vec<_> = errors.iter().map(code).collect();
        named.sort_unstable();
        assert_eq!(named, codes().iter().map(|(code, ..)| *code).collect::<Vec<_>>());
        for (code, _, page) in codes() {
            assert!(page.starts_with(&format!("# {code}\n")), "{code}");
        }
    }
}
