//! The root file system that programs see: empty at first, filled piece by piece, then entered.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, mkdirat, openat, symlinkat, unlinkat};
use rustix::mount::{UnmountFlags, unmount};

use super::mount::{Forbid, Tree};
use crate::limits;
use crate::open::openat2;

/// Where the new root hangs while it is made. Any folder serves that exists everywhere and that nothing is taken from.
const BUILDING_SITE: &str = "/sys";

const FOLDER_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

#[derive(Debug)]
pub(super) struct Root(Tree);

impl Root {
    pub(super) fn new() -> io::Result<Self> {
        let tree = Tree::tmpfs(&[("size", limits::ROOT_BYTES), ("mode", "755")])?;
        tree.attach(openat(
            CWD,
            BUILDING_SITE,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?)?;
        Ok(Self(tree))
    }

    /// Opens what is at an absolute path of the new root, links followed as programs will follow them.
    pub(super) fn open(&self, path: &Path) -> io::Result<OwnedFd> {
        Ok(openat2(
            self.0.as_fd(),
            path,
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
        )?)
    }

    /// Opens a folder, which is made with its parents when it is missing.
    pub(super) fn folder(&self, path: &Path) -> io::Result<OwnedFd> {
        match (self.open(path), path.parent(), path.file_name()) {
            (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
                mkdirat(self.folder(parent)?, name, Mode::from_raw_mode(FOLDER_MODE))?;
                self.open(path)
            }
            (found, ..) => found,
        }
    }

    pub(super) fn link(&self, path: &Path, target: &Path) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        Ok(symlinkat(target, folder, name)?)
    }

    pub(super) fn file(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        File::from(openat(folder, name, flags, Mode::from_raw_mode(FILE_MODE))?).write_all(content)
    }

    /// Attaches a tree at an absolute path; what it covers is made when it is missing.
    pub(super) fn place(&self, path: &Path, tree: &Tree) -> io::Result<()> {
        let is_folder = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(tree.as_fd())?.st_mode).is_dir();
        let target = if is_folder {
            self.folder(path)?
        } else {
            match self.open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.file(path, b"")?;
                    self.open(path)?
                }
                found => found?,
            }
        };
        tree.attach(target)
    }

    /// Where a descriptor leads, as an absolute path of the new root. None when it is not in it.
    pub(super) fn path_of(&self, descriptor: BorrowedFd<'_>) -> Option<PathBuf> {
        let seen = std::fs::read_link(format!("/proc/self/fd/{}", descriptor.as_raw_fd())).ok()?;
        Some(Path::new("/").join(seen.strip_prefix(BUILDING_SITE).ok()?))
    }

    /// Takes away what was placed at `path`, with all that was placed below; who uses it goes on using it.
    pub(super) fn uncover(&self, path: &Path) -> io::Result<()> {
        let mounted = self.open(path)?;
        Ok(unmount(
            format!("/proc/self/fd/{}", mounted.as_raw_fd()),
            UnmountFlags::DETACH,
        )?)
    }

    /// Removes a folder that was placed at `path` from sight, too.
    pub(super) fn detach(&self, path: &Path) -> io::Result<()> {
        self.uncover(path)?;
        let (folder, name) = self.parent(path)?;
        Ok(unlinkat(folder, name, AtFlags::REMOVEDIR)?)
    }

    /// Makes it the root of this process and lets go of the old one. Nothing can be added after that.
    pub(super) fn enter(self) -> io::Result<()> {
        self.0.forbid_here(Forbid::WRITING)?;
        rustix::process::fchdir(&self.0)?;
        // The old root lands on top of the new one, from where it is removed: no folder is needed to hold it.
        rustix::process::pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        Ok(rustix::process::chdir("/")?)
    }

    fn parent<'a>(&self, path: &'a Path) -> io::Result<(OwnedFd, &'a OsStr)> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok((self.folder(parent)?, name)),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}
