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
        let text = match &cause {
            // The engine names the host itself, and the step did not begin.
            RemoteError::HostKeyMismatch(text)
            | RemoteError::AuthenticationFailed(text)
            | RemoteError::Unreachable(text)
                if text.contains(host) =>
            {
                text.clone()
            }
            RemoteError::Disconnected(text) => {
                let why = text.strip_prefix(host).and_then(|rest| rest.strip_prefix(": "));
                format!("{host}: {step}: connection lost: {}", why.unwrap_or(text))
            }
            _ => format!("{host}: {step}: {cause}"),
        };
        match cause {
            RemoteError::NotGranted(what) => Self::NotGranted(what),
            RemoteError::HostKeyMismatch(_) | RemoteError::AuthenticationFailed(_) => Self::Misconfigured(text),
            RemoteError::Unreachable(_) | RemoteError::Disconnected(_) => Self::Unavailable(text),
            RemoteError::Stopping => Self::Stopped(text),
            RemoteError::TimedOut(_) | RemoteError::Io(_) | RemoteError::Other(_) => Self::Failed(text),
        }
    }

    /// The same class with more lines to say.
    pub fn and(self, more: &[String]) -> Self {
        self.map(|text| {
            let lines = std::iter::once(text).chain(more.iter().cloned());
            lines.collect::<Vec<_>>().join("\n")
        })
    }

    /// The same class with what became of the hosts in its first line, before the cause: a summary shows no more.
    pub fn headed(self, head: &str) -> Self {
        match self {
            // What is to be granted stands first, as in every other stage.
            Self::NotGranted(text) => Self::NotGranted(format!("{text}; {head}")),
            other => other.map(|text| format!("{head}; {text}")),
        }
    }

    /// The same class, for what went wrong before anything was changed on a host.
    pub fn unchanged(self) -> Self {
        self.map(|text| match text.split_once('\n') {
            Some((first, rest)) => format!("{first} (nothing was changed)\n{rest}"),
            None => format!("{text} (nothing was changed)"),
        })
    }

    /// How it ended, for `deploy.log`.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Stopped(_) => "stopped",
            _ => "failed",
        }
    }

    fn map(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Failed(text) => Self::Failed(change(text)),
            Self::Misconfigured(text) => Self::Misconfigured(change(text)),
            Self::Unavailable(text) => Self::Unavailable(change(text)),
            Self::NotGranted(text) => Self::NotGranted(change(text)),
            Self::Stopped(text) => Self::Stopped(change(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts are the engine's own.
    #[test]
    fn a_host_is_named_once() {
        let host = "deploy@web.example";
        let at = |cause| DeployError::at(host, "swapping `current`", cause).to_string();
        assert_eq!(
            at(RemoteError::HostKeyMismatch(format!(
                "{host} shows the key K, pinned is L"
            ))),
            "deploy@web.example shows the key K, pinned is L"
        );
        assert_eq!(
            at(RemoteError::Unreachable(format!(
                "{host} at 192.0.2.7:22: connection refused"
            ))),
            "deploy@web.example at 192.0.2.7:22: connection refused"
        );
        assert_eq!(
            at(RemoteError::Disconnected(format!("{host}: the other side closed it"))),
            "deploy@web.example: swapping `current`: connection lost: the other side closed it"
        );
        assert_eq!(
            at(RemoteError::AuthenticationFailed(
                "the key of target \"web\" can't be used".into()
            )),
            "deploy@web.example: swapping `current`: the key of target \"web\" can't be used"
        );
    }
}
