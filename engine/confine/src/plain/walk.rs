//! Opening beneath a folder name by name, where the kernel has no call that stays beneath.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Dir, Mode, OFlags, mkdirat, openat, readlinkat};
use rustix::io::Errno;

/// For folders on the way.
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens what is at `path` beneath `root`; the empty path is the root itself. A link anywhere on the way is an error, and so is
/// a name that the disk has in another spelling: a file system that ignores case would open `.env` for `.ENV`.
pub(super) fn open(root: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let Some((parent, name)) = split(path)? else {
        return Ok(openat(root, ".", flags | OFlags::CLOEXEC, mode)?);
    };
    let parent = folder(root, parent, Missing::IsAnError)?;
    let opened = openat(&parent, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode)?;
    refuse_other_spelling(&parent, name, &opened)?;
    Ok(opened)
}

/// The same for a folder, which is made when it is missing, with those on the way.
pub(super) fn make_folder(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    folder(root, path, Missing::IsMade)
}

/// The target of the link at `path`. None when something else is there.
pub(super) fn link_at(root: BorrowedFd<'_>, path: &Path) -> io::Result<Option<PathBuf>> {
    let Some((parent, name)) = split(path)? else {
        return Ok(None);
    };
    let parent = folder(root, parent, Missing::IsAnError)?;
    match readlinkat(&parent, name, Vec::new()) {
        Ok(_) if !is_listed(&parent, name)? => Err(other_spelling(name)),
        Ok(target) => Ok(Some(PathBuf::from(OsString::from_vec(target.into_bytes())))),
        Err(Errno::INVAL) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Where an open file or folder is now. Every link on the way is resolved, every name is spelled as on disk.
pub(super) fn place_of(opened: &impl AsFd) -> io::Result<PathBuf> {
    #[cfg(target_vendor = "apple")]
    let path = rustix::fs::getpath(opened)?.into_bytes();
    #[cfg(not(target_vendor = "apple"))]
    let path = {
        use std::os::fd::AsRawFd;
        let link = format!("/proc/self/fd/{}", opened.as_fd().as_raw_fd());
        rustix::fs::readlink(link, Vec::new())?.into_bytes()
    };
    Ok(PathBuf::from(OsString::from_vec(path)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    IsMade,
    IsAnError,
}

fn folder(root: BorrowedFd<'_>, path: &Path, missing: Missing) -> io::Result<OwnedFd> {
    let mut folder = openat(root, ".", FOLDER, Mode::empty())?;
    for name in names(path)? {
        if missing == Missing::IsMade {
            match mkdirat(&folder, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let next = openat(&folder, name, FOLDER, Mode::empty())?;
        refuse_other_spelling(&folder, name, &next)?;
        folder = next;
    }
    Ok(folder)
}

fn split(path: &Path) -> io::Result<Option<(&Path, &OsStr)>> {
    Ok(names(path)?
        .pop()
        .map(|name| (path.parent().unwrap_or(Path::new("")), name)))
}

fn names(path: &Path) -> io::Result<Vec<&OsStr>> {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| match part {
            Component::Normal(name) => Ok(name),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("`{}` is not a path beneath a folder", path.display()),
            )),
        })
        .collect()
}

fn refuse_other_spelling(parent: &OwnedFd, name: &OsStr, opened: &OwnedFd) -> io::Result<()> {
    // A file with several names is told by any of them, and one that was removed meanwhile by none.
    if place_of(opened)?.file_name() == Some(name) || is_listed(parent, name)? {
        return Ok(());
    }
    Err(other_spelling(name))
}

fn is_listed(folder: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    for entry in Dir::read_from(folder)? {
        if entry?.file_name().to_bytes() == name.as_bytes() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn other_spelling(name: &OsStr) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("`{}` is spelled differently on disk", name.display()),
    )
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    use super::*;

    fn read(root: &File, path: &str) -> io::Result<OwnedFd> {
        open(root.as_fd(), Path::new(path), OFlags::RDONLY, Mode::empty())
    }

    #[test]
    fn stays_beneath_and_follows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("a/b/file"), "x").unwrap();
        symlink("b", folder.path().join("a/link")).unwrap();
        symlink("file", folder.path().join("a/b/alias")).unwrap();
        let root = File::open(folder.path()).unwrap();
        for good in ["", "a", "a/b/file", "./a/./b"] {
            assert!(read(&root, good).is_ok(), "{good}");
        }
        for bad in [
            "a/link/file",
            "a/b/alias",
            "../a",
            "a/../a",
            "/etc/passwd",
            "a/b/file/x",
        ] {
            assert!(read(&root, bad).is_err(), "{bad}");
        }
        let link = |path: &str| link_at(root.as_fd(), Path::new(path));
        assert_eq!(link("a/link").unwrap(), Some(PathBuf::from("b")));
        assert_eq!(link("a/b").unwrap(), None);
        assert!(link("a/link/alias").is_err());
    }

    #[test]
    fn folders_are_made_and_links_in_their_place_refused() {
        let folder = tempfile::tempdir().unwrap();
        symlink("/", folder.path().join("out")).unwrap();
        let root = File::open(folder.path()).unwrap();
        let made = make_folder(root.as_fd(), Path::new("x/y")).unwrap();
        assert_eq!(
            place_of(&made).unwrap(),
            folder.path().canonicalize().unwrap().join("x/y")
        );
        assert!(make_folder(root.as_fd(), Path::new("out/tmp")).is_err());
    }

    /// Only a file system that ignores case opens a file for another name; here another file stands in for that.
    #[test]
    fn another_spelling_is_refused_and_a_second_name_is_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".env"), "").unwrap();
        fs::hard_link(folder.path().join(".env"), folder.path().join("second")).unwrap();
        let parent = OwnedFd::from(File::open(folder.path()).unwrap());
        let opened = OwnedFd::from(File::open(folder.path().join(".env")).unwrap());
        let check = |name: &str| refuse_other_spelling(&parent, OsStr::new(name), &opened);
        assert!(check(".env").is_ok() && check("second").is_ok());
        assert_eq!(check(".ENV").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
