//! Where a repository is kept. The engine looks itself: git's own search reads configurations on its way, and refuses what
//! belongs to another user, which is usual in the containers of CI systems.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A `.git` file and a `commondir` file hold one path each.
const MAX_POINTER_BYTES: u64 = 16 << 10;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct DotGit {
    /// The folder that has the `.git`.
    pub(super) top: PathBuf,
    /// What belongs to this working tree: HEAD and the index.
    pub(super) folder: PathBuf,
    /// What all working trees share: objects, branches, the configuration.
    pub(super) common: PathBuf,
}

impl DotGit {
    /// The one of the nearest folder that has one. The text says why one that is there is not used.
    pub(super) fn find(workspace: &Path) -> Result<Option<Self>, String> {
        for top in workspace.ancestors() {
            let path = top.join(".git");
            let Ok(found) = fs::metadata(&path) else {
                continue;
            };
            // git passes over such a folder as well.
            if found.is_dir() && fs::symlink_metadata(path.join("HEAD")).is_err() {
                continue;
            }
            // Who can write into the workspace has the manifest as well. Above it, a stranger may have left one in /tmp.
            if top != workspace {
                check_owner(&path, workspace)?;
            }
            let shown = path.display();
            let unclear = |error: io::Error| format!("`{shown}` does not lead to a repository: {error}");
            let folder = if found.is_dir() {
                path.clone()
            } else {
                top.join(pointer(&path, b"gitdir: ").map_err(unclear)?)
            };
            let common = match pointer(&folder.join("commondir"), b"") {
                Ok(common) => folder.join(common),
                Err(error) if error.kind() == io::ErrorKind::NotFound => folder.clone(),
                Err(error) => return Err(unclear(error)),
            };
            return Ok(Some(Self {
                top: top.into(),
                folder,
                common,
            }));
        }
        Ok(None)
    }
}

fn check_owner(path: &Path, workspace: &Path) -> Result<(), String> {
    let owner = |path: &Path| match fs::symlink_metadata(path) {
        Ok(found) => Ok(found.uid()),
        Err(error) => Err(format!("`{}` can't be read: {error}", path.display())),
    };
    let (theirs, ours) = (owner(path)?, owner(workspace)?);
    if is_trusted(theirs, ours, nix::unistd::geteuid().as_raw()) {
        return Ok(());
    }
    Err(format!(
        "`{}` belongs to the user {theirs}, and the project to the user {ours}",
        path.display()
    ))
}

/// The owner of the project and root can change what runs here anyway.
fn is_trusted(owner: u32, of_workspace: u32, engine: u32) -> bool {
    [of_workspace, engine, 0].contains(&owner)
}

/// The path that a small file holds behind a prefix.
fn pointer(path: &Path, prefix: &[u8]) -> io::Result<PathBuf> {
    // Opening a pipe would wait for somebody to write.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_POINTER_BYTES).read_to_end(&mut text)?;
    let end = text
        .iter()
        .rposition(|byte| !b"\r\n".contains(byte))
        .map_or(0, |last| last + 1);
    text.truncate(end);
    match text.strip_prefix(prefix) {
        Some(target) if !target.is_empty() => Ok(std::ffi::OsString::from_vec(target.to_vec()).into()),
        _ => Err(io::Error::other("it does not name a folder")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_s_folder_above_the_project_is_not_trusted() {
        // In a container the engine is root and the files are the user's, or the other way round.
        for (owner, of_workspace, engine) in [
            (1000, 1000, 1000),
            (1000, 1000, 0),
            (0, 0, 1000),
            (0, 1000, 1000),
            (1000, 0, 1000),
        ] {
            assert!(
                is_trusted(owner, of_workspace, engine),
                "{owner} {of_workspace} {engine}"
            );
        }
        assert!(!is_trusted(1001, 1000, 1000));
        assert!(!is_trusted(1001, 0, 0));
    }

    #[test]
    fn pointers_and_what_looks_like_one() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        assert_eq!(DotGit::find(top), Ok(None));
        fs::create_dir(top.join(".git")).unwrap();
        assert_eq!(DotGit::find(top), Ok(None), "an empty folder is none");
        fs::remove_dir(top.join(".git")).unwrap();
        fs::write(top.join(".git"), "gitdir: elsewhere/x\n").unwrap();
        fs::create_dir_all(top.join("elsewhere/x")).unwrap();
        let inner = top.join("inner/deep");
        fs::create_dir_all(&inner).unwrap();
        let found = DotGit::find(&inner).unwrap().unwrap();
        assert_eq!(found.top, top);
        assert_eq!(found.folder, top.join("elsewhere/x"));
        assert_eq!(found.common, found.folder);
        fs::write(top.join("elsewhere/x/commondir"), "../common\n").unwrap();
        assert_eq!(
            DotGit::find(&inner).unwrap().unwrap().common,
            top.join("elsewhere/x/../common")
        );
        for text in ["", "gitdir: ", "gitdir: \n", "/absolute"] {
            fs::write(top.join(".git"), text).unwrap();
            let error = DotGit::find(&inner).unwrap_err();
            assert!(error.contains("does not name a folder"), "{text}: {error}");
        }
    }
}
