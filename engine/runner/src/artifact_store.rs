//! Artifacts, kept by the digest of their content.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use tidegate_sandbox::Digest;

use crate::file_tree::{self, FileTree};
use crate::hidden::HiddenIn;

/// Files and empty folders of one artifact: a built front end has some thousands.
const MAX_FILES: usize = 50_000;
/// Bytes of one artifact.
const MAX_BYTES: u64 = 4 << 30;
/// Folders in folders.
const MAX_DEPTH: usize = 64;
/// One piece while copying: larger ones are not faster.
const COPY_BYTES: usize = 128 << 10;

#[derive(Debug, Clone)]
pub(crate) struct ArtifactStore {
    folder: PathBuf,
}

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub digest: Digest,
    pub bytes: u64,
    pub is_folder: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ArtifactError {
    #[error("{path}: {error}")]
    Io { path: String, error: std::io::Error },
    #[error("{path} is a link, and an artifact holds files and folders only")]
    Link { path: String },
    #[error("{path} is neither a file nor a folder")]
    Special { path: String },
    #[error("an artifact has at most {MAX_FILES} files and empty folders")]
    TooMany,
    #[error("an artifact has at most {} GiB", MAX_BYTES >> 30)]
    TooLarge,
    #[error("{path} lies deeper than {MAX_DEPTH} folders")]
    TooDeep { path: String },
    #[error("{path} has a name that is not text (UTF-8)")]
    Name { path: String },
}

/// A file of a folder, or an empty folder in it; the folder's digest is that of the sorted list of these as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct TreeEntry {
    /// Relative, with `/`.
    path: String,
    /// None for a folder with nothing in it. Other folders are known by what is in them.
    digest: Option<Digest>,
    executable: bool,
}

/// A folder that is being kept.
struct Source<'a> {
    tree: FileTree,
    hidden: &'a HiddenIn,
}

impl ArtifactStore {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Copies a file or a folder, which may have been opened by O_PATH. Programs may change it meanwhile: no link beneath it is
    /// followed, and one that is found is refused. What is `hidden` in a folder is left out. `shown` is its name in errors.
    pub(crate) fn keep(&self, source: OwnedFd, shown: &Path, hidden: &HiddenIn) -> Result<Kept, ArtifactError> {
        let metadata = File::from(source.try_clone().map_err(|error| io(shown, error))?)
            .metadata()
            .map_err(|error| io(shown, error))?;
        if metadata.is_file() {
            let file = file_tree::reopen(&source).map_err(|error| io(shown, error))?;
            let (digest, bytes) = self.keep_file(file, shown, MAX_BYTES)?;
            return Ok(Kept {
                digest,
                bytes,
                is_folder: false,
            });
        }
        if !metadata.is_dir() {
            return Err(ArtifactError::Special {
                path: shown.display().to_string(),
            });
        }
        let (mut entries, mut bytes) = (Vec::new(), 0);
        let source = Source {
            tree: FileTree::new(source),
            hidden,
        };
        self.keep_folder(&source, Path::new(""), 0, &mut entries, &mut bytes)?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let list = serde_json::to_vec(&entries).map_err(|error| io(shown, error.into()))?;
        let digest = Digest::of(&list);
        self.write(&self.tree_path(&digest), &mut list.as_slice(), u64::MAX)?;
        Ok(Kept {
            digest,
            bytes,
            is_folder: true,
        })
    }

    fn keep_folder(
        &self,
        source: &Source<'_>,
        folder: &Path,
        depth: usize,
        entries: &mut Vec<TreeEntry>,
        bytes: &mut u64,
    ) -> Result<(), ArtifactError> {
        if depth > MAX_DEPTH {
            return Err(ArtifactError::TooDeep {
                path: folder.display().to_string(),
            });
        }
        let mut is_empty = true;
        for entry in source.tree.list(folder).map_err(|error| io(folder, error))? {
            let (name, kind) = entry.map_err(|error| io(folder, error))?;
            let relative = folder.join(name);
            if source.hidden.covers(&relative, kind.is_dir()) {
                continue;
            }
            is_empty = false;
            let Some(path) = relative.to_str().map(str::to_owned) else {
                return Err(ArtifactError::Name {
                    path: relative.display().to_string(),
                });
            };
            if kind.is_symlink() {
                return Err(ArtifactError::Link { path });
            }
            if kind.is_dir() {
                self.keep_folder(source, &relative, depth + 1, entries, bytes)?;
                continue;
            }
            if !kind.is_file() {
                return Err(ArtifactError::Special { path });
            }
            let file = source.tree.file(&relative).map_err(|error| io(&relative, error))?;
            let mode = file
                .metadata()
                .map_err(|error| io(&relative, error))?
                .permissions()
                .mode();
            let (digest, size) = self.keep_file(file, &relative, MAX_BYTES - *bytes)?;
            *bytes += size;
            let executable = mode & 0o111 != 0;
            add(entries, path, Some(digest), executable)?;
        }
        // The artifact itself is a folder anyway.
        match folder.to_str() {
            Some(path) if is_empty && !path.is_empty() => add(entries, path.to_owned(), None, false),
            _ => Ok(()),
        }
    }

