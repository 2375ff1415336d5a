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
    /// The workspace also gets the name `.`, and its folders their relative paths, so that relative paths mean the same in
    /// every language as in a native program.
    pub(crate) fn add_to(&self, wasi: &mut WasiCtxBuilder, workspace: &Path) -> Result<(), RunError> {
        let perms = if self.writable {
            FsPerms::ReadWrite
        } else {
            FsPerms::ReadOnly
        };
        let relative = match self.guest.strip_prefix(workspace) {
            Ok(inside) if inside.as_os_str().is_empty() => Some(Path::new(".")),
            inside => inside.ok(),
        };
        for name in [Some(self.guest.as_path()), relative].into_iter().flatten() {
            wasi.preopened_dir(&self.host, name.to_string_lossy(), perms)
                .map_err(|error| RunError::Preopen {
                    guest: self.guest.clone(),
                    reason: error.to_string(),
                })?;
        }
        Ok(())
    }
}
