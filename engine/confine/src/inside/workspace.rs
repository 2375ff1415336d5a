//! The workspace as programs see it: overlay, real folders, masks.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fchmod, fstat, mkdirat, openat};
use rustix::io::Errno;

use super::mount::{Forbid, Tree};
use super::real::{Real, User};
use super::root::Root;
use super::sources::{Sources, without_dots};
use super::submounts;
use crate::failure::{During, Failure, Step};
use crate::limits;
use crate::open::openat2;
use crate::spec::CellSpec;

/// Places of the new root that are gone before it is entered.
const UPPER: &str = "/.upper";
const EMPTY: &str = "/.empty";

/// What lies under the `write` folders: the real workspace, or the overlay.
#[derive(Debug)]
pub(super) enum Base<'a> {
    Real(&'a Real),
    Overlay(Tree),
}

impl<'a> Base<'a> {
    pub(super) fn new(root: &Root, spec: &CellSpec, sources: &'a Sources) -> Result<Self, Failure> {
        if spec.writes_everywhere() {
            Ok(Self::Real(&sources.workspace))
        } else {
            overlay(root, &sources.workspace).map(Self::Overlay)
        }
    }

    /// The same once more, while it is placed.
    pub(super) fn again(self, root: &Root, spec: &CellSpec) -> Result<Self, Failure> {
        match self {
            Self::Real(_) => Ok(self),
            Self::Overlay(_) => root
                .open(&spec.workspace)
                .and_then(Tree::clone_of_one)
                .map(Self::Overlay)
                .during(Step::Mounts, "can't copy the workspace's mounts"),
        }
    }

    /// Not attached yet.
    fn tree(&self, user: User) -> io::Result<Tree> {
        match self {
            Self::Real(real) => {
                let tree = real.tree(user)?;
                tree.forbid(Forbid::PRIVILEGE)?;
                Ok(tree)
            }
            Self::Overlay(tree) => tree.same(),
        }
    }
}

/// Puts the workspace into the new root, at the same absolute path, as one of its users gets it.
pub(super) fn place(
    root: &Root,
    spec: &CellSpec,
    sources: &Sources,
    base: &Base<'_>,
    user: User,
) -> Result<(), Failure> {
    base.tree(user)
        .and_then(|tree| root.place(&spec.workspace, &tree))
        .during(Step::Mounts, "can't place the workspace")?;
    for (folder, real) in &sources.write {
        if crate::spec::is_whole(folder) {
            continue;
        }
        place_write_folder(root, spec, folder, real.tree(user)).during(
            Step::Mounts,
            format_args!("can't place the `write` folder `{}`", folder.display()),
        )?;
    }
    pin(root, spec, &sources.masks.0)?;
    hide(root, spec, &sources.masks.0)?;
    protect(root, spec)
}

/// Copies of what was placed, for the engine: the whole of it read-only, then each `write` folder.
pub(super) fn views(root: &Root, spec: &CellSpec) -> io::Result<Vec<OwnedFd>> {
    let whole = Tree::clone_of(root.open(&spec.workspace)?)?;
    whole.forbid(Forbid::WRITING)?;
    let mut views = vec![whole.into_fd()];
    for folder in &spec.write {
        views.push(Tree::clone_of(root.open(&spec.workspace.join(folder))?)?.into_fd());
    }
    Ok(views)
}

fn place_write_folder(root: &Root, spec: &CellSpec, folder: &Path, tree: io::Result<Tree>) -> io::Result<()> {
    let tree = tree?;
    tree.forbid(Forbid::PRIVILEGE)?;
    tree.attach(root.open(&spec.workspace.join(folder))?)
}

fn overlay(root: &Root, workspace: &Real) -> Result<Tree, Failure> {
    let upper = make_upper(root, workspace).during(Step::Overlay, "can't make room for private writes")?;
    enter_lower(root, workspace).during(Step::Overlay, "can't enter the workspace")?;
    let [changed, work] = upper;
    let overlay = match Tree::overlay_of_current_folder(changed.as_fd(), work.as_fd()) {
        Ok(overlay) => overlay,
        Err(error) => {
            submounts::refuse(workspace)?;
            return Err(Failure::new(Step::Overlay, "can't mount the private overlay", error));
        }
    };
    root.detach(Path::new(UPPER))
        .during(Step::Overlay, "can't put the overlay's own folder out of sight")?;
    Ok(overlay)
}

/// An overlay takes from mounts of this process's own namespace only, which a mapped one is once it is attached.
fn enter_lower(root: &Root, workspace: &Real) -> io::Result<()> {
    if !workspace.is_mapped() {
        return Ok(rustix::process::fchdir(workspace)?);
    }
    let lower = Path::new(UPPER).join("lower");
    root.place(&lower, &workspace.tree(User::Programs)?)?;
    Ok(rustix::process::fchdir(root.open(&lower)?)?)
}

