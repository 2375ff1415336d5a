//! What one stage attempt sees of the files, held by the engine.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat};
use rustix::io::Errno;

use crate::cell::Cell;
use crate::failure::StartError;
use crate::open::openat2;
use crate::resolve;
use crate::spec::CellSpec;

/// The workspace without what is hidden, scratch, and the paths of `read`. It is a tree of mounts made by the kernel and goes
/// on hiding after the Cell has ended. Every file that the engine opens on a stage's behalf is opened through it.
///
/// Paths are relative to the workspace, or absolute and inside of one of the places above. Links are followed as programs
/// follow them, as long as they stay inside; one that leads out is `PermissionDenied`.
#[derive(Debug)]
pub struct View {
    /// The first one is the workspace.
    places: Vec<Place>,
    writable: Vec<(PathBuf, OwnedFd)>,
}

#[derive(Debug)]
struct Place {
    path: PathBuf,
    root: OwnedFd,
    /// True for scratch.
    writable: bool,
}

impl View {
    /// A View for an attempt that runs no programs. Blocks like `Cell::start`.
    pub fn build(helper: &Path, spec: &CellSpec) -> Result<std::sync::Arc<Self>, StartError> {
        // Reads and writes of programs are the Cell's business; what is left when it ends is the View.
        Ok(Cell::start(helper, spec)?.view().clone())
    }

    /// `descriptors`: the workspace, each `write` folder in order, and scratch if it is not to be opened here.
    pub(crate) fn new(spec: &CellSpec, descriptors: Vec<OwnedFd>) -> io::Result<Self> {
        let mut descriptors = descriptors.into_iter();
        let root = descriptors.next().ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut places = vec![Place {
            path: spec.workspace.clone(),
            root,
            writable: false,
        }];
        let folders = spec.write.iter().map(|folder| plain(folder));
        let writable: Vec<_> = folders.zip(descriptors.by_ref()).collect();
        if writable.len() != spec.write.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let open = |path: &Path| openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        for path in &spec.read {
            places.push(Place {
                path: path.clone(),
                root: open(path)?,
                writable: false,
            });
        }
        places.push(Place {
            path: spec.scratch.clone(),
            root: descriptors.next().map_or_else(|| open(&spec.scratch), Ok)?,
            writable: true,
        });
        Ok(Self { places, writable })
    }

    /// The workspace, read-only. The path is good for as long as the View lives, and in this process only.
    pub fn root_path(&self) -> PathBuf {
        by_descriptor(&self.places[0].root)
    }

    /// The `write` folders relative to the workspace (the empty path is all of it), each as a descriptor of the real folder,
    /// read-write; what is hidden or read-only stays so.
    pub fn writable(&self) -> &[(PathBuf, OwnedFd)] {
        &self.writable
    }

    /// The paths of `read`, each as a descriptor of the real file or folder. It may allow more than it should be used for: they
    /// are to be read only.
    pub fn granted(&self) -> impl Iterator<Item = (&Path, &OwnedFd)> {
        let outside = self.places.iter().skip(1).filter(|place| !place.writable);
        outside.map(|place| (place.path.as_path(), &place.root))
    }

