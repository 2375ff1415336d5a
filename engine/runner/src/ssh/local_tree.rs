//! The tree that is uploaded, as it is on this side.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::{OFlag, readlinkat};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tidegate_sandbox::SshError;

use super::exclude::Exclude;
use super::limits::{CHUNK_BYTES, TREE_DEPTH, TREE_ENTRIES, UPLOAD_BYTES};
use super::link_check;
use super::remote_file::hexadecimal;
use crate::open_folder::{self, FileType};

/// A folder and what is in it, without what is excluded. Every open stays beneath the folder and follows no link.
#[derive(Debug)]
pub(super) struct LocalTree {
    root: OwnedFd,
    /// Relative to the root; a folder comes before what is in it.
    pub(super) entries: BTreeMap<PathBuf, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    Folder,
    File {
        size: u64,
        executable: bool,
        sha256: String,
    },
    Link {
        target: OsString,
    },
}

#[derive(Debug, Error)]
pub(super) enum LocalTreeError {
    #[error("{path:?} can't be read: {error}")]
    Read { path: PathBuf, error: io::Error },
    #[error("{0:?} is no file, folder or link (a device, a socket or a pipe), and can't be uploaded; exclude it")]
    Kind(PathBuf),
    #[error("the link {link:?} leads out of the uploaded folder, to {target:?}; exclude it or put a copy in its place")]
    LinkLeaves { link: PathBuf, target: OsString },
    #[error("there are more than {TREE_ENTRIES} files; exclude what is not needed there")]
    Entries,
    #[error("{0:?} is nested more than {TREE_DEPTH} folders deep")]
    Depth(PathBuf),
    #[error("there are more than {UPLOAD_BYTES} bytes; exclude what is not needed there")]
    Bytes,
    #[error("stopped")]
    Stopped,
}

impl From<LocalTreeError> for SshError {
    fn from(error: LocalTreeError) -> Self {
        match error {
            LocalTreeError::Stopped => Self::Stopping,
            error => Self::Other(format!("nothing was uploaded: {error}")),
        }
    }
}

impl LocalTree {
    /// Reads names, sizes and digests of everything. `stopped` ends it early.
    pub(super) fn scan(root: OwnedFd, exclude: &Exclude, stopped: &AtomicBool) -> Result<Self, LocalTreeError> {
        let mut tree = Self {
            root,
            entries: BTreeMap::new(),
        };
        let mut folders = vec![(PathBuf::new(), 0)];
        let mut bytes: u64 = 0;
        while let Some((folder, depth)) = folders.pop() {
            if depth > TREE_DEPTH {
                return Err(LocalTreeError::Depth(folder));
            }
            let handle = tree.open(&folder, OFlag::O_DIRECTORY)?;
            for found in read_folder(&handle, &folder)? {
                if stopped.load(Ordering::Relaxed) {
                    return Err(LocalTreeError::Stopped);
                }
                let path = folder.join(&found.name);
                if exclude.covers(&path, found.kind.is_dir()) {
                    continue;
                }
                let entry = if found.kind.is_dir() {
                    folders.push((path.clone(), depth + 1));
                    Entry::Folder
                } else if found.kind.is_symlink() {
                    let target = readlinkat(&handle, found.name.as_os_str()).map_err(|error| failed(&path, error))?;
                    Entry::Link { target }
                } else if found.kind.is_file() {
                    let entry = tree.describe(&path)?;
                    if let Entry::File { size, .. } = entry {
                        bytes = bytes.saturating_add(size);
                    }
                    entry
                } else {
                    return Err(LocalTreeError::Kind(path));
                };
                tree.entries.insert(path, entry);
                if tree.entries.len() > TREE_ENTRIES {
                    return Err(LocalTreeError::Entries);
                }
                if bytes > UPLOAD_BYTES {
                    return Err(LocalTreeError::Bytes);
                }
            }
        }
        link_check::check(&tree.entries)?;
        Ok(tree)
    }

    /// The file for reading.
    pub(super) fn file(&self, path: &Path) -> Result<File, LocalTreeError> {
        self.open(path, OFlag::empty()).map(File::from)
    }

    fn describe(&self, path: &Path) -> Result<Entry, LocalTreeError> {
        describe(self.file(path)?)
            .map_err(|error| failed(path, error))?
            .ok_or_else(|| LocalTreeError::Kind(path.into()))
    }

    fn open(&self, path: &Path, kind: OFlag) -> Result<OwnedFd, LocalTreeError> {
        open_folder::beneath(&self.root, path, kind).map_err(|error| failed(path, error))
    }
}

/// Size, executable bit and digest of an open file; None if it is no file.
pub(super) fn describe(mut file: File) -> io::Result<Option<Entry>> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let mut digest = Sha256::new();
    let mut size: u64 = 0;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        // Counted rather than taken from the metadata, so that size and digest belong together.
        size += read as u64;
        digest.update(&chunk[..read]);
    }
    let executable = metadata.permissions().mode() & 0o100 != 0;
    Ok(Some(Entry::File {
        size,
        executable,
        sha256: hexadecimal(digest),
    }))
}

struct Found {
    name: OsString,
    kind: FileType,
}

fn read_folder(handle: &OwnedFd, path: &Path) -> Result<Vec<Found>, LocalTreeError> {
    let failed = |error| LocalTreeError::Read {
        path: path.into(),
        error,
    };
    let mut found = Vec::new();
    for entry in open_folder::entries(handle).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        found.push(Found {
            name: entry.file_name(),
            kind: entry.file_type().map_err(failed)?,
        });
        if found.len() > TREE_ENTRIES {
            return Err(LocalTreeError::Entries);
        }
    }
    Ok(found)
}

fn failed(path: &Path, error: impl Into<io::Error>) -> LocalTreeError {
    LocalTreeError::Read {
        path: path.into(),
        error: error.into(),
    }
}
