//! A folder of the host whose changes persist.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::mount::Tree;
use super::own_id::OwnId;
use crate::failure::Failure;

/// Who gets at a folder through a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum User {
    Programs,
    Engine,
}

#[derive(Debug)]
pub(super) struct Real {
    folder: OwnedFd,
    /// Where programs have an id of their own: mounts that are to be attached once. The engine needs one where it makes files.
    for_programs: Option<Tree>,
    for_engine: Option<Tree>,
}

impl Real {
    pub(super) fn plain(folder: OwnedFd) -> Self {
        Self {
            folder,
            for_programs: None,
            for_engine: None,
        }
    }

    pub(super) fn mapped(folder: OwnedFd, own: &mut OwnId, makes_files: bool) -> Result<Self, Failure> {
        Ok(Self {
            for_programs: Some(own.for_programs(&folder)?),
            for_engine: makes_files.then(|| own.for_engine(&folder)).transpose()?,
            folder,
        })
    }

    pub(super) fn is_mapped(&self) -> bool {
        self.for_programs.is_some()
    }

    /// Not attached yet.
    pub(super) fn tree(&self, user: User) -> io::Result<Tree> {
        let tree = match user {
            User::Programs => &self.for_programs,
            User::Engine => &self.for_engine,
        };
        match tree {
            Some(tree) => tree.same(),
            None => Tree::clone_of(&self.folder),
        }
    }

    /// Where what the engine makes gets the right owner.
    pub(super) fn for_engine(&self) -> BorrowedFd<'_> {
        self.for_engine.as_ref().map_or(self.folder.as_fd(), AsFd::as_fd)
    }

    /// None where the folder itself is as good.
    pub(super) fn into_engine_s(self) -> Option<OwnedFd> {
        self.for_engine.map(Tree::into_fd)
    }

    pub(super) fn folder(&self) -> &OwnedFd {
        &self.folder
    }

    pub(super) fn into_folder(self) -> OwnedFd {
        self.folder
    }
}

/// The folder itself, as this process has opened it.
impl AsFd for Real {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}
