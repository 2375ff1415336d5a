//! A command that runs in a Cell, seen from the engine.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendFlags, Shutdown};
use rustix::process::Signal;

use crate::command::{Exit, SpawnError};
use crate::connection::{Forwarded, Refused};
use crate::limits;
use crate::notes::Notes;
use crate::wire::{Report, receive_packet};

/// Dropping it kills the program and everything that it started.
#[derive(Debug)]
pub struct Child {
    status: OwnedFd,
    /// The first process of the command's pid namespace; None where there is no namespace.
    init: Option<OwnedFd>,
    /// Of the gate; None where there is none.
    notes: Option<Arc<Notes>>,
    exit: Mutex<Option<Exit>>,
}

impl Child {
    /// Returns once the program runs.
    pub(crate) fn started(
        status: OwnedFd,
        init: Option<OwnedFd>,
        notes: Option<Arc<Notes>>,
    ) -> Result<Self, SpawnError> {
        let child = Self {
            status,
            init,
            notes,
            exit: Mutex::new(None),
        };
        if !child.is_readable(Some(limits::SPAWN_TIME)) {
            return Err(SpawnError::Failed(format!(
                "the program did not start within {:?}",
                limits::SPAWN_TIME
            )));
        }
        match child.receive() {
            Ok(Some(Report::Running)) => Ok(child),
            Ok(Some(Report::NotRunning(error))) => Err(error),
            Ok(Some(Report::Ended(exit))) => {
                *child.exit() = Some(exit);
                Ok(child)
            }
            Ok(None) => Err(SpawnError::Failed(
                "the cell ended before the program started".to_owned(),
            )),
            Err(error) => Err(SpawnError::Failed(format!("no answer from the cell: {error}"))),
        }
    }

    /// How the program ended; None while it runs. By then everything that it started has ended too.
    pub fn try_wait(&self) -> Option<Exit> {
        let mut exit = self.exit();
        if exit.is_none() {
            *exit = match self.receive() {
                Ok(Some(Report::Ended(exit))) => Some(exit),
                Ok(Some(Report::Running | Report::NotRunning(_))) => None,
                // Its first process was killed, by us or with the Cell.
                Ok(None) => Some(Exit::Signal(Signal::KILL.as_raw())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
                Err(_) => Some(Exit::Signal(Signal::KILL.as_raw())),
            };
        }
        *exit
    }

    /// Blocks until the program has ended. Asynchronous callers wait until the descriptor of `as_fd` is readable instead.
    pub fn wait(&self) -> Exit {
        loop {
            if let Some(exit) = self.try_wait() {
                return exit;
            }
            self.is_readable(None);
        }
    }

    /// Kills the program and everything that it started, without asking. Returns at once; the end is seen by waiting.
    pub fn kill(&self) {
        match &self.init {
            // It may have ended already.
            Some(init) => drop(rustix::process::pidfd_send_signal(init, Signal::KILL)),
            // The first process takes the end of its socket as the order.
            None => drop(rustix::net::shutdown(&self.status, Shutdown::Write)),
        }
    }

    /// Sends a signal, by number, to the program's process group: 15 asks it to end.
    pub fn terminate(&self, signal: i32) {
        if let Ok(signal) = u8::try_from(signal) {
            // Without a listener the program has ended, and there is nothing to ask.
            let _ = rustix::net::send(&self.status, &[signal], SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
        }
    }

    /// Connections that the gate has refused so far, each destination once, at most 64 of them. All of them once the program has
    /// ended.
    pub fn refused(&self) -> Vec<Refused> {
        self.notes.as_ref().map(|notes| notes.refused()).unwrap_or_default()
    }

    /// System calls that were denied so far and that somebody may miss, by their names, each once. All of them once the program has
    /// ended.
    pub fn denied_calls(&self) -> Vec<String> {
        self.notes.as_ref().map(|notes| notes.denied()).unwrap_or_default()
    }

    /// Connections to the other ends of `CellSpec::redirects`, since this was called last. The gate has told of each before it can
    /// have been accepted, and refuses more of them when some 200 are not asked for.
    pub fn take_forwarded(&self) -> Vec<Forwarded> {
        self.notes
            .as_ref()
            .map(|notes| notes.take_forwarded())
            .unwrap_or_default()
    }

    fn receive(&self) -> io::Result<Option<Report>> {
        receive_packet(&self.status)
    }

    fn is_readable(&self, limit: Option<Duration>) -> bool {
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let mut waited = [PollFd::new(&self.status, PollFlags::IN)];
        matches!(rustix::io::retry_on_intr(|| poll(&mut waited, limit.as_ref())), Ok(1))
    }

    fn exit(&self) -> MutexGuard<'_, Option<Exit>> {
        // Nothing that holds it can panic half-way.
        self.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Readable once the program has ended.
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.status.as_fd()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