    /// Opens a file for reading. Anything else than a file is `InvalidInput`.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        // A named pipe without a writer would block here without NONBLOCK; on files it means nothing.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        regular(self.resolve(path, flags)?, path)
    }

    /// A file or folder, as an O_PATH descriptor.
    pub fn open_dir_or_file(&self, path: &Path) -> io::Result<OwnedFd> {
        self.resolve(path, OFlags::PATH)
    }

    /// Creates or empties a file, beneath a `write` folder or scratch only; missing folders on the way are made. Elsewhere it is
    /// `PermissionDenied`.
    pub fn create(&self, path: &Path) -> io::Result<File> {
        let (root, inside) = self.writable_place(path)?;
        let parts: Vec<_> = inside.components().collect();
        let mut so_far = PathBuf::new();
        let mut folder = beneath(root, Path::new("."), OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
        for part in parts.iter().take(parts.len().saturating_sub(1)) {
            match mkdirat(&folder, part.as_os_str(), Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            so_far.push(part);
            folder = beneath(root, &so_far, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = regular(beneath(root, &inside, flags, Mode::from_raw_mode(0o666))?, path)?;
        // Only now that it is known to be a file.
        file.set_len(0)?;
        Ok(file)
    }

    fn resolve(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let absolute = self.absolute(path)?;
        let (root, inside) = self.place(&absolute).ok_or_else(|| outside(path))?;
        match beneath(root, &inside, flags, Mode::empty()) {
            // A link with an absolute target, or from one place to another: resolved step by step.
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                let real =
                    resolve::without_links(&absolute, &|path| self.link_at(path))?.ok_or_else(|| outside(path))?;
                let (root, inside) = self.place(&real).ok_or_else(|| outside(path))?;
                beneath(root, &inside, flags, Mode::empty())
            }
            opened => opened,
        }
    }

    /// The target if there is a link at this path, whose parent has no links. None outside of all places.
    fn link_at(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let Some((root, inside)) = self.place(path) else {
            return Ok(None);
        };
        if inside.as_os_str().is_empty() {
            return Ok(None);
        }
        let found = beneath(root, &inside, OFlags::PATH | OFlags::NOFOLLOW, Mode::empty())?;
        if !FileType::from_raw_mode(fstat(&found)?.st_mode).is_symlink() {
            return Ok(None);
        }
        let target = rustix::fs::readlinkat(&found, "", Vec::new())?;
        Ok(Some(PathBuf::from(OsString::from_vec(target.into_bytes()))))
    }

    fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        // `..` after a link means something else than it says, so only links may have it.
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(outside(path));
        }
        Ok(plain(&self.places[0].path.join(path)))
    }

    /// The innermost place of an absolute path, and the path within.
    fn place(&self, path: &Path) -> Option<(BorrowedFd<'_>, PathBuf)> {
        let inside = self.places.iter().filter(|place| path.starts_with(&place.path));
        let place = inside.max_by_key(|place| place.path.components().count())?;
        Some((place.root.as_fd(), path.strip_prefix(&place.path).ok()?.to_owned()))
    }

    fn writable_place(&self, path: &Path) -> io::Result<(BorrowedFd<'_>, PathBuf)> {
        let absolute = self.absolute(path)?;
        let workspace = &self.places[0].path;
        let folders = self
            .writable
            .iter()
            .map(|(folder, root)| (workspace.join(folder), root));
        let scratch = self
            .places
            .iter()
            .filter(|place| place.writable)
            .map(|place| (place.path.clone(), &place.root));
        let (folder, root) = folders
            .chain(scratch)
            .filter(|(folder, _)| absolute.starts_with(folder) && absolute != *folder)
            .max_by_key(|(folder, _)| folder.components().count())
            .ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    format!("`{}` is not in a folder that this stage may write", path.display()),
                )
            })?;
        let inside = absolute.strip_prefix(&folder).map_err(|_| outside(path))?.to_owned();
        Ok((root.as_fd(), inside))
    }
}

fn beneath(root: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    if path.as_os_str().is_empty() {
        // The place itself, which may be a file. It was opened by us, so its link in /proc leads where we meant.
        return Ok(openat(CWD, by_descriptor(&root), flags | OFlags::CLOEXEC, mode)?);
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    Ok(openat2(root, path, flags | OFlags::CLOEXEC, mode, resolve)?)
}

fn regular(opened: OwnedFd, path: &Path) -> io::Result<File> {
    if FileType::from_raw_mode(fstat(&opened)?.st_mode).is_file() {
        return Ok(File::from(opened));
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("`{}` is not a file", path.display()),
    ))
}

fn by_descriptor(descriptor: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
}

/// Without `.`.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn outside(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("`{}` leads out of what this stage can see", path.display()),
    )
}
