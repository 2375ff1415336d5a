//! One native program of a stage, from its start to its end.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tidegate_confine::{Child, Limit};
use tidegate_sandbox::{Exit, Level, Sink};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::unix::pipe;
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::Instant;

use super::capture::{Capture, CaptureBudget};
use super::intake::Intake;
use crate::event::LogSource;
use crate::interrupt::Interrupt;
use crate::line_buffer::LineBuffer;

/// Between asking a program to end and ending it, at most: time for a test runner to write its report.
const TERMINATE_GRACE: Duration = Duration::from_secs(2);
/// How long a program's output is waited for after its end. What it wrote is in the pipe by then; only another program that got
/// hold of the pipe could still write.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// What is still taken after the end, so that such another program holds nothing up: the most that a pipe can have in it.
const DRAIN_BYTES: usize = 1 << 20;
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
    /// Of the time before it was started: a stop while it was has to end it.
    pub(super) interrupt: Interrupt,
    /// The stage's, once a stop is requested.
    pub(super) stop_grace: Duration,
    /// What its output may take of the engine's memory, together with the attempt's other programs.
    pub(super) budget: CaptureBudget,
}

impl Process {
    /// `changed` is notified whenever there is something to see: output, or the end.
    pub(super) fn start(start: Start, intake: Arc<Intake>, changed: Arc<Notify>) -> Self {
        let stdout = Arc::new(Capture::new(start.interactive, start.budget.clone()));
        let stderr = Arc::new(Capture::new(start.interactive, start.budget.clone()));
        let kill = Arc::new(Notify::new());
        let (exit_sender, exit) = watch::channel(None);
        let (over_sender, over) = watch::channel(false);
        let pump = |pipe, sink, source, capture: &Arc<Capture>| {
            let (intake, capture, changed) = (intake.clone(), capture.clone(), changed.clone());
            let output = Output {
                pipe,
                over: over.clone(),
                deadline: None,
                left: DRAIN_BYTES,
            };
            tokio::spawn(pump(output, sink, source, intake, capture, changed))
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
        let patience = Patience::of(start.stop_grace);
        let (timeout, interrupt, killed) = (start.timeout, start.interrupt, kill.clone());
        tokio::spawn(async move {
            let ended = supervise(&start.child, timeout, patience, interrupt, killed).await;
            intake.obstacles().deny(start.child.denied_calls());
            over_sender.send_replace(true);
            for pump in pumps {
                // It can't panic, and nobody cancels it.
                let _ = pump.await;
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

    /// Ends it because nobody wants to know of it any more; returns when it is gone and what it has logged is with the intake.
    pub(super) async fn end(&self) {
        self.kill();
        self.stdout.abandon();
        self.stderr.abandon();
        self.ended().await;
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

/// How long a program that was asked to end may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Patience {
    at_timeout: Duration,
    at_stop: Duration,
}

impl Patience {
    /// At a stop its stage waits for it, and needs the other half of its grace for itself.
    fn of(stop_grace: Duration) -> Self {
        Self {
            at_timeout: TERMINATE_GRACE,
            at_stop: TERMINATE_GRACE.min(stop_grace / 2),
        }
    }

    async fn over(self, reason: &Exit, interrupt: &Interrupt) {
        let stopped = async {
            if *reason != Exit::Stopped {
                interrupt.requested().await;
            }
            tokio::time::sleep(self.at_stop).await;
        };
        tokio::select! {
            () = stopped => {}
            () = tokio::time::sleep(self.at_timeout) => {}
        }
    }
}

/// Waits for the end, and brings it about on a timeout, a stop or a kill.
async fn supervise(
    child: &Child,
    timeout: Option<Duration>,
    patience: Patience,
    interrupt: Interrupt,
    kill: Arc<Notify>,
) -> Exit {
    let ended = match ended_fd(child) {
        Ok(fd) => fd,
        Err(error) => {
            child.kill();
            return Exit::Other(format!("it can't be watched: {error}"));
        }
    };
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
    if let Some(reason) = &forced {
        child.terminate(libc::SIGTERM);
        tokio::select! {
            _ = ended.readable() => {}
            () = patience.over(reason, &interrupt) => child.kill(),
            () = kill.notified() => child.kill(),
        }
    }
    let _ = ended.readable().await;
    let exit = match child.try_wait() {
        Some(tidegate_confine::Exit::Code(code)) => Exit::Code(code),
        Some(tidegate_confine::Exit::Signal(signal)) => Exit::Signal(signal),
        Some(tidegate_confine::Exit::OverLimit(Limit::Memory(_))) => Exit::OutOfMemory,
        Some(tidegate_confine::Exit::OverLimit(limit)) => Exit::Other(format!("was ended: {limit}")),
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

/// A program's output, which ends soon after the program.
struct Output {
    pipe: pipe::Receiver,
    /// Whether the program has ended.
    over: watch::Receiver<bool>,
    /// Once it has: until when more is waited for.
    deadline: Option<Instant>,
    /// What is then still taken.
    left: usize,
}

impl Output {
    /// 0 at the end.
    async fn read(&mut self, buffer: &mut [u8]) -> usize {
        if self.deadline.is_none() {
            tokio::select! {
                biased;
                count = self.pipe.read(buffer) => return count.unwrap_or(0),
                _ = self.over.wait_for(|over| *over) => self.deadline = Some(Instant::now() + DRAIN_TIMEOUT),
            }
        }
        let deadline = self.deadline.unwrap_or_else(Instant::now);
        let size = buffer.len().min(self.left);
        // What is there already comes whatever the time: the log may have been slow to take what came before.
        let read = tokio::time::timeout_at(deadline, self.pipe.read(&mut buffer[..size])).await;
        let count = read.map_or(0, |count| count.unwrap_or(0));
        self.left -= count;
        count
    }

    /// For a stage that does not read: it has to hear of the end all the same.
    async fn end_of_patience(&self) {
        let mut over = self.over.clone();
        // An error means that the supervisor is gone, which is an end too.
        let _ = over.wait_for(|over| *over).await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    }
}

async fn pump(
    mut output: Output,
    sink: Sink,
    source: LogSource,
    intake: Arc<Intake>,
    capture: Arc<Capture>,
    changed: Arc<Notify>,
) {
    let mut buffer = vec![0; READ_BYTES];
    let mut lines = LineBuffer::default();
    while let count @ 1.. = output.read(&mut buffer).await {
        match sink {
            Sink::Discard => {}
            Sink::Capture => {
                tokio::select! {
                    () = capture.push(&buffer[..count]) => {}
                    () = output.end_of_patience() => break,
                }
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::Masker;
    use crate::event::EventKind;
    use crate::run::message::Message;

    /// The journal's disk or a paused terminal may be slow for longer than a program's output is waited for.
    #[tokio::test]
    async fn a_slow_log_loses_nothing_that_was_written() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let masker = Arc::new(Masker::new(&crate::Secrets::default()));
        let intake = Arc::new(Intake::new("test".parse().unwrap(), masker, sender, 1 << 20));
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&b"line\n".repeat(10_000)).unwrap();
        let (over_sender, over) = watch::channel(false);
        let output = Output {
            pipe: pipe::Receiver::from_owned_fd(reader.into()).unwrap(),
            over,
            deadline: None,
            left: DRAIN_BYTES,
        };
        let capture = Arc::new(Capture::new(false, CaptureBudget::new()));
        let pump = tokio::spawn(pump(
            output,
            Sink::Log,
            LogSource::Stdout,
            intake,
            capture,
            Arc::default(),
        ));
        // The program has ended; another one still has the pipe.
        over_sender.send_replace(true);
        tokio::time::sleep(DRAIN_TIMEOUT + Duration::from_millis(500)).await;
        let mut lines = 0;
        while let Some(Message::Event(EventKind::Log { .. })) = receiver.recv().await {
            lines += 1;
        }
        assert_eq!(lines, 10_000);
        pump.await.unwrap();
        drop(writer);
    }
}