    fn keep_file(&self, file: File, shown: &Path, limit: u64) -> Result<(Digest, u64), ArtifactError> {
        let mut incoming = self.incoming()?;
        let (digest, bytes) = copy(&mut file.take(limit + 1), &mut incoming).map_err(|error| io(shown, error))?;
        if bytes > limit {
            return Err(ArtifactError::TooLarge);
        }
        let target = self.blob_path(&digest);
        if !target.exists() {
            incoming.persist(&target).map_err(|error| io(&target, error.error))?;
        }
        Ok((digest, bytes))
    }

    fn write(&self, target: &Path, content: &mut dyn Read, limit: u64) -> Result<(), ArtifactError> {
        let mut incoming = self.incoming()?;
        std::io::copy(&mut content.take(limit), &mut incoming).map_err(|error| io(target, error))?;
        incoming.persist(target).map_err(|error| io(target, error.error))?;
        Ok(())
    }

    /// Beside its final place, so that moving it there is atomic.
    fn incoming(&self) -> Result<tempfile::NamedTempFile, ArtifactError> {
        for folder in ["blobs", "trees"] {
            let folder = self.folder.join(folder);
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&folder);
            made.map_err(|error| io(&folder, error))?;
        }
        tempfile::Builder::new()
            .prefix("incoming-")
            .tempfile_in(&self.folder)
            .map_err(|error| io(&self.folder, error))
    }

    /// Lays a copy at `target`, which must not exist. The copy is checked against its digest on the way.
    pub(crate) fn restore(&self, kept: &Kept, target: &Path) -> Result<(), ArtifactError> {
        if !kept.is_folder {
            return self.restore_file(&kept.digest, target, false);
        }
        let list = self.tree_path(&kept.digest);
        let list = std::fs::read(&list).map_err(|error| io(&list, error))?;
        if Digest::of(&list) != kept.digest {
            return Err(io(&self.tree_path(&kept.digest), changed()));
        }
        let entries: Vec<TreeEntry> = serde_json::from_slice(&list).map_err(|error| io(target, error.into()))?;
        std::fs::create_dir_all(target).map_err(|error| io(target, error))?;
        for entry in entries {
            let path = target.join(&entry.path);
            let Some(digest) = &entry.digest else {
                std::fs::create_dir_all(&path).map_err(|error| io(&path, error))?;
                continue;
            };
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(|error| io(parent, error))?;
            }
            self.restore_file(digest, &path, entry.executable)?;
        }
        Ok(())
    }

    fn restore_file(&self, digest: &Digest, target: &Path, executable: bool) -> Result<(), ArtifactError> {
        let blob = self.blob_path(digest);
        let mut content = File::open(&blob).map_err(|error| io(&blob, error))?;
        let mode = if executable { 0o755 } else { 0o644 };
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(target)
            .map_err(|error| io(target, error))?;
        let (found, _) = copy(&mut content, &mut file).map_err(|error| io(target, error))?;
        if found == *digest {
            return Ok(());
        }
        // Nothing wrong is left for a stage to find; if it can't be removed, the error still stops the stage.
        let _ = std::fs::remove_file(target);
        Err(io(&blob, changed()))
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.hex())
    }

    fn tree_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("trees").join(digest.hex())
    }
}

fn add(
    entries: &mut Vec<TreeEntry>,
    path: String,
    digest: Option<Digest>,
    executable: bool,
) -> Result<(), ArtifactError> {
    if entries.len() >= MAX_FILES {
        return Err(ArtifactError::TooMany);
    }
    entries.push(TreeEntry {
        path,
        digest,
        executable,
    });
    Ok(())
}

/// Piece by piece, because an artifact may be larger than memory. Digest and size of what was copied.
fn copy(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<(Digest, u64)> {
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; COPY_BYTES];
    let mut bytes = 0;
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok((Digest::from_sha256(hasher.finalize().into()), bytes));
        }
        bytes += count as u64;
        hasher.update(&buffer[..count]);
        to.write_all(&buffer[..count])?;
    }
}

fn changed() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, "the stored content has changed")
}

