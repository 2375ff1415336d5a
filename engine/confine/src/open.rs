//! `openat2` as it is meant to be called.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, Result};
use rustix::path::Arg;

use crate::limits;

/// The kernel gives up on `..` when anything is mounted or renamed anywhere meanwhile, and asks to try again (openat2(2),
/// EAGAIN). Each Cell that starts mounts a lot.
pub(crate) fn openat2(
    folder: impl AsFd,
    path: impl Arg + Copy,
    flags: OFlags,
    mode: Mode,
    resolve: ResolveFlags,
) -> Result<OwnedFd> {
    let folder = folder.as_fd();
    let open = || rustix::fs::openat2(folder, path, flags, mode, resolve);
    (1..limits::OPEN_TRIES)
        .map(|_| open())
        .find(|result| !matches!(result, Err(Errno::AGAIN)))
        .unwrap_or_else(open)
}
