//! A user namespace whose maps are written from outside, for ids that are not its maker's.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::fork::{self, Forked};

#[derive(Debug)]
pub(super) struct UserNamespace {
    namespace: OwnedFd,
    child: Pid,
}

impl UserNamespace {
    /// The kernel makes one only around a process, and takes such maps only from a process outside. So a child holds it until there
    /// is a descriptor of it.
    pub(super) fn new(uids: &str, gids: &str) -> io::Result<Self> {
        let (mut reader, writer) = io::pipe()?;
        match fork::fork(libc::CLONE_NEWUSER)? {
            Forked::Child => {
                drop(writer);
                // Ends with the other end, so also when the parent is killed.
                let _ = reader.read(&mut [0]);
                std::process::exit(0)
            }
            Forked::Parent(child) => {
                let namespace = describe(child, uids, gids);
                drop(writer);
                if namespace.is_err() {
                    reap(child);
                }
                Ok(Self {
                    namespace: namespace?.into(),
                    child,
                })
            }
        }
    }
}

impl AsFd for UserNamespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }
}

impl Drop for UserNamespace {
    fn drop(&mut self) {
        // Only now: its end takes longer than what is done meanwhile.
        reap(self.child);
    }
}

/// It has been told to end.
fn reap(child: Pid) {
    while waitpid(child, None) == Err(Errno::EINTR) {}
}

fn describe(child: Pid, uids: &str, gids: &str) -> io::Result<File> {
    // A /proc of another pid namespace would show another process under this number.
    if fs::read_link("/proc/self")? != Path::new(&std::process::id().to_string()) {
        return Err(io::Error::other("/proc belongs to another pid namespace"));
    }
    let of_child = |name: &str| format!("/proc/{child}/{name}");
    fs::write(of_child("setgroups"), "deny")?;
    fs::write(of_child("uid_map"), uids)?;
    fs::write(of_child("gid_map"), gids)?;
    File::open(of_child("ns/user"))
}
