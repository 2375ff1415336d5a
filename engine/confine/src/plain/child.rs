//! A command that runs, seen from the engine.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::Signal;

use super::group::Group;
use crate::command::Exit;

/// Dropping it kills the program and what is in its process group.
#[derive(Debug)]
pub struct Child {
    group: Arc<Group>,
    ended: io::PipeReader,
}

impl Child {
    pub(super) fn new(group: Arc<Group>, ended: io::PipeReader) -> Self {
        Self { group, ended }
    }

    /// How the program ended; None while it runs. By then its process group has ended too.
    pub fn try_wait(&self) -> Option<Exit> {
        self.group.exit()
    }

    /// Blocks until the program has ended. Asynchronous callers wait until the descriptor of `as_fd` is readable instead.
    pub fn wait(&self) -> Exit {
        loop {
            if let Some(exit) = self.try_wait() {
                return exit;
            }
            // An error is an interruption.
            let _ = poll(&mut [PollFd::new(&self.ended, PollFlags::IN)], None);
        }
    }

    /// Kills the program and its process group, without asking. Returns at once; the end is seen by waiting.
    /// Nothing stands in its way.
    pub fn denied_calls(&self) -> Vec<String> {
        Vec::new()
    }

    pub fn kill(&self) {
        self.group.signal(Signal::KILL);
    }

    /// Sends a signal, by number, to the program's process group: 15 asks it to end.
    pub fn terminate(&self, signal: i32) {
        if let Some(signal) = Signal::from_named_raw(signal) {
            self.group.signal(signal);
        }
    }
}

/// Readable once the program has ended.
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ended.as_fd()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
