//! A host of the target, through the engine's SSH.

use std::time::Duration;

use tidegate_sdk::ssh::{self, Connection, Exec};

use crate::remote::{Finished, Remote, RemoteError};

pub struct EngineRemote {
    target: String,
    host: String,
    /// Opened by the first call, and again by the first call after it broke.
    connection: Option<Connection>,
}

impl EngineRemote {
    pub fn new(target: &str, host: &str) -> Self {
        Self {
            target: target.to_owned(),
            host: host.to_owned(),
            connection: None,
        }
    }

    fn with<T>(
        &mut self,
        timeout: Option<Duration>,
        call: impl FnOnce(&Connection) -> Result<T, ssh::Error>,
    ) -> Result<T, RemoteError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.target, &self.host).map_err(|error| translate(error, timeout))?,
        };
        let result = call(&connection);
        if !matches!(
            result,
            Err(ssh::Error::Disconnected(_) | ssh::Error::Unreachable(_) | ssh::Error::Stopping)
        ) {
            self.connection = Some(connection);
        }
        result.map_err(|error| translate(error, timeout))
    }
}

impl Remote for EngineRemote {
    fn host(&self) -> &str {
        &self.host
    }

    fn exec(&mut self, argv: &[&str], timeout: Duration) -> Result<Finished, RemoteError> {
        let with = Exec {
            stdin: Vec::new(),
            timeout: Some(timeout),
        };
        self.with(Some(timeout), |connection| connection.exec(argv, &with))
            .map(finished)
    }

    fn shell(&mut self, line: &str, timeout: Duration) -> Result<Finished, RemoteError> {
        let with = Exec {
            stdin: Vec::new(),
            timeout: Some(timeout),
        };
        self.with(Some(timeout), |connection| connection.shell(line, &with))
            .map(finished)
    }

    fn upload(&mut self, local: &str, remote: &str, exclude: &[String]) -> Result<u64, RemoteError> {
        self.with(None, |connection| connection.upload(local, remote, exclude))
    }
}

fn finished(finished: ssh::Finished) -> Finished {
    Finished {
        exit_code: finished.exit_code,
        stdout: String::from_utf8_lossy(&finished.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&finished.stderr).into_owned(),
    }
}

fn translate(error: ssh::Error, timeout: Option<Duration>) -> RemoteError {
    match error {
        ssh::Error::NotGranted(text) => RemoteError::NotGranted(text),
        ssh::Error::Unreachable(text) => RemoteError::Unreachable(text),
        ssh::Error::HostKeyMismatch(text) => RemoteError::HostKeyMismatch(text),
        ssh::Error::AuthenticationFailed(text) => RemoteError::AuthenticationFailed(text),
        ssh::Error::Disconnected(text) => RemoteError::Disconnected(text),
        ssh::Error::TimedOut => match timeout {
            Some(timeout) => RemoteError::TimedOut(timeout),
            None => RemoteError::Unreachable("no answer in time".to_owned()),
        },
        ssh::Error::RemoteIo(text) => RemoteError::Io(text),
        ssh::Error::Stopping => RemoteError::Stopping,
        ssh::Error::Other(text) => RemoteError::Other(text),
    }
}
