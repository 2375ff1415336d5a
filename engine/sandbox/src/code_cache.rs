//! Compiled code, kept between starts. It is native code: whoever can write here can run anything as this user, so the
//! folder must belong to the user alone, and a file counts only with its own checksum at its end.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::unistd::Uid;
use sha2::{Digest as _, Sha256};

use crate::limits::CODE_CACHE_BYTES;

/// Behind the checksum; also tells a format that this release does not write.
const MAGIC: &[u8; 8] = b"tgcode01";
const TRAILER: usize = 32 + MAGIC.len();

#[derive(Debug)]
pub(crate) struct CodeCache {
    dir: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum CodeCacheError {
    #[error("the folder for compiled code {} can't be used: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("others can write to the folder for compiled code {}", path.display())]
    Exposed { path: PathBuf },
}

impl CodeCacheError {
    /// What to do next.
    pub fn help(&self) -> String {
        match self {
            Self::Io { .. } => "choose another cache folder, or run without one".into(),
            Self::Exposed { path } => {
                format!("make it private: rm -r '{0}' && mkdir -m 700 '{0}'", path.display())
            }
        }
    }
}

impl CodeCache {
    /// Uses `cache_dir/code`, made if it is missing.
    pub(crate) fn open(cache_dir: &Path) -> Result<Self, CodeCacheError> {
        let dir = cache_dir.join("code");
        let failed = |error| CodeCacheError::Io {
            path: dir.clone(),
            error,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(failed)?;
        let metadata = fs::symlink_metadata(&dir).map_err(failed)?;
        let private = metadata.is_dir() && metadata.uid() == Uid::effective().as_raw() && metadata.mode() & 0o022 == 0;
        if !private {
            return Err(CodeCacheError::Exposed { path: dir });
        }
        Ok(Self { dir })
    }

    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.dir.join(format!("{key}.cwasm"))
    }

    /// The file with whole, unchanged code for the key. A broken one is as good as none: it will be written again.
    pub(crate) fn find(&self, key: &str) -> Option<PathBuf> {
        let path = self.path(key);
        let bytes = fs::read(&path).ok()?;
        let (code, trailer) = bytes.split_at_checked(bytes.len().checked_sub(TRAILER)?)?;
        let whole = trailer == Self::trailer(code);
        whole.then_some(path)
    }

    /// Replaces the file of the key in one step, so that another process sees the old one, the new one, or none.
    pub(crate) fn store(&self, key: &str, code: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.dir)?;
        file.write_all(code)?;
        file.write_all(&Self::trailer(code))?;
        file.persist(self.path(key)).map_err(|error| error.error)?;
        File::open(&self.dir)?.sync_all()?;
        self.prune()
    }

    fn trailer(code: &[u8]) -> [u8; TRAILER] {
        let mut trailer = [0; TRAILER];
        trailer[..32].copy_from_slice(&Sha256::digest(code));
        trailer[32..].copy_from_slice(MAGIC);
        trailer
    }

    /// Removes the oldest files until the limit holds. Code that is mapped stays usable for whoever has mapped it.
    fn prune(&self) -> io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            // Another process may have removed it meanwhile.
            let Ok(metadata) = entry.metadata() else { continue };
            files.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if total <= CODE_CACHE_BYTES {
                break;
            }
            total -= bytes;
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn gives_back_what_is_whole_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let cache = CodeCache::open(dir.path()).unwrap();
        assert_eq!(cache.find("k"), None);
        cache.store("k", b"native code").unwrap();
        let path = cache.find("k").unwrap();
        assert_eq!(fs::metadata(dir.path().join("code")).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(dir.path().join("code")).unwrap().count(), 1);

        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(cache.find("k"), None);
        let mut changed = whole.clone();
        changed[3] ^= 1;
        fs::write(&path, changed).unwrap();
        assert_eq!(cache.find("k"), None);
        fs::write(&path, b"").unwrap();
        assert_eq!(cache.find("k"), None);
    }

    #[test]
    fn refuses_a_folder_that_others_can_write() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("code")).unwrap();
        fs::set_permissions(dir.path().join("code"), fs::Permissions::from_mode(0o770)).unwrap();
        assert!(matches!(
            CodeCache::open(dir.path()).unwrap_err(),
            CodeCacheError::Exposed { .. }
        ));
        fs::remove_dir(dir.path().join("code")).unwrap();
        std::os::unix::fs::symlink("/tmp", dir.path().join("code")).unwrap();
        assert!(matches!(
            CodeCache::open(dir.path()).unwrap_err(),
            CodeCacheError::Exposed { .. }
        ));
    }
}
