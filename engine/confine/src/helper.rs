//! The processes that Cells are made of, seen from the engine.

use std::fmt::Display;
use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::inside::HELPER_ARGUMENT;
use crate::limits;
use crate::spec::CellSpec;
use crate::wire::{self, Reply, Request};

/// Where helpers come from. Clones are the same.
#[derive(Debug, Clone)]
pub struct Helpers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    program: PathBuf,
    waiting: Mutex<Option<Helper>>,
}

impl Helpers {
    /// `program` is one whose `main` begins with `run_helper_if_asked`, usually `/proc/self/exe`. Nothing is started yet.
    pub fn of(program: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Shared {
            program: program.into(),
            waiting: Mutex::new(None),
        }))
    }

    /// Starts the next Cell's helper, unless one waits already: it makes what it can before it is known what the Cell is to see. It
    /// ends with the last clone, or with this process. A failure is told when that Cell starts.
    pub fn prepare(&self) {
        let mut waiting = self.waiting();
        if !waiting.as_mut().is_some_and(Helper::is_running) {
            *waiting = Helper::start(&self.0.program).ok();
        }
    }

    /// A helper that has made what is asked for, or said why not.
    pub(crate) fn start(&self, spec: &CellSpec) -> io::Result<(Helper, Reply, Vec<OwnedFd>)> {
        // Its end in the next statement would hold the others up.
        let waiting = self.waiting().take();
        if let Some(mut helper) = waiting {
            match helper.ask_to_start(spec) {
                Ok(Some((reply, handed_over))) => return Ok((helper, reply, handed_over)),
                // It died while it waited.
                Ok(None) => {}
                Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {}
                Err(error) => return Err(helper.explain(&error)),
            }
        }
        let mut helper = Helper::start(&self.0.program)?;
        match helper.ask_to_start(spec) {
            Ok(Some((reply, handed_over))) => Ok((helper, reply, handed_over)),
            Ok(None) => Err(helper.explain(&"it ended without an answer")),
            Err(error) => Err(helper.explain(&error)),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Helper>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dropping it ends the process, and with it all that it started.
#[derive(Debug)]
pub(crate) struct Helper {
    pub(crate) socket: Arc<UnixStream>,
    process: Child,
}

impl Helper {
    fn start(program: &std::path::Path) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let process = Command::new(program)
            .arg(HELPER_ARGUMENT)
            .env_clear()
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Self {
            socket: Arc::new(socket),
            process,
        })
    }

    fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    fn ask_to_start(&self, spec: &CellSpec) -> io::Result<Option<(Reply, Vec<OwnedFd>)>> {
        // Also for spawning: the helper answers that at once.
        self.socket.set_read_timeout(Some(limits::START_TIME))?;
        wire::send(&self.socket, &Request::Start(Box::new(spec.clone())), &[])?;
        wire::receive(&self.socket).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => {
                let limit = limits::START_TIME.as_secs();
                io::Error::new(ErrorKind::TimedOut, format!("it gave no answer within {limit} s"))
            }
            _ => error,
        })
    }

    /// It would block a helper that writes more than a pipe holds.
    pub(crate) fn stop_listening(&mut self) {
        self.process.stderr = None;
    }

    /// With what it had to say beside its answers.
    fn explain(&mut self, error: &dyn Display) -> io::Error {
        self.end();
        let mut text = Vec::new();
        if let Some(stderr) = self.process.stderr.take() {
            // All is written. Another process may still have it open.
            let _ = rustix::io::ioctl_fionbio(&stderr, true);
            let _ = stderr.take(limits::HELPER_STDERR_BYTES).read_to_end(&mut text);
        }
        let text = String::from_utf8_lossy(&text);
        io::Error::other(match text.trim() {
            "" => error.to_string(),
            text => format!("{error} ({text})"),
        })
    }

    /// Waits for its end, and makes it if it does not come.
    fn end(&mut self) {
        // It takes the end of its socket as the order to end everything.
        let _ = self.socket.shutdown(Shutdown::Both);
        if !self.is_running() {
            // Its number may be another one's by now.
            return;
        }
        if !self.has_ended_in_time().unwrap_or(false) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }

    fn has_ended_in_time(&self) -> io::Result<bool> {
        let process = Pid::from_raw(self.process.id().cast_signed()).ok_or(io::ErrorKind::InvalidInput)?;
        // It is not reaped yet, so the number is still its own.
        let process = pidfd_open(process, PidfdFlags::empty())?;
        let limit = Timespec::try_from(limits::END_TIME).map_err(io::Error::other)?;
        let mut waited = [PollFd::new(&process, PollFlags::IN)];
        Ok(rustix::io::retry_on_intr(|| poll(&mut waited, Some(&limit)))? == 1)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.end();
    }
}
