//! The names that a View refuses where no mount hides them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use ignore::gitignore::Gitignore;
use rustix::fs::{FileType, fstat};

use crate::failure::{Failure, StartError};
use crate::masks::{hides, patterns};
use crate::spec::CellSpec;

#[derive(Debug)]
pub(crate) struct Unmasked {
    patterns: Gitignore,
    /// What hidden links lead to: no pattern knows these. Relative to the workspace.
    also: BTreeSet<PathBuf>,
    read_only: Vec<PathBuf>,
}

impl Unmasked {
    /// `hidden`: what was hidden when the Cell started, relative to the workspace.
    pub(crate) fn new(spec: &CellSpec, hidden: Vec<PathBuf>) -> Result<Self, StartError> {
        let patterns = patterns(&spec.workspace, &spec.hide).map_err(|Failure { text, .. }| StartError::Spec(text))?;
        Ok(Self {
            patterns,
            also: hidden.into_iter().collect(),
            read_only: spec.read_only.clone(),
        })
    }

    /// An error: the file, or a folder that it lies in, is hidden. `path` is relative to the workspace.
    pub(crate) fn refuse_hidden(&self, path: &Path, is_folder: bool) -> io::Result<()> {
        let hidden = path.ancestors().any(|part| {
            let is_folder = is_folder || part != path;
            !part.as_os_str().is_empty() && (hides(&self.patterns, part, is_folder) || self.also.contains(part))
        });
        if hidden {
            return Err(refused(path, "hidden from stages"));
        }
        Ok(())
    }

    pub(crate) fn refuse_read_only(&self, path: &Path) -> io::Result<()> {
        if self.read_only.iter().any(|protected| path.starts_with(protected)) {
            return Err(refused(path, "not to be changed by stages"));
        }
        Ok(())
    }
}

fn refused(path: &Path, why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("`{}` is {why}", path.display()),
    )
}

/// Where an open file really is, whatever links led to it. An error: it is nowhere any more.
pub(crate) fn real_path(opened: &OwnedFd) -> io::Result<PathBuf> {
    let path = fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd()))?;
    // The kernel's word for a name that has gone since: nothing can be judged by it.
    if path.as_os_str().as_encoded_bytes().ends_with(b" (deleted)") {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(path)
}

pub(crate) fn is_folder(opened: &OwnedFd) -> io::Result<bool> {
    Ok(FileType::from_raw_mode(fstat(opened)?.st_mode).is_dir())
}
