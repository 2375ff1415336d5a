//! The codes of what can go wrong, each with its page.

use tidegate_sandbox::SshError;

const CODES: &[(&str, &str, &str)] = &[
    (
        "ssh/authentication-failed",
        "the host refused the key, or the key can't be read",
        include_str!("../explain/ssh/authentication-failed.md"),
    ),
    (
        "ssh/disconnected",
        "the connection went away before the command's end was known",
        include_str!("../explain/ssh/disconnected.md"),
    ),
    (
        "ssh/host-key-mismatch",
        "the host shows a key that is not pinned",
        include_str!("../explain/ssh/host-key-mismatch.md"),
    ),
    (
        "ssh/not-granted",
        "the stage may not use this target",
        include_str!("../explain/ssh/not-granted.md"),
    ),
    (
        "ssh/refused",
        "the engine or the host does not do what was asked",
        include_str!("../explain/ssh/refused.md"),
    ),
    (
        "ssh/remote-io",
        "a file on the other side could not be read or written",
        include_str!("../explain/ssh/remote-io.md"),
    ),
    (
        "ssh/stopping",
        "the run is being stopped",
        include_str!("../explain/ssh/stopping.md"),
    ),
    (
        "ssh/timed-out",
        "a command took longer than its limit",
        include_str!("../explain/ssh/timed-out.md"),
    ),
    (
        "ssh/unreachable",
        "no connection to the host came about",
        include_str!("../explain/ssh/unreachable.md"),
    ),
];

/// Code, one line, and a page in Markdown; sorted by code.
pub fn codes() -> &'static [(&'static str, &'static str, &'static str)] {
    CODES
}

/// The code of an error.
pub fn code(error: &SshError) -> &'static str {
    match error {
        SshError::NotGranted(_) => "ssh/not-granted",
        SshError::Unreachable(_) => "ssh/unreachable",
        SshError::HostKeyMismatch(_) => "ssh/host-key-mismatch",
        SshError::AuthenticationFailed(_) => "ssh/authentication-failed",
        SshError::Disconnected(_) => "ssh/disconnected",
        SshError::TimedOut => "ssh/timed-out",
        SshError::RemoteIo(_) => "ssh/remote-io",
        SshError::Stopping => "ssh/stopping",
        SshError::Other(_) => "ssh/refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_page_that_starts_with_its_code() {
        let text = || String::new();
        let errors = [
            SshError::NotGranted(text()),
            SshError::Unreachable(text()),
            SshError::HostKeyMismatch(text()),
            SshError::AuthenticationFailed(text()),
            SshError::Disconnected(text()),
            SshError::TimedOut,
            SshError::RemoteIo(text()),
            SshError::Stopping,
            SshError::Other(text()),
        ];
        let mut named: Vec<_> = errors.iter().map(code).collect();
        named.sort_unstable();
        assert_eq!(named, codes().iter().map(|(code, ..)| *code).collect::<Vec<_>>());
        for (code, _, page) in codes() {
            assert!(page.starts_with(&format!("# {code}\n")), "{code}");
        }
    }
}
