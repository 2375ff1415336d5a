//! The folder that one attempt has for itself.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Removed when it is dropped.
pub(super) struct Scratch {
    folder: TempDir,
    path: PathBuf,
}

impl Scratch {
    /// Short, because paths of Unix sockets in it may have 107 bytes only.
    pub(super) fn make(temp: &Path) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("tidegate-").tempdir_in(temp)?;
        let path = folder.path().canonicalize()?;
        for name in ["home", "tmp", "artifacts"] {
            std::fs::create_dir(path.join(name))?;
        }
        Ok(Self { folder, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Says what could not be removed.
    pub(super) fn remove(self) -> std::io::Result<()> {
        // Programs may leave folders that even their owner can't enter.
        make_enterable(&self.path);
        self.folder.close()
    }
}

fn make_enterable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = std::fs::set_permissions(entry.path(), PermissionsExt::from_mode(0o700));
            make_enterable(&entry.path());
        }
    }
}
