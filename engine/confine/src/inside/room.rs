//! Namespaces that are made ahead of their use. The kernel makes a user namespace only around a process, and takes maps of ids that
//! are not its maker's only from a process outside. So a child makes them, and holds them until somebody has moved in.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, pidfd_open};

use super::fork::{self, Forked};
use super::namespaces;
use crate::failure::{During, Failure, Step};
use crate::layers::Layers;
use crate::wire;

#[derive(Debug)]
pub(super) struct Room {
    child: Pid,
    /// The child says over it that all is made. Its end is the child's.
    link: UnixStream,
    flags: CloneFlags,
    is_made: bool,
    is_mapped: bool,
}

impl Room {
    /// For the programs of a Cell. Returns before it is made.
    pub(super) fn for_programs(layers: Layers) -> Result<Self, Failure> {
        Self::build(namespaces::shared(layers), move || namespaces::furnish(layers))
    }

    /// A user namespace alone, for its map of ids.
    pub(super) fn for_a_map() -> Result<Self, Failure> {
        Self::build(CloneFlags::CLONE_NEWUSER, || Ok(()))
    }

    fn build(flags: CloneFlags, furnish: impl FnOnce() -> Result<(), Failure>) -> Result<Self, Failure> {
        let no_process = "can't start a process that makes namespaces";
        let (link, theirs) = UnixStream::pair().during(Step::Helper, no_process)?;
        match fork::fork(0).during(Step::Helper, no_process)? {
            Forked::Child => {
                let made = hold_nothing_but(&theirs)
                    .and_then(|()| nix::sched::unshare(flags).during(Step::Namespaces, "can't make user namespaces"))
                    .and_then(|()| end_with_parent())
                    .and_then(|()| furnish());
                if wire::send(&theirs, &made, &[]).is_ok() {
                    // Ends with the other end, so also when the parent is killed.
                    let _ = (&theirs).read(&mut [0]);
                }
                std::process::exit(0)
            }
            Forked::Parent(child) => Ok(Self {
                child,
                link,
                flags,
                is_made: false,
                is_mapped: false,
            }),
        }
    }

    /// Whether it could not be made, or is gone since. Does not wait: what is still being made has not failed.
    pub(super) fn has_failed(&mut self) -> bool {
        if !self.is_made && self.has_news() {
            match self.wait_until_made() {
                Ok(()) => {}
                Err(_) => return true,
            }
        }
        // After its report only the end comes.
        self.is_made && self.has_news()
    }

    fn has_news(&self) -> bool {
        let mut waited = [PollFd::new(&self.link, PollFlags::IN)];
        matches!(poll(&mut waited, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1))
    }

    fn wait_until_made(&mut self) -> Result<(), Failure> {
        if self.is_made {
            return Ok(());
        }
        let what = "can't make namespaces";
        let made = wire::receive::<Result<(), Failure>>(&self.link).during(Step::Helper, what)?;
        let ended = || Failure::new(Step::Helper, what, io::Error::from(io::ErrorKind::UnexpectedEof));
        made.ok_or_else(ended)?.0?;
        self.is_made = true;
        Ok(())
    }

    /// Waits until it is made, and gives its ids their meaning outside, once.
    pub(super) fn map(&mut self, uids: &str, gids: &str) -> Result<(), Failure> {
        self.wait_until_made()?;
        self.write_maps(uids, gids).during(Step::Identity, "can't map ids")
    }

    pub(super) fn is_mapped(&self) -> bool {
        self.is_mapped
    }

    fn write_maps(&mut self, uids: &str, gids: &str) -> io::Result<()> {
        // A /proc of another pid namespace would show another process under this number.
        if fs::read_link("/proc/self")? != Path::new(&std::process::id().to_string()) {
            return Err(io::Error::other("/proc belongs to another pid namespace"));
        }
        // The kernel wants this before an unprivileged process may map its group.
        fs::write(self.file("setgroups"), "deny")?;
        fs::write(self.file("uid_map"), uids)?;
        self.is_mapped = true;
        fs::write(self.file("gid_map"), gids)
    }

    pub(super) fn user_namespace(&self) -> io::Result<OwnedFd> {
        Ok(File::open(self.file("ns/user"))?.into())
    }

    /// Moves this process in, and lets nobody follow. It has every capability there, and none outside.
    pub(super) fn enter(&self) -> Result<(), Failure> {
        let child = rustix::process::Pid::from_raw(self.child.as_raw()).ok_or(rustix::io::Errno::SRCH);
        child
            .and_then(|child| pidfd_open(child, PidfdFlags::empty()))
            .map_err(io::Error::from)
            .and_then(|child| Ok(nix::sched::setns(child, self.flags)?))
            .during(Step::Namespaces, "can't enter namespaces")?;
        self.release();
        Ok(())
    }

    /// Nobody has to hold it any more. To be called while this process may still do so to the child, which ends meanwhile: that takes
    /// longer than what is to be done.
    pub(super) fn release(&self) {
        // It is not reaped yet, so the number is still its own.
        let _ = kill(self.child, Signal::SIGKILL);
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child)
    }
}

/// What the helper has open would stay open for as long as this process lives. Nothing of it is dropped here.
fn hold_nothing_but(link: &UnixStream) -> Result<(), Failure> {
    fork::close_all_but([link.as_raw_fd()]).during(Step::Helper, "can't close what a process was given")
}

/// Also while something holds it up, and not before the namespaces are made, which takes the order back.
fn end_with_parent() -> Result<(), Failure> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .during(Step::Helper, "can't end with the helper")
}

impl Drop for Room {
    fn drop(&mut self) {
        self.release();
        while waitpid(self.child, None) == Err(Errno::EINTR) {}
    }
}
