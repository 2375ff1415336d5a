//! What the deployment needs from one host.

use std::time::Duration;

use thiserror::Error;

/// One host, reached somehow. The engine's SSH in a component, a local shell in tests.
///
/// A call after `Disconnected` connects again: cleaning up must be possible after a broken connection.
pub trait Remote {
    /// The host as the manifest writes it.
    fn host(&self) -> &str;
    /// Runs a program, arguments untouched by any shell.
    fn exec(&mut self, argv: &[&str], timeout: Duration) -> Result<Finished, RemoteError>;
    /// Runs a command line by the login shell, with its output shown to people.
    fn shell(&mut self, line: &str, timeout: Duration) -> Result<Finished, RemoteError>;
    /// Makes the folder `remote` equal to `local`, except for what `exclude` matches; returns the bytes sent.
    fn upload(&mut self, local: &str, remote: &str, exclude: &[String]) -> Result<u64, RemoteError>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    pub exit_code: i32,
    pub stdout: String,
    pub stderr: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RemoteError {
    #[error("not granted: {0}")]
    NotGranted(String),
    #[error("{0}")]
    HostKeyMismatch(String),
    #[error("{0}")]
    AuthenticationFailed(String),
    #[error("unreachable: {0}")]
    Unreachable(String),
    #[error("connection lost: {0}")]
    Disconnected(String),
    #[error("no end within {}s", .0.as_secs())]
    TimedOut(Duration),
    #[error("{0}")]
    Io(String),
    #[error("stopped")]
    Stopping,
    #[error("{0}")]
    Other(String),
}