fn io(path: &Path, error: std::io::Error) -> ArtifactError {
    ArtifactError::Io {
        path: path.display().to_string(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, ArtifactStore, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let store = ArtifactStore::new(folder.path().join("store"));
        let source = folder.path().join("source");
        std::fs::create_dir_all(source.join("css/deep")).unwrap();
        std::fs::write(source.join("index.html"), "hello").unwrap();
        std::fs::write(source.join("css/deep/a.css"), "body {}").unwrap();
        (folder, store, source)
    }

    fn keep(store: &ArtifactStore, source: &Path) -> Result<Kept, ArtifactError> {
        store.keep(File::open(source).unwrap().into(), source, &HiddenIn::default())
    }

    #[test]
    fn a_folder_and_back() {
        let (folder, store, source) = store();
        let script = source.join("run.sh");
        std::fs::write(&script, "#!/bin/sh").unwrap();
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        let kept = keep(&store, &source).unwrap();
        assert_eq!((kept.bytes, kept.is_folder), (21, true));
        assert_eq!(
            keep(&store, &source).unwrap(),
            kept,
            "the same content has the same digest"
        );
        let target = folder.path().join("target");
        store.restore(&kept, &target).unwrap();
        assert_eq!(
            std::fs::read_to_string(target.join("css/deep/a.css")).unwrap(),
            "body {}"
        );
        assert_eq!(
            target.join("run.sh").metadata().unwrap().permissions().mode() & 0o777,
            0o755
        );
        assert_eq!(
            target.join("index.html").metadata().unwrap().permissions().mode() & 0o777,
            0o644
        );
    }

    #[test]
    fn empty_folders_are_kept() {
        let (folder, store, source) = store();
        let without = keep(&store, &source).unwrap();
        std::fs::create_dir_all(source.join("media/thumbs")).unwrap();
        let kept = keep(&store, &source).unwrap();
        assert_ne!(kept.digest, without.digest);
        let target = folder.path().join("target");
        store.restore(&kept, &target).unwrap();
        assert_eq!(std::fs::read_dir(target.join("media/thumbs")).unwrap().count(), 0);
        assert!(target.join("index.html").is_file());
        let nothing = folder.path().join("nothing");
        std::fs::create_dir(&nothing).unwrap();
        store
            .restore(&keep(&store, &nothing).unwrap(), &folder.path().join("out"))
            .unwrap();
        assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 0);
    }

    #[test]
    fn links_and_special_files_are_refused() {
        let (_folder, store, source) = store();
        std::os::unix::fs::symlink("/etc/passwd", source.join("css/link")).unwrap();
        assert!(matches!(keep(&store, &source), Err(ArtifactError::Link { path }) if path == "css/link"));
        std::fs::remove_file(source.join("css/link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(source.join("socket")).unwrap();
        assert!(matches!(keep(&store, &source), Err(ArtifactError::Special { path }) if path == "socket"));
    }

    #[test]
    fn a_changed_store_is_noticed() {
        let (folder, store, source) = store();
        let kept = keep(&store, &source.join("index.html")).unwrap();
        std::fs::write(store.blob_path(&kept.digest), "HELLO").unwrap();
        let restored = store.restore(&kept, &folder.path().join("out"));
        assert!(
            restored
                .unwrap_err()
                .to_string()
                .ends_with("the stored content has changed")
        );
    }

    #[test]
    fn a_changed_list_of_files_is_noticed() {
        let (folder, store, source) = store();
        let kept = keep(&store, &source).unwrap();
        std::fs::write(store.tree_path(&kept.digest), "[]").unwrap();
        let restored = store.restore(&kept, &folder.path().join("out")).unwrap_err();
        assert!(
            restored.to_string().ends_with("the stored content has changed"),
            "{restored}"
        );
    }

    /// A program exchanges a folder for a link to the user's files, and back, while the folder is being kept.
    #[test]
    fn a_folder_that_becomes_a_link_gives_nothing_away() {
        let (folder, store, source) = store();
        let outside = folder.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("a.css"), "of the user").unwrap();
        let (real, link) = (source.join("css"), folder.path().join("link"));
        std::fs::remove_dir_all(real.join("deep")).unwrap();
        std::fs::write(real.join("a.css"), "body {}").unwrap();
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (real, link) = (File::open(&source).unwrap(), link.as_path());
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let flags = nix::fcntl::RenameFlags::RENAME_EXCHANGE;
                    nix::fcntl::renameat2(&real, "css", nix::fcntl::AT_FDCWD, link, flags).unwrap();
                }
            });
            let leak = Digest::of(b"of the user");
            let leaked = (0..2_000).any(|_| {
                let _ = keep(&store, &source);
                store.blob_path(&leak).exists()
            });
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(!leaked);
        });
    }
}
