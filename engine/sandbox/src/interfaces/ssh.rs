//! SSH targets. Keys, host keys and the protocol stay with the broker.

use wasmtime::component::Resource;

use crate::attempt::Attempt;
use crate::bindings::ssh::{Error, Finished, Host, HostConnection};
use crate::limits::CAPTURE_BYTES;
use crate::{ConnectionId, SshError, SshExec, SshFinished, SshLine};

impl Attempt {
    fn ssh_answer<T>(&mut self, answer: Result<T, SshError>) -> Result<T, Error> {
        if let Err(SshError::NotGranted(text)) = &answer {
            self.note_denial(text);
        }
        answer.map_err(Into::into)
    }

    async fn ssh_run(
        &mut self,
        this: &Resource<ConnectionId>,
        exec: SshExec,
    ) -> wasmtime::Result<Result<Finished, Error>> {
        let connection = *self.guest.table.get(this)?;
        self.feed.settle().await;
        let answer = self.broker.ssh_exec(connection, exec).await;
        Ok(self.ssh_answer(answer).map(Into::into))
    }
}

impl Host for Attempt {
    async fn hosts(&mut self, target: String) -> wasmtime::Result<Result<Vec<String>, Error>> {
        let answer = self.broker.ssh_hosts(target).await;
        Ok(self.ssh_answer(answer))
    }
}

impl HostConnection for Attempt {
    async fn open(&mut self, target: String, host: String) -> wasmtime::Result<Result<Resource<ConnectionId>, Error>> {
        self.feed.settle().await;
        let answer = self.broker.ssh_open(target, host).await;
        Ok(match self.ssh_answer(answer) {
            Ok(connection) => {
                self.connections.insert(connection);
                Ok(self.guest.table.push(connection)?)
            }
            Err(error) => Err(error),
        })
    }

    async fn exec(
        &mut self,
        this: Resource<ConnectionId>,
        argv: Vec<String>,
        stdin: Vec<u8>,
        timeout_ms: Option<u64>,
    ) -> wasmtime::Result<Result<Finished, Error>> {
        self.ssh_run(
            &this,
            SshExec {
                line: SshLine::Argv(argv),
                stdin,
                timeout_ms,
            },
        )
        .await
    }

    async fn shell(
        &mut self,
        this: Resource<ConnectionId>,
        line: String,
        stdin: Vec<u8>,
        timeout_ms: Option<u64>,
    ) -> wasmtime::Result<Result<Finished, Error>> {
        self.ssh_run(
            &this,
            SshExec {
                line: SshLine::Shell(line),
                stdin,
                timeout_ms,
            },
        )
        .await
    }

    async fn upload(
        &mut self,
        this: Resource<ConnectionId>,
        local: String,
        remote: String,
        exclude: Vec<String>,
    ) -> wasmtime::Result<Result<u64, Error>> {
        let connection = *self.guest.table.get(&this)?;
        self.feed.settle().await;
        let answer = self.broker.ssh_upload(connection, local, remote, exclude).await;
        Ok(self.ssh_answer(answer))
    }

    async fn write_file(
        &mut self,
        this: Resource<ConnectionId>,
        remote: String,
        content: Vec<u8>,
        mode: u32,
    ) -> wasmtime::Result<Result<(), Error>> {
        let connection = *self.guest.table.get(&this)?;
        let answer = self.broker.ssh_write_file(connection, remote, content, mode).await;
        Ok(self.ssh_answer(answer))
    }

    async fn read_file(
        &mut self,
        this: Resource<ConnectionId>,
        remote: String,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let connection = *self.guest.table.get(&this)?;
        let answer = self.broker.ssh_read_file(connection, remote).await;
        Ok(self.ssh_answer(answer))
    }

    async fn drop(&mut self, this: Resource<ConnectionId>) -> wasmtime::Result<()> {
        let connection = self.guest.table.delete(this)?;
        self.broker.ssh_close(connection).await;
        self.connections.remove(&connection);
        Ok(())
    }
}

impl From<SshFinished> for Finished {
    fn from(mut finished: SshFinished) -> Self {
        let over = finished.stdout.len().max(finished.stderr.len()) > CAPTURE_BYTES;
        finished.stdout.truncate(CAPTURE_BYTES);
        finished.stderr.truncate(CAPTURE_BYTES);
        Self {
            exit_code: finished.exit_code,
            stdout: finished.stdout,
            stderr: finished.stderr,
            truncated: finished.truncated || over,
        }
    }
}

impl From<SshError> for Error {
    fn from(error: SshError) -> Self {
        match error {
            SshError::NotGranted(text) => Self::NotGranted(text),
            SshError::Unreachable(text) => Self::Unreachable(text),
            SshError::HostKeyMismatch(text) => Self::HostKeyMismatch(text),
            SshError::AuthenticationFailed(text) => Self::AuthenticationFailed(text),
            SshError::Disconnected(text) => Self::Disconnected(text),
            SshError::TimedOut => Self::TimedOut,
            SshError::RemoteIo(text) => Self::RemoteIo(text),
            SshError::Stopping => Self::Stopping,
            SshError::Other(text) => Self::Other(text),
        }
    }
}
