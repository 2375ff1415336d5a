//! With what every Unix has: openat, one name after the other.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path};

use nix::dir::{Dir, OwningIter};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstatat};

/// For folders on the way.
const FOLDER: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// What is at `path` beneath `root`, for reading; the empty path is the root itself. A link anywhere on the way is an error.
pub(crate) fn beneath(root: &OwnedFd, path: &Path, kind: OFlag) -> io::Result<OwnedFd> {
    let mut folder = openat(root, ".", FOLDER, Mode::empty())?;
    let mut names = path.components().filter(|part| *part != Component::CurDir).peekable();
    let Some(_) = names.peek() else { return Ok(folder) };
    while let Some(name) = names.next() {
        if !matches!(name, Component::Normal(_)) {
            return Err(Errno::EXDEV.into());
        }
        if names.peek().is_some() {
            folder = openat(&folder, name.as_os_str(), FOLDER, Mode::empty())?;
            continue;
        }
        // Non-blocking, so that a pipe in a file's place holds nothing up.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | kind;
        return Ok(openat(&folder, name.as_os_str(), flags, Mode::empty())?);
    }
    Ok(folder)
}

/// What is in a folder, without `.` and `..`.
pub(crate) fn entries(folder: &OwnedFd) -> io::Result<Entries> {
    let own = openat(folder, ".", FOLDER, Mode::empty())?;
    Ok(Entries {
        folder: own.try_clone()?,
        listing: Dir::from_fd(own)?.into_iter(),
    })
}

/// The open file itself: descriptors are opened for reading here.
pub(crate) fn reopen(descriptor: &OwnedFd) -> io::Result<File> {
    Ok(descriptor.try_clone()?.into())
}

/// A folder, made enterable for its owner first.
pub(crate) fn enterable<P: ?Sized + nix::NixPath>(parent: impl AsFd, name: &P) -> io::Result<OwnedFd> {
    match openat(&parent, name, FOLDER, Mode::empty()) {
        Err(Errno::EACCES) => {}
        opened => {
            let opened = opened?;
            nix::sys::stat::fchmod(&opened, Mode::S_IRWXU)?;
            return Ok(opened);
        }
    }
    fchmodat(&parent, name, Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink)?;
    Ok(openat(&parent, name, FOLDER, Mode::empty())?)
}

pub(crate) struct Entries {
    folder: OwnedFd,
    listing: OwningIter,
}

/// What the standard library's entries are, for a folder without a path.
pub(crate) struct Entry {
    name: OsString,
    kind: Result<FileType, Errno>,
}

/// The part of `std::fs::FileType` that is asked for; that one can't be made from a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileType(SFlag);

impl Iterator for Entries {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = match self.listing.next()? {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error.into())),
            };
            let name: CString = entry.file_name().to_owned();
            if matches!(name.as_bytes(), b"." | b"..") {
                continue;
            }
            let found = fstatat(
                &self.folder,
                OsStr::from_bytes(name.as_bytes()),
                AtFlags::AT_SYMLINK_NOFOLLOW,
            );
            return Some(Ok(Entry {
                name: OsString::from_vec(name.into_bytes()),
                kind: found.map(|found| FileType(SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT)),
            }));
        }
    }
}

impl Entry {
    pub(crate) fn file_name(&self) -> OsString {
        self.name.clone()
    }

    pub(crate) fn file_type(&self) -> io::Result<FileType> {
        Ok(self.kind?)
    }
}

impl FileType {
    pub(crate) fn is_dir(self) -> bool {
        self.0 == SFlag::S_IFDIR
    }

    pub(crate) fn is_file(self) -> bool {
        self.0 == SFlag::S_IFREG
    }

    pub(crate) fn is_symlink(self) -> bool {
        self.0 == SFlag::S_IFLNK
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn open(path: &Path) -> OwnedFd {
        File::open(path).unwrap().into()
    }

    #[test]
    fn links_lead_nowhere() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("secret"), "s").unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/file"), "x").unwrap();
        symlink(outside.path(), folder.path().join("sub")).unwrap();
        symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
        let root = open(folder.path());
        for path in ["sub/secret", "sub", "file", "../x", "a/../a", "/etc/passwd"] {
            assert!(beneath(&root, Path::new(path), OFlag::empty()).is_err(), "{path}");
        }
        let mut text = String::new();
        let opened = beneath(&root, Path::new("./a/file"), OFlag::empty()).unwrap();
        reopen(&opened).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");
        assert!(beneath(&root, Path::new("a/file"), OFlag::O_DIRECTORY).is_err());
        assert!(beneath(&root, Path::new(""), OFlag::O_DIRECTORY).is_ok());
    }

    #[test]
    fn entries_tell_their_kinds_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        symlink("/", folder.path().join("link")).unwrap();
        let root = open(folder.path());
        for _ in 0..2 {
            let found: BTreeMap<_, _> = entries(&root)
                .unwrap()
                .map(Result::unwrap)
                .map(|entry| (entry.file_name(), entry.file_type().unwrap()))
                .collect();
            assert_eq!(found.len(), 3);
            assert!(found[OsStr::new("folder")].is_dir());
            assert!(found[OsStr::new("file")].is_file());
            assert!(found[OsStr::new("link")].is_symlink());
        }
    }

    #[test]
    fn a_closed_folder_is_entered_and_a_link_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let closed = folder.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        symlink("closed", folder.path().join("link")).unwrap();
        let root = open(folder.path());
        assert!(enterable(&root, "link").is_err());
        assert_eq!(fs::metadata(&closed).unwrap().permissions().mode() & 0o777, 0);
        enterable(&root, "closed").unwrap();
        assert_eq!(fs::metadata(&closed).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
