//! The file system that programs see, put together.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use super::mount::{Forbid, Tree};
use super::root::Root;
use super::sources::Sources;
use super::{identity, views};
use crate::failure::{During, Failure, Step};
use crate::limits;
use crate::spec::CellSpec;

/// Makes it from what was collected, and enters it. Returns the View's descriptors.
pub(super) fn build(spec: &CellSpec, mut sources: Sources) -> Result<Vec<OwnedFd>, Failure> {
    let root = Root::new().during(Step::Mounts, "can't mount a new root")?;
    let place = |path: &Path, tree: io::Result<Tree>| {
        tree.and_then(|tree| root.place(path, &tree))
            .during(Step::Mounts, format_args!("can't place `{}`", path.display()))
    };
    let at = |path: &Path, result: io::Result<()>| {
        result.during(Step::Mounts, format_args!("can't make `{}`", path.display()))
    };
    place(
        Path::new("/tmp"),
        Tree::tmpfs(&[("size", limits::TMP_BYTES), ("mode", "1777")]),
    )?;
    place(
        Path::new("/dev/shm"),
        Tree::tmpfs(&[("size", limits::SHM_BYTES), ("mode", "1777")]),
    )?;
    for (name, target) in [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        let path = Path::new("/dev").join(name);
        at(&path, root.link(&path, &Path::new("/proc/self").join(target)))?;
    }
    // The host's own goes under each command's /proc: the kernel mounts a new one only where one is in full view.
    place(Path::new("/proc"), take_proc())?;

    let mut placed = std::mem::take(&mut sources.placed);
    // Outer paths first: what lies inside of another one has to come on top of it.
    placed.sort_by_key(|(path, _)| path.components().count());
    let (inside, outside): (Vec<_>, Vec<_>) = placed
        .into_iter()
        .partition(|(path, _)| path.starts_with(&spec.workspace));
    views::place_all(&root, &outside)?;
    let views = views::place(&root, spec, sources, &inside)?;
    for (path, content) in identity::files(spec) {
        at(&path, root.file(&path, content.as_bytes()))?;
    }
    root.enter().during(Step::Mounts, "can't enter the new root")?;
    Ok(views)
}

fn take_proc() -> io::Result<Tree> {
    let proc = Tree::clone_of(std::fs::File::open("/proc")?)?;
    proc.forbid(Forbid::PRIVILEGE)?;
    Ok(proc)
}
