//! With openat2 and the kernel's own names for what is open.

use std::fs::{File, Permissions};
pub(crate) use std::fs::{FileType, ReadDir as Entries};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::Mode;

/// What is at `path` beneath `root`, for reading; the empty path is the root itself. A link anywhere on the way is an error.
pub(crate) fn beneath(root: &OwnedFd, path: &Path, kind: OFlag) -> io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    // Non-blocking, so that a pipe in a file's place holds nothing up.
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | kind;
    let how = OpenHow::new()
        .flags(flags)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    Ok(openat2(root, path, how)?)
}

/// What is in a folder, for as long as it is open: the entries' kinds may be asked by the name in /proc.
pub(crate) fn entries(folder: &OwnedFd) -> io::Result<Entries> {
    std::fs::read_dir(by_descriptor(folder))
}

/// What a descriptor stands for, also one opened by O_PATH, for reading.
pub(crate) fn reopen(descriptor: &OwnedFd) -> io::Result<File> {
    File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(by_descriptor(descriptor))
}

/// A folder, made enterable for its owner first.
pub(crate) fn enterable<P: ?Sized + nix::NixPath>(parent: impl AsFd, name: &P) -> io::Result<OwnedFd> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let handle = openat(&parent, name, flags | OFlag::O_PATH, Mode::empty())?;
    std::fs::set_permissions(by_descriptor(&handle), Permissions::from_mode(0o700))?;
    Ok(File::open(by_descriptor(&handle))?.into())
}

fn by_descriptor(descriptor: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
}
