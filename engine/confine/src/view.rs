//! What one stage attempt sees of the files, held by the engine.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat};
use rustix::io::Errno;

use crate::cell::Cell;
use crate::failure::{During, Failure, StartError, Step};
use crate::helper::Helpers;
use crate::limits;
use crate::open::openat2;
use crate::parts::{Kind, for_each_part};
use crate::resolve;
use crate::spec::{CellSpec, Level};
use crate::unmasked::{Unmasked, is_folder, real_path};

/// The workspace without what is hidden, scratch, and the paths of `read`. It is a tree of mounts made by the kernel and goes
/// on hiding after the Cell has ended. Every file that the engine opens on a stage's behalf is opened through it.
///
/// Paths are relative to the workspace, or absolute and inside of one of the places above. Links are followed as programs
/// follow them, as long as they stay inside; one that leads out is `PermissionDenied`.
///
/// At the degraded level there are no mounts: opening what is hidden is `PermissionDenied`, by the names that the file has at
/// that time.
#[derive(Debug)]
pub struct View {
    /// The first one is the workspace.
    places: Vec<Place>,
    /// What `write` names, and what may be handed out of it.
    write: Vec<(PathBuf, OwnedFd)>,
    handed_out: HandedOut,
    /// At the degraded level.
    unmasked: Option<Unmasked>,
}

/// Folders for those who look at no names.
#[derive(Debug)]
enum HandedOut {
    /// All of them: mounts hide what is hidden.
    Masked([(PathBuf, OwnedFd); 1]),
    /// Those that held nothing hidden when the Cell started.
    Free {
        readable: Vec<(PathBuf, OwnedFd)>,
        writable: Vec<(PathBuf, OwnedFd)>,
    },
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
    pub fn build(helpers: &Helpers, spec: &CellSpec) -> Result<std::sync::Arc<Self>, StartError> {
        // Reads and writes of programs are the Cell's business; what is left when it ends is the View.
        Ok(Cell::start(helpers, spec)?.view().clone())
    }

    /// `descriptors`: the workspace, each `write` folder in order, and scratch if it is not to be opened here. `hidden`: at the
    /// degraded level, what is.
    pub(crate) fn new(spec: &CellSpec, descriptors: Vec<OwnedFd>, hidden: Vec<PathBuf>) -> Result<Self, StartError> {
        let failed = |error: io::Error| StartError::Failed(Failure::new(Step::Helper, "no view", error));
        let (places, write) = Self::places(spec, descriptors).map_err(failed)?;
        let (handed_out, unmasked) = if spec.level == Level::Degraded {
            let free = free_folders(spec, &places[0], &write, &hidden).map_err(StartError::Failed)?;
            (free, Some(Unmasked::new(spec, hidden)?))
        } else {
            let root = places[0].root.try_clone().map_err(failed)?;
            (HandedOut::Masked([(PathBuf::new(), root)]), None)
        };
        Ok(Self {
            places,
            write,
            handed_out,
            unmasked,
        })
    }

