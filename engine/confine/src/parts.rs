//! A folder taken apart, so that what is hidden in it can be left out where nothing can be laid over it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::ops::Bound;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use crate::failure::{During, Failure, Step};

/// A file, or a folder with all that it holds, or a folder that holds something hidden and is followed by its parts.
pub(crate) struct Part<'a> {
    pub(crate) path: &'a Path,
    pub(crate) opened: &'a OwnedFd,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Apart,
}

/// Calls `each` with every part of `opened`, an O_PATH descriptor of `path`. Links are left out: who follows one is measured by
/// what it leads to. `hidden` paths begin like `path`; nothing that they name or hold is a part.
pub(crate) fn for_each_part(
    opened: &OwnedFd,
    path: &Path,
    hidden: &BTreeSet<PathBuf>,
    each: &mut dyn FnMut(Part<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let kind = FileType::from_raw_mode(
        fstat(opened)
            .during(Step::Masks, format_args!("can't look at `{}`", path.display()))?
            .st_mode,
    );
    let kind = match kind {
        FileType::Symlink => return Ok(()),
        FileType::Directory if holds_one_of(path, hidden) => Kind::Apart,
        FileType::Directory => Kind::Folder,
        _ => Kind::File,
    };
    each(Part { path, opened, kind })?;
    if kind != Kind::Apart {
        return Ok(());
    }
    let listing = fs::read_dir(format!("/proc/self/fd/{}", opened.as_raw_fd()))
        .during(Step::Masks, format_args!("can't list `{}`", path.display()))?;
    for entry in listing {
        let name = entry
            .during(Step::Masks, format_args!("can't list `{}`", path.display()))?
            .file_name();
        let path = path.join(&name);
        if hidden.contains(&path) {
            continue;
        }
        if let Some(opened) =
            open(opened, &name).during(Step::Masks, format_args!("can't open `{}`", path.display()))?
        {
            for_each_part(&opened, &path, hidden, each)?;
        }
    }
    Ok(())
}

/// None when it was removed since the folder was listed.
fn open(folder: &OwnedFd, name: &OsStr) -> Result<Option<OwnedFd>, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(folder, name, flags, Mode::empty()) {
        Ok(opened) => Ok(Some(opened)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Paths are ordered by their components, so what a folder holds follows it.
fn holds_one_of(folder: &Path, hidden: &BTreeSet<PathBuf>) -> bool {
    let after = (Bound::Excluded(folder), Bound::Unbounded);
    let mut next = hidden.range::<Path, _>(after);
    next.next().is_some_and(|path| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_no_part_and_neither_is_a_link() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["a/b/secret", "a/b/plain", "a/free/x", "a b", "secret/x", "other/x"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink("/", folder.path().join("out")).unwrap();
        let hidden = ["a/b/secret", "secret"].map(|path| folder.path().join(path));
        let opened = rustix::fs::open(folder.path(), OFlags::PATH, Mode::empty()).unwrap();
        let mut parts = Vec::new();
        for_each_part(&opened, folder.path(), &hidden.into(), &mut |part| {
            let path = part.path.strip_prefix(folder.path()).unwrap();
            parts.push((path.display().to_string(), part.kind));
            Ok(())
        })
        .unwrap();
        parts.sort_by(|(one, _), (two, _)| one.cmp(two));
        let expected = [
            ("", Kind::Apart),
            ("a", Kind::Apart),
            ("a b", Kind::File),
            ("a/b", Kind::Apart),
            ("a/b/plain", Kind::File),
            ("a/free", Kind::Folder),
            ("other", Kind::Folder),
        ];
        assert_eq!(parts, expected.map(|(path, kind)| (path.to_owned(), kind)));
    }
}
