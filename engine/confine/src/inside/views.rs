//! The workspace in the new root, and the copies of it that the engine gets.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::mount::Tree;
use super::real::{Real, User};
use super::root::Root;
use super::sources::{Placed, Sources};
use super::workspace::{self, Base};
use crate::failure::{During, Failure, Step};
use crate::spec::CellSpec;

/// Puts the workspace into the new root, as programs get it, with what is granted `inside` of it. Returns the View's
/// descriptors, as the reply to the engine has them.
pub(super) fn place(
    root: &Root,
    spec: &CellSpec,
    sources: Sources,
    inside: &[(PathBuf, Placed)],
) -> Result<Vec<OwnedFd>, Failure> {
    let base = Base::new(root, spec, &sources)?;
    let for_engine = || workspace::views(root, spec).during(Step::Mounts, "can't copy the workspace's mounts");
    let mut views;
    if sources.workspace.is_mapped() && !spec.write.is_empty() {
        // A mount keeps the ids that it shows, so the engine's is made first and goes again.
        workspace::place(root, spec, &sources, &base, User::Engine)?;
        place_all(root, inside)?;
        views = for_engine()?;
        let copies = inside
            .iter()
            .map(|(path, _)| Ok((path, Tree::clone_of(root.open(path)?)?)))
            .collect::<io::Result<Vec<_>>>()
            .during(Step::Mounts, "can't copy what is granted inside the workspace")?;
        let base = base.again(root, spec)?;
        root.uncover(&spec.workspace)
            .during(Step::Mounts, "can't take the engine's workspace away")?;
        workspace::place(root, spec, &sources, &base, User::Programs)?;
        for (path, tree) in copies {
            root.place(path, &tree)
                .during(Step::Mounts, format_args!("can't place `{}`", path.display()))?;
        }
    } else {
        workspace::place(root, spec, &sources, &base, User::Programs)?;
        place_all(root, inside)?;
        views = for_engine()?;
    }
    views.extend(sources.scratch.and_then(Real::into_engine_s));
    Ok(views)
}

pub(super) fn place_all(root: &Root, all: &[(PathBuf, Placed)]) -> Result<(), Failure> {
    all.iter().try_for_each(|(path, placed)| match placed {
        Placed::Link(target) => root
            .link(path, target)
            .during(Step::Mounts, format_args!("can't make `{}`", path.display())),
        Placed::Mount(tree) => root
            .place(path, tree)
            .during(Step::Mounts, format_args!("can't place `{}`", path.display())),
    })
}