    #[expect(clippy::type_complexity, reason = "two lists that only `new` takes apart")]
    fn places(spec: &CellSpec, descriptors: Vec<OwnedFd>) -> io::Result<(Vec<Place>, Vec<(PathBuf, OwnedFd)>)> {
        let mut descriptors = descriptors.into_iter();
        let root = descriptors.next().ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut places = vec![Place {
            path: spec.workspace.clone(),
            root,
            writable: false,
        }];
        let folders = spec.write.iter().map(|folder| plain(folder));
        let write: Vec<_> = folders.zip(descriptors.by_ref()).collect();
        if write.len() != spec.write.len() {
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
        Ok((places, write))
    }

    /// The workspace, read-only. The path is good for as long as the View lives, and in this process only. At the degraded level
    /// it is the plain folder, with what is hidden, and nobody is to see it who looks at no names: see `readable`.
    pub fn root_path(&self) -> PathBuf {
        by_descriptor(&self.places[0].root)
    }

    /// Folders of the workspace for those who look at no names, such as WASI: relative to it (the empty path is all of it), each
    /// as a descriptor, to be read only. Usually the workspace itself; at the degraded level the folders in it in which nothing
    /// was hidden when the Cell started, at most 128 of them.
    pub fn readable(&self) -> &[(PathBuf, OwnedFd)] {
        match &self.handed_out {
            HandedOut::Masked(root) => root,
            HandedOut::Free { readable, .. } => readable,
        }
    }

    /// The `write` folders relative to the workspace (the empty path is all of it), each as a descriptor of the real folder,
    /// read-write; what is hidden or read-only stays so. At the degraded level a folder with something hidden or read-only in it
    /// is not there, and the folders in it are that hold nothing of the kind, at most 128 in all.
    pub fn writable(&self) -> &[(PathBuf, OwnedFd)] {
        match &self.handed_out {
            HandedOut::Masked(_) => &self.write,
            HandedOut::Free { writable, .. } => writable,
        }
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
        self.refuse_written(&self.absolute(path)?)?;
        let parts: Vec<_> = inside.components().collect();
        let mut so_far = PathBuf::new();
        let mut folder = beneath(root, Path::new("."), OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
        for part in parts.iter().take(parts.len().saturating_sub(1)) {
            match mkdirat(&folder, part.as_os_str(), Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            so_far.push(part);
            folder = self.unless_hidden(beneath(root, &so_far, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?)?;
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = self.unless_hidden(beneath(root, &inside, flags, Mode::from_raw_mode(0o666))?)?;
        if self.unmasked.is_some() {
            self.refuse_written(&real_path(&opened)?)?;
        }
        let file = regular(opened, path)?;
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
                self.unless_hidden(beneath(root, &inside, flags, Mode::empty())?)
            }
            opened => self.unless_hidden(opened?),
        }
    }

    /// By the name that an open file has now, through whatever links it was reached.
    fn unless_hidden(&self, opened: OwnedFd) -> io::Result<OwnedFd> {
        if let Some(unmasked) = &self.unmasked {
            let path = real_path(&opened)?;
            if let Some(path) = self.in_workspace(&path)? {
                unmasked.refuse_hidden(&path, is_folder(&opened)?)?;
            }
        }
        Ok(opened)
    }

    /// Before and after it was opened for writing: a name may be a link, and an opened file is there already.
    fn refuse_written(&self, path: &Path) -> io::Result<()> {
        if let Some(unmasked) = &self.unmasked {
            let by_name = path.strip_prefix(&self.places[0].path).ok().map(Path::to_owned);
            for path in [by_name, self.in_workspace(path)?].into_iter().flatten() {
                unmasked.refuse_hidden(&path, false)?;
                unmasked.refuse_read_only(&path)?;
            }
        }
        Ok(())
    }

    /// A real path relative to the workspace; None outside, and in a place inside of the workspace that was named by itself.
    fn in_workspace(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let workspace = real_path(&self.places[0].root)?;
        let Ok(inside) = path.strip_prefix(&workspace) else {
            return Ok(None);
        };
        for place in &self.places[1..] {
            let place = real_path(&place.root)?;
            if place != workspace && place.starts_with(&workspace) && path.starts_with(&place) {
                return Ok(None);
            }
        }
        Ok(Some(inside.to_owned()))
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
        let folders = self.write.iter().map(|(folder, root)| (workspace.join(folder), root));
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

/// What may be handed out at the degraded level.
fn free_folders(
    spec: &CellSpec,
    workspace: &Place,
    write: &[(PathBuf, OwnedFd)],
    hidden: &[PathBuf],
) -> Result<HandedOut, Failure> {
    let mut found = Vec::new();
    let mut find = |folder: &Path, root: &OwnedFd, without: &BTreeSet<PathBuf>| {
        for_each_part(root, folder, without, &mut |part| {
            if part.kind == Kind::Folder && found.len() < limits::VIEW_FOLDERS {
                let opened = part.opened.try_clone();
                found.push((part.path.to_owned(), opened.during(Step::Masks, part.path.display())?));
            }
            Ok(())
        })?;
        Ok(std::mem::take(&mut found))
    };
    let mut without: BTreeSet<PathBuf> = hidden.iter().cloned().collect();
    let readable = find(Path::new(""), &workspace.root, &without)?;
    without.extend(spec.read_only.iter().map(|path| plain(path)));
    let mut writable = Vec::new();
    for (folder, root) in write {
        if !folder.ancestors().any(|above| without.contains(above)) {
            writable.extend(find(folder, root, &without)?);
        }
    }
    writable.truncate(limits::VIEW_FOLDERS);
    Ok(HandedOut::Free { readable, writable })
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