fn make_upper(root: &Root, workspace: &Real) -> io::Result<[OwnedFd; 2]> {
    let tree = Tree::tmpfs(&[
        ("size", limits::OVERLAY_BYTES),
        ("nr_inodes", limits::OVERLAY_FILES),
        ("mode", "700"),
    ])?;
    root.place(Path::new(UPPER), &tree)?;
    // The root of the overlay looks like `upper` does, so it gets the workspace's mode; it is ours whoever owns the workspace.
    let mode = Mode::from_raw_mode(fstat(workspace)?.st_mode) | Mode::RWXU;
    let folder = |name: &str| {
        mkdirat(tree.as_fd(), name, Mode::RWXU)?;
        openat(tree.as_fd(), name, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    };
    let changed = folder("upper")?;
    fchmod(&changed, mode)?;
    Ok([changed, folder("work")?])
}

/// Lays each folder on the way to a hidden or read-only path over itself, where writes are real: nobody can rename what
/// something is mounted on. Renaming such a folder would carry the path away from the name by which the next run knows it.
fn pin(root: &Root, spec: &CellSpec, masks: &[PathBuf]) -> Result<(), Failure> {
    let targets: Vec<_> = masks.iter().filter_map(|mask| leads_to(root, spec, mask)).collect();
    let mut folders = BTreeSet::new();
    for path in masks.iter().chain(&targets).chain(&spec.read_only) {
        for folder in path.ancestors().skip(1) {
            if is_below_a_write_folder(spec, folder) {
                folders.insert((folder.components().count(), folder));
            }
        }
    }
    if folders.len() > limits::PINNED {
        return Err(Failure::spec(format!(
            "more than {} folders below `write` hold hidden or read-only files; grant narrower folders",
            limits::PINNED
        )));
    }
    // Outer ones first: what is laid over a folder covers what was laid over its contents before.
    for (_, folder) in folders {
        pin_one(root, &spec.workspace.join(folder))
            .during(Step::Mounts, format_args!("can't pin `{}`", folder.display()))?;
    }
    Ok(())
}

/// Where a hidden link leads within the workspace: that is hidden too.
fn leads_to(root: &Root, spec: &CellSpec, mask: &Path) -> Option<PathBuf> {
    // What leads nowhere, or is gone since it was found, has nothing to pin.
    let path = root.path_of(root.open(&spec.workspace.join(mask)).ok()?.as_fd())?;
    let inside = path.strip_prefix(&spec.workspace).ok()?;
    (inside != mask).then(|| inside.to_owned())
}

fn is_below_a_write_folder(spec: &CellSpec, folder: &Path) -> bool {
    let mut write = spec.write.iter().map(|write| without_dots(write));
    !folder.as_os_str().is_empty() && write.any(|write| folder.starts_with(&write) && folder != write)
}

fn pin_one(root: &Root, path: &Path) -> io::Result<()> {
    match root.open(path) {
        Ok(folder) => Tree::clone_of(&folder)?.attach(folder),
        // Removed since it was found.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn hide(root: &Root, spec: &CellSpec, masks: &[PathBuf]) -> Result<(), Failure> {
    if masks.is_empty() {
        return Ok(());
    }
    let [folder, file] = make_empty(root).during(Step::Mounts, "can't make what hidden paths show")?;
    for mask in masks {
        hide_one(root, spec, mask, &folder, &file)
            .during(Step::Mounts, format_args!("can't hide `{}`", mask.display()))?;
    }
    root.detach(Path::new(EMPTY))
        .during(Step::Mounts, "can't put an empty folder out of sight")
}

fn make_empty(root: &Root) -> io::Result<[OwnedFd; 2]> {
    let tree = Tree::tmpfs(&[("size", "4k"), ("nr_inodes", "4"), ("mode", "755")])?;
    root.place(Path::new(EMPTY), &tree)?;
    mkdirat(tree.as_fd(), "folder", Mode::from_raw_mode(0o555))?;
    openat(
        tree.as_fd(),
        "file",
        OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC,
        Mode::from_raw_mode(0o444),
    )?;
    tree.forbid(Forbid::WRITING)?;
    let open = |name: &str| openat(tree.as_fd(), name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    Ok([open("folder")?, open("file")?])
}

fn hide_one(root: &Root, spec: &CellSpec, mask: &Path, folder: &OwnedFd, file: &OwnedFd) -> io::Result<()> {
    let workspace = root.open(&spec.workspace)?;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut target = match openat2(&workspace, mask, flags, Mode::empty(), ResolveFlags::BENEATH) {
        Ok(target) => target,
        // Removed since it was found.
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let kind = |target: &OwnedFd| Ok::<_, io::Error>(FileType::from_raw_mode(fstat(target)?.st_mode));
    if kind(&target)?.is_symlink() {
        // Nothing can be mounted on a link, so what it leads to is hidden; that matters only within the workspace.
        let leads_to = match root.open(&spec.workspace.join(mask)) {
            Ok(leads_to) => leads_to,
            // It leads nowhere: to what is missing, through a file, or round in circles.
            Err(error)
                if matches!(
                    Errno::from_io_error(&error),
                    Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
                ) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        match root.path_of(leads_to.as_fd()) {
            Some(path) if path.starts_with(&spec.workspace) && path != spec.workspace => target = leads_to,
            _ => return Ok(()),
        }
    }
    let cover = if kind(&target)?.is_dir() { folder } else { file };
    Tree::clone_of(cover)?.attach(target)
}

/// Lays each read-only path over itself.
fn protect(root: &Root, spec: &CellSpec) -> Result<(), Failure> {
    for path in &spec.read_only {
        protect_one(root, spec, path)
            .during(Step::Mounts, format_args!("can't make `{}` read-only", path.display()))?;
    }
    Ok(())
}

fn protect_one(root: &Root, spec: &CellSpec, path: &Path) -> io::Result<()> {
    let workspace = root.open(&spec.workspace)?;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let target = match openat2(&workspace, path, flags, Mode::empty(), ResolveFlags::BENEATH) {
        Ok(target) => target,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let tree = Tree::clone_of(&target)?;
    tree.forbid(Forbid::WRITING)?;
    tree.attach(target)
}
