//! The same names where there is no confinement yet: nothing starts, so nothing can be held.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::command::{Command, Exit, SpawnError};
use crate::connection::{Forwarded, Refused};
use crate::failure::{StartError, Why};
use crate::spec::{CellSpec, Level};

#[derive(Debug)]
pub struct Cell(Infallible);

#[derive(Debug)]
pub struct Child(Infallible);

#[derive(Debug)]
pub struct View(Infallible);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    pub kernel: String,
    pub user_namespaces: Result<(), Why>,
    pub file_system: Result<(), Why>,
    pub programs: Result<(), Why>,
}

pub fn run_helper_if_asked() {}

pub fn probe(_helper: &Path, _workspace: &Path, _scratch: &Path) -> Machine {
    let why = Why {
        what: StartError::Unsupported.to_string(),
        fix: "run on Linux".to_owned(),
    };
    Machine {
        kernel: std::env::consts::OS.to_owned(),
        user_namespaces: Err(why.clone()),
        file_system: Err(why.clone()),
        programs: Err(why),
    }
}

impl Machine {
    pub fn full(&self) -> Result<(), &Why> {
        self.user_namespaces.as_ref().map(|_| ())
    }
}

impl Cell {
    pub fn start(_helper: &Path, _spec: &CellSpec) -> Result<Self, StartError> {
        Err(StartError::Unsupported)
    }

    pub fn view(&self) -> &Arc<View> {
        match self.0 {}
    }

    pub fn level(&self) -> Level {
        match self.0 {}
    }

    pub fn spawn(&self, _command: Command) -> Result<Child, SpawnError> {
        match self.0 {}
    }
}

impl Child {
    pub fn try_wait(&self) -> Option<Exit> {
        match self.0 {}
    }

    pub fn wait(&self) -> Exit {
        match self.0 {}
    }

    pub fn kill(&self) {
        match self.0 {}
    }

    pub fn terminate(&self, _signal: i32) {
        match self.0 {}
    }

    pub fn refused(&self) -> Vec<Refused> {
        match self.0 {}
    }

    pub fn take_forwarded(&self) -> Vec<Forwarded> {
        match self.0 {}
    }

    #[cfg(unix)]
    pub fn connections(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        match self.0 {}
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Child {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self.0 {}
    }
}

impl View {
    pub fn build(_helper: &Path, _spec: &CellSpec) -> Result<Arc<Self>, StartError> {
        Err(StartError::Unsupported)
    }

    pub fn root_path(&self) -> PathBuf {
        match self.0 {}
    }

    #[cfg(unix)]
    pub fn readable(&self) -> &[(PathBuf, std::os::fd::OwnedFd)] {
        match self.0 {}
    }

    #[cfg(unix)]
    pub fn writable(&self) -> &[(PathBuf, std::os::fd::OwnedFd)] {
        match self.0 {}
    }

    #[cfg(unix)]
    pub fn granted(&self) -> impl Iterator<Item = (&Path, &std::os::fd::OwnedFd)> {
        [].into_iter()
    }

    pub fn open(&self, _path: &Path) -> io::Result<File> {
        match self.0 {}
    }

    #[cfg(unix)]
    pub fn open_dir_or_file(&self, _path: &Path) -> io::Result<std::os::fd::OwnedFd> {
        match self.0 {}
    }

    pub fn create(&self, _path: &Path) -> io::Result<File> {
        match self.0 {}
    }
}
