//! A folder that programs may be changing while it is read.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::fcntl::OFlag;

use crate::open_folder::{self, Entries, FileType};

/// Every open stays beneath the folder and follows no link, whatever takes a file's place between listing and opening: a path
/// that was a folder a moment ago may be a link to the user's home now, and the engine may read that.
#[derive(Debug)]
pub(crate) struct FileTree(OwnedFd);

impl FileTree {
    /// `folder` may have been opened by O_PATH.
    pub(crate) fn new(folder: OwnedFd) -> Self {
        Self(folder)
    }

    /// What is in a folder, relative to the tree; the empty path is the tree itself.
    pub(crate) fn list(&self, folder: &Path) -> io::Result<Listing> {
        let handle = self.open(folder, OFlag::O_DIRECTORY)?;
        let entries = open_folder::entries(&handle)?;
        Ok(Listing {
            _handle: handle,
            entries,
        })
    }

    /// A file for reading. Anything else, a link included, is an error.
    pub(crate) fn file(&self, path: &Path) -> io::Result<File> {
        regular(File::from(self.open(path, OFlag::empty())?))
    }

    fn open(&self, path: &Path, kind: OFlag) -> io::Result<OwnedFd> {
        open_folder::beneath(&self.0, path, kind)
    }
}

/// The file that a descriptor stands for, also one opened by O_PATH, for reading. Anything but a file is an error.
pub(crate) fn reopen(descriptor: &OwnedFd) -> io::Result<File> {
    regular(open_folder::reopen(descriptor)?)
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"))
}

/// Names and kinds, in no order.
pub(crate) struct Listing {
    _handle: OwnedFd,
    entries: Entries,
}

impl Iterator for Listing {
    type Item = io::Result<(OsString, FileType)>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        Some(entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree(folder: &Path) -> FileTree {
        FileTree::new(File::open(folder).unwrap().into())
    }

    #[test]
    fn links_lead_nowhere() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        symlink(outside.path(), folder.path().join("sub")).unwrap();
        symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
        let tree = tree(folder.path());
        assert!(tree.list(Path::new("sub")).is_err());
        for path in ["sub/secret", "file", "../x", "/etc/passwd"] {
            assert!(tree.file(Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn a_pipe_holds_nothing_up() {
        let folder = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(tree(folder.path()).file(Path::new("pipe")).is_err());
    }

    #[test]
    fn lists_and_reads() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/b"), "content").unwrap();
        let tree = tree(folder.path());
        let listed: Vec<_> = tree.list(Path::new("a")).unwrap().map(Result::unwrap).collect();
        assert!(listed.len() == 1 && listed[0].0 == "b" && listed[0].1.is_file());
        let mut text = String::new();
        tree.file(Path::new("a/b")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
    }
}
