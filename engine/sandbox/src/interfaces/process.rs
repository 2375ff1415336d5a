//! Native programs, put together here and started by the broker. Stopping is the broker's: a call that waits when a stop is
//! requested returns by its answer, and one that begins afterwards is carried out while the grace lasts.

use wasmtime::component::Resource;

use crate::attempt::Attempt;
use crate::bindings::process::{self, Error, Exit, Finished, Host, HostChild, HostCommand};
use crate::limits::{CAPTURE_BYTES, PIECE_BYTES};
use crate::{Command, ProcessError, ProcessId, Sink, Stream};

impl Attempt {
    fn process_error(&mut self, error: ProcessError) -> Error {
        if let ProcessError::NotGranted(text) = &error {
            self.note_denial(text);
        }
        error.into()
    }

    async fn start(
        &mut self,
        this: &Resource<Command>,
        interactive: bool,
    ) -> wasmtime::Result<Result<ProcessId, Error>> {
        let command = Command {
            interactive,
            ..self.guest.table.get(this)?.clone()
        };
        self.feed.settle().await;
        Ok(match self.broker.spawn(command).await {
            Ok(process) => {
                self.processes.insert(process);
                Ok(process)
            }
            Err(error) => Err(self.process_error(error)),
        })
    }

    async fn let_go(&mut self, process: ProcessId) {
        self.broker.drop_process(process).await;
        self.processes.remove(&process);
    }
}

impl Host for Attempt {
    async fn poll(&mut self, children: Vec<Resource<ProcessId>>, timeout_ms: u64) -> wasmtime::Result<Vec<u32>> {
        let mut processes = Vec::with_capacity(children.len());
        for child in &children {
            processes.push(*self.guest.table.get(child)?);
        }
        Ok(self.broker.poll(processes, timeout_ms).await)
    }
}

impl HostCommand for Attempt {
    async fn new(&mut self, program: String) -> wasmtime::Result<Resource<Command>> {
        self.charge(program.len())?;
        Ok(self.guest.table.push(Command {
            program,
            ..Command::default()
        })?)
    }

    async fn args(&mut self, this: Resource<Command>, args: Vec<String>) -> wasmtime::Result<()> {
        self.charge(args.iter().map(arg_bytes).sum())?;
        self.guest.table.get_mut(&this)?.args.extend(args);
        Ok(())
    }

    async fn env(&mut self, this: Resource<Command>, name: String, value: String) -> wasmtime::Result<()> {
        self.charge(arg_bytes(&name) + arg_bytes(&value))?;
        self.guest.table.get_mut(&this)?.env.push((name, value));
        Ok(())
    }

    async fn cwd(&mut self, this: Resource<Command>, path: String) -> wasmtime::Result<()> {
        self.charge(path.len())?;
        let before = self.guest.table.get_mut(&this)?.cwd.replace(path);
        self.refund(before.map_or(0, |path| path.len()));
        Ok(())
    }

    async fn stdin(&mut self, this: Resource<Command>, content: Vec<u8>) -> wasmtime::Result<()> {
        self.charge(content.len())?;
        let before = self.guest.table.get_mut(&this)?.stdin.replace(content);
        self.refund(before.map_or(0, |content| content.len()));
        Ok(())
    }

    async fn stdout(&mut self, this: Resource<Command>, to: process::Sink) -> wasmtime::Result<()> {
        self.guest.table.get_mut(&this)?.stdout = to.into();
        Ok(())
    }

    async fn stderr(&mut self, this: Resource<Command>, to: process::Sink) -> wasmtime::Result<()> {
        self.guest.table.get_mut(&this)?.stderr = to.into();
        Ok(())
    }

    async fn timeout_ms(&mut self, this: Resource<Command>, limit: u64) -> wasmtime::Result<()> {
        self.guest.table.get_mut(&this)?.timeout_ms = Some(limit);
        Ok(())
    }

    async fn run(&mut self, this: Resource<Command>) -> wasmtime::Result<Result<Finished, Error>> {
        let process = match self.start(&this, false).await? {
            Ok(process) => process,
            Err(error) => return Ok(Err(error)),
        };
        let finished = self.broker.wait(process).await;
        self.let_go(process).await;
        Ok(finished.map(Into::into).map_err(|error| self.process_error(error)))
    }

    async fn spawn(&mut self, this: Resource<Command>) -> wasmtime::Result<Result<Resource<ProcessId>, Error>> {
        Ok(match self.start(&this, true).await? {
            Ok(process) => Ok(self.guest.table.push(process)?),
            Err(error) => Err(error),
        })
    }

