//! One native program of a stage, from its start to its end.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tidegate_confine::Child;
use tidegate_sandbox::{Exit, Level, Sink, Stop};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::unix::pipe;
use tokio::sync::{Mutex, Notify, watch};

use super::capture::{Capture, CaptureBudget};
use super::intake::Intake;
use crate::event::LogSource;
use crate::interrupt::Interrupt;
use crate::line_buffer::LineBuffer;

/// Between asking a program to end and ending it: time for a test runner to write its report. Shorter than any stage's own
/// grace, which it is a part of.
const TERMINATE_GRACE: Duration = Duration::from_secs(2);
/// Output that is still on its way when all writers are gone is in the pipe: one read's worth at most.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
const READ_BYTES: usize = 64 << 10;

pub(super) struct Process {
    pub(super) stdout: Arc<Capture>,
    pub(super) stderr: Arc<Capture>,
    stdin: Mutex<Option<pipe::Sender>>,
    exit: watch::Receiver<Option<Exit>>,
    kill: Arc<Notify>,
}

/// The engine's ends of a program's pipes.
pub(super) struct Pipes {
    pub(super) stdin: Option<pipe::Sender>,
    pub(super) stdout: pipe::Receiver,
    pub(super) stderr: pipe::Receiver,
}

pub(super) struct Start {
    pub(super) child: Child,
    pub(super) pipes: Pipes,
    pub(super) stdout: Sink,
    pub(super) stderr: Sink,
    pub(super) interactive: bool,
    /// Written to standard input, which is then closed.
    pub(super) input: Option<Vec<u8>>,
    pub(super) timeout: Option<Duration>,
    /// What its output may take of the engine's memory, together with the attempt's other programs.
    pub(super) budget: CaptureBudget,
}

impl Process {
    /// `changed` is notified whenever there is something to see: output, or the end.
    pub(super) fn start(start: Start, intake: Arc<Intake>, stop: Stop, changed: Arc<Notify>) -> Self {
        let stdout = Arc::new(Capture::new(start.interactive, start.budget.clone()));
        let stderr = Arc::new(Capture::new(start.interactive, start.budget.clone()));
        let kill = Arc::new(Notify::new());
        let (exit_sender, exit) = watch::channel(None);
        let pump = |pipe, sink, source, capture: &Arc<Capture>| {
            let (intake, capture, changed) = (intake.clone(), capture.clone(), changed.clone());
            tokio::spawn(pump(pipe, sink, source, intake, capture, changed))
        };
        let pumps = [
            pump(start.pipes.stdout, start.stdout, LogSource::Stdout, &stdout),
            pump(start.pipes.stderr, start.stderr, LogSource::Stderr, &stderr),
        ];
        let stdin = match (start.input, start.pipes.stdin) {
            (Some(input), Some(mut pipe)) => {
                // A program that does not read its input is no fault of anyone.
                tokio::spawn(async move { drop(pipe.write_all(&input).await) });
                None
            }
            (None, pipe) if start.interactive => pipe,
            _ => None,
        };
        let supervised = supervise(start.child, start.timeout, stop, kill.clone());
        tokio::spawn(async move {
            let ended = supervised.await;
            for pump in pumps {
                let abort = pump.abort_handle();
                if tokio::time::timeout(DRAIN_TIMEOUT, pump).await.is_err() {
                    abort.abort();
                }
            }
            exit_sender.send_replace(Some(ended));
            changed.notify_waiters();
        });
        Self {
            stdout,
            stderr,
            stdin: Mutex::new(stdin),
            exit,
            kill,
        }
    }

    pub(super) fn exit(&self) -> Option<Exit> {
        self.exit.borrow().clone()
    }

    pub(super) async fn ended(&self) -> Exit {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().unwrap_or(Exit::Stopped),
            Err(_) => Exit::Other("its supervisor is gone".into()),
        }
    }

    pub(super) fn kill(&self) {
        self.kill.notify_one();
    }

    /// Waits while the program does not read.
    pub(super) async fn write(&self, content: &[u8]) -> Result<(), String> {
        match &mut *self.stdin.lock().await {
            Some(pipe) => pipe.write_all(content).await.map_err(|error| error.to_string()),
            None => Err("its standard input is closed".into()),
        }
    }

    pub(super) async fn close_stdin(&self) {
        *self.stdin.lock().await = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the end, and brings it about on a timeout, a stop or a kill.
async fn supervise(child: Child, timeout: Option<Duration>, stop: Stop, kill: Arc<Notify>) -> Exit {
    let ended = match ended_fd(&child) {
        Ok(fd) => fd,
        Err(error) => return Exit::Other(format!("it can't be watched: {error}")),
    };
    // A program that is started after a stop, to leave things whole, has what is left of the stage's grace.
    let interrupt = Interrupt::from_now(&stop);
    let limit = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let forced = tokio::select! {
        _ = ended.readable() => None,
        () = limit => Some(Exit::TimedOut),
        () = interrupt.requested() => Some(Exit::Stopped),
        () = kill.notified() => {
            child.kill();
            None
        }
    };
    if forced.is_some() {
        child.terminate(libc::SIGTERM);
        let patience = async {
            tokio::select! {
                () = tokio::time::sleep(TERMINATE_GRACE) => {}
                () = kill.notified() => {}
            }
        };
        tokio::select! {
            _ = ended.readable() => {}
            () = patience => child.kill(),
        }
    }
    let _ = ended.readable().await;
    let exit = match child.try_wait() {
        Some(tidegate_confine::Exit::Code(code)) => Exit::Code(code),
        Some(tidegate_confine::Exit::Signal(signal)) => Exit::Signal(signal),
        None => Exit::Other("its cell is gone".into()),
    };
    forced.unwrap_or(exit)
}

#[expect(
    unsafe_code,
    reason = "tokio asks for a promise about the descriptor that its types can't express"
)]
fn ended_fd(child: &Child) -> std::io::Result<AsyncFd<OwnedFd>> {
    use std::os::fd::AsFd;
    let ended = child.as_fd().try_clone_to_owned()?;
    // SAFETY: an `OwnedFd` always gives the same descriptor, which stays open until the `AsyncFd` drops it.
    let registered = unsafe { AsyncFd::register_with_interest(ended, Interest::READABLE) };
    registered.map_err(std::io::Error::from)
}

async fn pump(
    mut pipe: pipe::Receiver,
    sink: Sink,
    source: LogSource,
    intake: Arc<Intake>,
    capture: Arc<Capture>,
    changed: Arc<Notify>,
) {
    let mut buffer = vec![0; READ_BYTES];
    let mut lines = LineBuffer::default();
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        match sink {
            Sink::Discard => {}
            Sink::Capture => {
                capture.push(&buffer[..count]).await;
                changed.notify_waiters();
            }
            Sink::Log => {
                for line in lines.feed(&buffer[..count], intake.masker()) {
                    intake.log(Level::Info, source, line).await;
                }
            }
        }
    }
    if let Some(line) = lines.finish(intake.masker()) {
        intake.log(Level::Info, source, line).await;
    }
}
