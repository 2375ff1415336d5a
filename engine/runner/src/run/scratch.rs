//! The folder that one attempt has for itself.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, Flock, FlockArg, renameat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::open_folder;

const PREFIX: &str = "tidegate-";
/// Random letters and digits behind it.
const RANDOM: usize = 6;

/// Removed when it is dropped.
pub(super) struct Scratch {
    path: PathBuf,
    removed: bool,
    /// Held as long as the engine lives, however it ends.
    _lock: Flock<File>,
}

impl Scratch {
    /// Short, because paths of Unix sockets in it may have 107 bytes only.
    pub(super) fn make(temp: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .rand_bytes(RANDOM)
            .tempdir_in(temp)?;
        let path = folder.path().canonicalize()?;
        let lock = lock(&path)?;
        for name in ["home", "tmp", "artifacts"] {
            std::fs::create_dir(path.join(name))?;
        }
        // From here on it is ours to remove: what programs may have left in it is too much for the crate.
        let _ = folder.keep();
        Ok(Self {
            path,
            removed: false,
            _lock: lock,
        })
    }

    /// One that an engine left behind. None while its engine lives.
    pub(super) fn of_nobody(path: PathBuf) -> Option<Self> {
        let lock = lock(&path).ok()?;
        Some(Self {
            path,
            removed: false,
            _lock: lock,
        })
    }

    pub(super) fn is_name(name: &str) -> bool {
        name.strip_prefix(PREFIX)
            .is_some_and(|rest| rest.len() == RANDOM && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }

    /// As an engine does that is killed.
    #[cfg(test)]
    pub(super) fn leave(mut self) {
        self.removed = true;
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Says what could not be removed.
    pub(super) fn remove(mut self) -> io::Result<()> {
        self.removed = true;
        remove(&self.path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.removed {
            // Nobody is left to be told.
            let _ = remove(&self.path);
        }
    }
}

/// Programs that could hold it as well are gone with their engine.
fn lock(path: &Path) -> io::Result<Flock<File>> {
    Flock::lock(File::open(path)?, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error.into())
}

/// Removes a folder whatever programs have made of it: folders that even their owner can't enter, and folders in folders
/// without end. (`remove_dir_all` calls itself for each level, with a descriptor each: a deep tree ends the whole engine.)
fn remove(path: &Path) -> io::Result<()> {
    let root = open_folder::enterable(AT_FDCWD, path)?;
    let nonce = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
    let mut lifted = Lifted { nonce, count: 0 };
    // Each pass either finds nothing or removes something, or it ends with an error.
    while !empty(&root, &root, &mut lifted)? {}
    std::fs::remove_dir(path)
}

/// Removes what is in `folder`. Its folders are lifted up into `root` and emptied there, so that one level is open at a time.
/// True when nothing was in it.
fn empty(folder: &OwnedFd, root: &OwnedFd, lifted: &mut Lifted) -> io::Result<bool> {
    let mut was_empty = true;
    for entry in open_folder::entries(folder)? {
        let entry = entry?;
        was_empty = false;
        let name = entry.file_name();
        if !entry.file_type()?.is_dir() {
            unlinkat(folder, name.as_os_str(), UnlinkatFlags::NoRemoveDir)?;
            continue;
        }
        let inner = open_folder::enterable(folder, name.as_os_str())?;
        if folder.as_raw_fd() == root.as_raw_fd() {
            empty(&inner, root, lifted)?;
            unlinkat(root, name.as_os_str(), UnlinkatFlags::RemoveDir)?;
        } else {
            lifted.count += 1;
            let name_above = format!(".{:x}-{}", lifted.nonce, lifted.count);
            renameat(folder, name.as_os_str(), root, name_above.as_str())?;
        }
    }
    Ok(was_empty)
}

/// Names for lifted folders: numbered, behind a number that programs can't have guessed.
struct Lifted {
    nonce: u64,
    count: u64,
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use nix::fcntl::{OFlag, openat};
    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn whatever_programs_left_is_removed() {
        // In memory: a disk takes a minute for so many folders.
        let temp = tempfile::tempdir_in("/dev/shm").unwrap();
        let scratch = Scratch::make(temp.path()).unwrap();
        let mut handle: OwnedFd = File::open(scratch.path().join("tmp")).unwrap().into();
        // Deeper than a stack or the number of open files allows to recurse.
        for _ in 0..20_000 {
            nix::sys::stat::mkdirat(&handle, "d", Mode::S_IRWXU).unwrap();
            handle = openat(&handle, "d", OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        }
        let closed = scratch.path().join("home/closed/inner");
        std::fs::create_dir_all(&closed).unwrap();
        std::fs::write(closed.join("file"), "").unwrap();
        std::os::unix::fs::symlink("/", closed.join("link")).unwrap();
        std::fs::set_permissions(closed.parent().unwrap(), Permissions::from_mode(0o000)).unwrap();
        drop(handle);
        scratch.remove().unwrap();
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
    }
}
