//! The folders that a stage sees by WASI.

use std::path::{Path, PathBuf};

use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use crate::RunError;

/// One folder. What it shows is decided by whoever made it, normally a View behind `/proc/self/fd/N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preopen {
    pub host: PathBuf,
    /// Absolute.
    pub guest: PathBuf,
    pub writable: bool,
}

impl Preopen {
    /// The workspace also gets the name `.`, so that relative paths mean the same in every language as in a native program.
    pub(crate) fn add_to(&self, wasi: &mut WasiCtxBuilder, workspace: &Path) -> Result<(), RunError> {
        let perms = if self.writable {
            FsPerms::ReadWrite
        } else {
            FsPerms::ReadOnly
        };
        let absolute = self.guest.to_string_lossy();
        let current = (self.guest == workspace).then_some(".");
        for name in [Some(&*absolute), current].into_iter().flatten() {
            wasi.preopened_dir(&self.host, name, perms)
                .map_err(|error| RunError::Preopen {
                    guest: self.guest.clone(),
                    reason: error.to_string(),
                })?;
        }
        Ok(())
    }
}
