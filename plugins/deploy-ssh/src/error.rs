//! Why a deployment did not end well.

use thiserror::Error;

use crate::remote::RemoteError;

/// The text says what happened, where, and which release serves now.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeployError {
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Misconfigured(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("not granted: {0}")]
    NotGranted(String),
    #[error("{0}")]
    Stopped(String),
}

impl DeployError {
    /// The error of a call to a host while it was busy with `step`.
    pub fn at(host: &str, step: &str, cause: RemoteError) -> Self {
        let text = format!("{host}: {step}: {cause}");
        match cause {
            RemoteError::NotGranted(what) => Self::NotGranted(what),
            RemoteError::HostKeyMismatch(_) | RemoteError::AuthenticationFailed(_) => Self::Misconfigured(text),
            RemoteError::Unreachable(_) | RemoteError::Disconnected(_) => Self::Unavailable(text),
            RemoteError::Stopping => Self::Stopped(text),
            RemoteError::TimedOut(_) | RemoteError::Io(_) | RemoteError::Other(_) => Self::Failed(text),
        }
    }

    /// The same class with more to say.
    pub fn and(self, more: &str) -> Self {
        let join = |text: String| {
            if more.is_empty() {
                text
            } else {
                format!("{text}\n{more}")
            }
        };
        match self {
            Self::Failed(text) => Self::Failed(join(text)),
            Self::Misconfigured(text) => Self::Misconfigured(join(text)),
            Self::Unavailable(text) => Self::Unavailable(join(text)),
            Self::NotGranted(text) => Self::NotGranted(join(text)),
            Self::Stopped(text) => Self::Stopped(join(text)),
        }
    }
}
