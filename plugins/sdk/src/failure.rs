use std::io;

use thiserror::Error;

use crate::{files, http, process, secrets, source, ssh};

/// Why a stage did not pass. The class decides what the engine does with it, and how the run exits.
///
/// Every error of this crate converts into it, so `?` works in `run`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// The stage did its work and the answer is no: a test failed, a migration is missing.
    #[error("{0}")]
    Failed(String),
    /// The stage can't work with this configuration or project: somebody has to change a file.
    #[error("{0}")]
    Misconfigured(String),
    /// The world was not there: a retry may help.
    #[error("{0}")]
    Unavailable(String),
    /// None of these: the stage could not do its work and gave no answer. The engine reports it as unavailable, or as denied
    /// when the text has that of an answer `not-granted` in it.
    #[error("{0}")]
    Other(String),
}

pub fn failed(text: impl Into<String>) -> Failure {
    Failure::Failed(text.into())
}

pub fn misconfigured(text: impl Into<String>) -> Failure {
    Failure::Misconfigured(text.into())
}

pub fn unavailable(text: impl Into<String>) -> Failure {
    Failure::Unavailable(text.into())
}

/// Never for an answer: an answer that is no is [`failed`].
pub fn other(text: impl Into<String>) -> Failure {
    Failure::Other(text.into())
}

impl From<process::Error> for Failure {
    fn from(error: process::Error) -> Self {
        let text = error.to_string();
        match error {
            process::Error::NotFound(_) | process::Error::NotConfinable(_) | process::Error::FailedToStart(_) => {
                misconfigured(text)
            }
            process::Error::NotGranted(_) | process::Error::Stopping | process::Error::Other(_) => other(text),
        }
    }
}

impl From<ssh::Error> for Failure {
    fn from(error: ssh::Error) -> Self {
        let text = error.to_string();
        match error {
            ssh::Error::Unreachable(_) | ssh::Error::Disconnected(_) | ssh::Error::TimedOut => unavailable(text),
            ssh::Error::HostKeyMismatch(_) | ssh::Error::AuthenticationFailed(_) => misconfigured(text),
            ssh::Error::NotGranted(_) | ssh::Error::RemoteIo(_) | ssh::Error::Stopping | ssh::Error::Other(_) => {
                other(text)
            }
        }
    }
}

impl From<http::Error> for Failure {
    fn from(error: http::Error) -> Self {
        let text = error.to_string();
        match error {
            http::Error::Unreachable(_) | http::Error::TimedOut => unavailable(text),
            http::Error::Tls(_) => misconfigured(text),
            http::Error::NotGranted(_) | http::Error::TooLarge(_) | http::Error::Stopping | http::Error::Other(_) => {
                other(text)
            }
        }
    }
}

impl From<files::Error> for Failure {
    fn from(error: files::Error) -> Self {
        let text = error.to_string();
        match error {
            files::Error::NotFound(_) | files::Error::TooLarge { .. } | files::Error::NotText(_) => misconfigured(text),
            files::Error::NotGranted(_) | files::Error::Other(_) => other(text),
        }
    }
}

impl From<secrets::Error> for Failure {
    fn from(error: secrets::Error) -> Self {
        let text = error.to_string();
        match error {
            secrets::Error::Unavailable(_) => unavailable(text),
            secrets::Error::NotGranted(_) | secrets::Error::Other(_) => other(text),
        }
    }
}

impl From<source::Error> for Failure {
    fn from(error: source::Error) -> Self {
        let text = error.to_string();
        match error {
            source::Error::NotARepository | source::Error::UnknownBase(_) | source::Error::Shallow(_) => {
                misconfigured(text)
            }
            source::Error::NotGranted(_) | source::Error::Other(_) => other(text),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // No place to write to is a matter of the manifest.
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                misconfigured(error.to_string())
            }
            _ => other(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_granted_is_left_to_the_engine_to_name() {
        let all = [
            Failure::from(process::Error::NotGranted("python".into())),
            Failure::from(ssh::Error::NotGranted("staging".into())),
            Failure::from(http::Error::NotGranted("https://example.com".into())),
            Failure::from(files::Error::NotGranted("dist".into())),
            Failure::from(secrets::Error::NotGranted("token".into())),
            Failure::from(source::Error::NotGranted("source".into())),
        ];
        for failure in all {
            assert!(
                matches!(&failure, Failure::Other(text) if text.starts_with("not granted: ")),
                "{failure:?}"
            );
        }
    }

    #[test]
    fn a_fault_of_the_host_is_never_an_answer() {
        let all = [
            Failure::from(process::Error::Other("its cell is gone".into())),
            Failure::from(files::Error::Other("input/output error".into())),
            Failure::from(io::Error::from(io::ErrorKind::StorageFull)),
        ];
        for failure in all {
            assert!(matches!(&failure, Failure::Other(_)), "{failure:?}");
        }
        let no_place = Failure::from(io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(matches!(no_place, Failure::Misconfigured(_)));
    }

    #[test]
    fn an_absent_world_asks_for_a_retry() {
        assert!(matches!(
            Failure::from(ssh::Error::Disconnected("host".into())),
            Failure::Unavailable(_)
        ));
        assert!(matches!(Failure::from(http::Error::TimedOut), Failure::Unavailable(_)));
        assert!(matches!(
            Failure::from(ssh::Error::HostKeyMismatch("host".into())),
            Failure::Misconfigured(_)
        ));
    }
}
