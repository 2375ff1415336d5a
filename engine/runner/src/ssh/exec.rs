//! Commands on the other side, run to their end.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Duration;

use tidegate_sandbox::{SshError, SshExec, SshFinished, SshLine, Stream};

use super::call::Call;
use super::connection::Connection;
use super::limits::CAPTURE_BYTES;
use super::quote;
use super::remote::Stdin;

impl Connection {
    /// Runs one command and waits for its end. `output` gets what it prints as it comes; the same is captured, up to 8 MiB.
    ///
    /// The exit code is the command's own; 128 + the signal's number if a signal ended it, as shells count. An end without
    /// any status is an error, never a code.
    ///
    /// A daemon that the command leaves behind with its output open holds nothing up: two seconds of silence after the
    /// command's exit end the wait.
    ///
    /// # Errors
    ///
    /// `Disconnected` if the connection goes away or no status comes; `TimedOut` and `Stopping`, after the command got TERM
    /// and then KILL (as far as the server passes signals on) and its channel was closed.
    pub async fn exec(
        &self,
        exec: SshExec,
        output: impl Fn(Stream, &[u8]) + Send + Sync,
    ) -> Result<SshFinished, SshError> {
        let command = match exec.line {
            SshLine::Shell(line) => line.into_bytes(),
            SshLine::Argv(argv) if argv.is_empty() => {
                return Err(SshError::Other("the command has no words, not even a program".into()));
            }
            SshLine::Argv(argv) => quote::line(argv),
        };
        if command.contains(&0) {
            return Err(SshError::Other(
                "the command has a NUL byte, which no shell takes".into(),
            ));
        }
        // Behind a lock only because the future has to be able to move between threads; nobody else is there.
        let captured = Mutex::new(Captured::default());
        let sink = |stream: Stream, bytes: &[u8]| {
            output(stream, bytes);
            if let Ok(mut captured) = captured.lock() {
                captured.take(stream, bytes);
            }
            ControlFlow::Continue(())
        };
        let stdin = exec.stdin;
        let feed = |writer: Stdin| async move { writer.send(stdin.into()).await };
        let timeout = exec.timeout_ms.map(Duration::from_millis);
        let exit_code = Call::on(self).run(&command, feed, sink, timeout).await?;
        let captured = captured.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(SshFinished {
            exit_code,
            stdout: captured.stdout,
            stderr: captured.stderr,
            truncated: captured.truncated,
        })
    }
}

#[derive(Debug, Default)]
struct Captured {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    truncated: bool,
}

impl Captured {
    fn take(&mut self, stream: Stream, bytes: &[u8]) {
        let room = CAPTURE_BYTES - self.stdout.len() - self.stderr.len();
        let kept = &bytes[..bytes.len().min(room)];
        self.truncated |= kept.len() < bytes.len();
        match stream {
            Stream::Stdout => self.stdout.extend_from_slice(kept),
            Stream::Stderr => self.stderr.extend_from_slice(kept),
        }
    }
}
