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
    /// Where programs have an id of their own: a mount for them and one for the engine, each to be attached once.
    mapped: Option<[Tree; 2]>,
}

impl Real {
    pub(super) fn new(folder: OwnedFd, own: Option<&mut OwnId>) -> Result<Self, Failure> {
        let mapped = match own {
            Some(own) => Some([own.for_programs(&folder)?, own.for_engine(&folder)?]),
            None => None,
        };
        Ok(Self { folder, mapped })
    }

    pub(super) fn is_mapped(&self) -> bool {
        self.mapped.is_some()
    }

    /// Not attached yet.
    pub(super) fn tree(&self, user: User) -> io::Result<Tree> {
        match (&self.mapped, user) {
            (Some([programs, _]), User::Programs) => programs.same(),
            (Some([_, engine]), User::Engine) => engine.same(),
            (None, _) => Tree::clone_of(&self.folder),
        }
    }

    /// Where what the engine makes gets the right owner.
    pub(super) fn for_engine(&self) -> BorrowedFd<'_> {
        self.mapped
            .as_ref()
            .map_or(self.folder.as_fd(), |[_, engine]| engine.as_fd())
    }

    pub(super) fn into_folder(self) -> OwnedFd {
        match self.mapped {
            Some([_, engine]) => engine.into_fd(),
            None => self.folder,
        }
    }
}

/// The folder itself, as this process has opened it.
impl AsFd for Real {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}