    async fn drop(&mut self, this: Resource<Command>) -> wasmtime::Result<()> {
        let command = self.guest.table.delete(this)?;
        let args: usize = command.args.iter().map(arg_bytes).sum();
        let env: usize = command
            .env
            .iter()
            .map(|(name, value)| arg_bytes(name) + arg_bytes(value))
            .sum();
        let rest = command.cwd.map_or(0, |path| path.len()) + command.stdin.map_or(0, |content| content.len());
        self.refund(command.program.len() + args + env + rest);
        Ok(())
    }
}

impl HostChild for Attempt {
    async fn read_stdout(&mut self, this: Resource<ProcessId>) -> wasmtime::Result<Vec<u8>> {
        let process = *self.guest.table.get(&this)?;
        Ok(self.broker.read_output(process, Stream::Stdout).await)
    }

    async fn read_stderr(&mut self, this: Resource<ProcessId>) -> wasmtime::Result<Vec<u8>> {
        let process = *self.guest.table.get(&this)?;
        Ok(self.broker.read_output(process, Stream::Stderr).await)
    }

    async fn write_stdin(
        &mut self,
        this: Resource<ProcessId>,
        content: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let process = *self.guest.table.get(&this)?;
        for piece in content.chunks(PIECE_BYTES) {
            let written = self.broker.write_stdin(process, piece.to_vec()).await;
            if let Err(error) = written {
                return Ok(Err(self.process_error(error)));
            }
        }
        Ok(Ok(()))
    }

    async fn close_stdin(&mut self, this: Resource<ProcessId>) -> wasmtime::Result<()> {
        let process = *self.guest.table.get(&this)?;
        self.broker.close_stdin(process).await;
        Ok(())
    }

    async fn finished(&mut self, this: Resource<ProcessId>) -> wasmtime::Result<Option<Exit>> {
        let process = *self.guest.table.get(&this)?;
        Ok(self.broker.exit(process).await.map(Into::into))
    }

    async fn kill(&mut self, this: Resource<ProcessId>) -> wasmtime::Result<()> {
        let process = *self.guest.table.get(&this)?;
        self.broker.kill(process).await;
        Ok(())
    }

    async fn drop(&mut self, this: Resource<ProcessId>) -> wasmtime::Result<()> {
        let process = self.guest.table.delete(this)?;
        self.let_go(process).await;
        Ok(())
    }
}

/// What a string costs the host, also when it is empty.
fn arg_bytes(text: impl AsRef<str>) -> usize {
    size_of::<String>() + text.as_ref().len()
}

impl From<process::Sink> for Sink {
    fn from(sink: process::Sink) -> Self {
        match sink {
            process::Sink::Log => Self::Log,
            process::Sink::Capture => Self::Capture,
            process::Sink::Discard => Self::Discard,
        }
    }
}

impl From<crate::Finished> for Finished {
    fn from(mut finished: crate::Finished) -> Self {
        let over = finished.stdout.len().max(finished.stderr.len()) > CAPTURE_BYTES;
        finished.stdout.truncate(CAPTURE_BYTES);
        finished.stderr.truncate(CAPTURE_BYTES);
        Self {
            exit: finished.exit.into(),
            stdout: finished.stdout,
            stderr: finished.stderr,
            truncated: finished.truncated || over,
        }
    }
}

impl From<crate::Exit> for Exit {
    fn from(exit: crate::Exit) -> Self {
        match exit {
            crate::Exit::Code(code) => Self::Code(code),
            crate::Exit::Signal(signal) => Self::Signal(signal),
            crate::Exit::TimedOut => Self::TimedOut,
            crate::Exit::OutOfMemory => Self::OutOfMemory,
            crate::Exit::Stopped => Self::Stopped,
            crate::Exit::Other(text) => Self::Other(text),
        }
    }
}

impl From<ProcessError> for Error {
    fn from(error: ProcessError) -> Self {
        match error {
            ProcessError::NotGranted(text) => Self::NotGranted(text),
            ProcessError::NotFound(text) => Self::NotFound(text),
            ProcessError::NotConfinable(text) => Self::NotConfinable(text),
            ProcessError::FailedToStart(text) => Self::FailedToStart(text),
            ProcessError::Stopping => Self::Stopping,
            ProcessError::Other(text) => Self::Other(text),
        }
    }
}
