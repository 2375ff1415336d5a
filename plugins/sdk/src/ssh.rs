//! SSH targets of the manifest. Keys and host-key checks stay with the engine.

use std::time::Duration;

use thiserror::Error;

use crate::bindings::tidegate::stage::ssh as host;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    #[error("not granted: {0}")]
    NotGranted(String),
    #[error("unreachable: {0}")]
    Unreachable(String),
    #[error("{0}")]
    HostKeyMismatch(String),
    #[error("{0}")]
    AuthenticationFailed(String),
    #[error("disconnected: {0}")]
    Disconnected(String),
    #[error("the remote command did not end in time")]
    TimedOut,
    #[error("{0}")]
    RemoteIo(String),
    #[error("stopped, because the run is being stopped")]
    Stopping,
    #[error("{0}")]
    Other(String),
}

/// The hosts of a target, in the manifest's order.
pub fn hosts(target: &str) -> Result<Vec<String>, Error> {
    host::hosts(target).map_err(from_host)
}

/// A connection to one host; closed when it is dropped.
#[derive(Debug)]
pub struct Connection(host::Connection);

/// A remote command that ended by itself. Ask for `exit_code`: a failed command is no [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// 128 + N when signal N ended it.
    pub exit_code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The output was longer than what the engine keeps.
    pub truncated: bool,
}

/// What a remote command gets besides its words. Default: an empty standard input, no time limit of its own.
#[derive(Debug, Clone, Default)]
pub struct Exec {
    pub stdin: Vec<u8>,
    pub timeout: Option<Duration>,
}

impl Connection {
    pub fn open(target: &str, host: &str) -> Result<Self, Error> {
        host::Connection::open(target, host).map(Self).map_err(from_host)
    }

    /// Runs a program; the engine quotes the words for the remote shell. Output is logged as it comes, and captured.
    pub fn exec(&self, argv: &[&str], with: &Exec) -> Result<Finished, Error> {
        let argv: Vec<String> = argv.iter().map(|&word| word.to_owned()).collect();
        self.0
            .exec(&argv, &with.stdin, with.timeout_ms())
            .map(finished)
            .map_err(from_host)
    }

    /// Runs a command line as the manifest's author wrote it. Never put a value of the stage's own into `line`.
    pub fn shell(&self, line: &str, with: &Exec) -> Result<Finished, Error> {
        self.0
            .shell(line, &with.stdin, with.timeout_ms())
            .map(finished)
            .map_err(from_host)
    }

    /// Makes `remote` equal to a file or folder of the workspace or of an artifact; bytes sent. Files of the other side that
    /// match `exclude` (gitignore-style) are left alone.
    pub fn upload(&self, local: &str, remote: &str, exclude: &[String]) -> Result<u64, Error> {
        self.0.upload(local, remote, exclude).map_err(from_host)
    }

    pub fn write_file(&self, remote: &str, content: &[u8], mode: u32) -> Result<(), Error> {
        self.0.write_file(remote, content, mode).map_err(from_host)
    }

    pub fn read_file(&self, remote: &str) -> Result<Vec<u8>, Error> {
        self.0.read_file(remote).map_err(from_host)
    }
}

impl Exec {
    fn timeout_ms(&self) -> Option<u64> {
        self.timeout
            .map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Finished {
    pub fn success(&self) -> bool {
        self.exit_code == 0
    }

    /// Standard output as text, without the white space around it.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }

    /// Standard error as text, without the white space around it.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim().to_owned()
    }
}

fn finished(finished: host::Finished) -> Finished {
    Finished {
        exit_code: finished.exit_code,
        stdout: finished.stdout,
        stderr: finished.stderr,
        truncated: finished.truncated,
    }
}

fn from_host(error: host::Error) -> Error {
    match error {
        host::Error::NotGranted(text) => Error::NotGranted(text),
        host::Error::Unreachable(text) => Error::Unreachable(text),
        host::Error::HostKeyMismatch(text) => Error::HostKeyMismatch(text),
        host::Error::AuthenticationFailed(text) => Error::AuthenticationFailed(text),
        host::Error::Disconnected(text) => Error::Disconnected(text),
        host::Error::TimedOut => Error::TimedOut,
        host::Error::RemoteIo(text) => Error::RemoteIo(text),
        host::Error::Stopping => Error::Stopping,
        host::Error::Other(text) => Error::Other(text),
    }
}
