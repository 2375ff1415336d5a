//! The folders that WASI's own functions may have: they look at no name, so nothing in such a folder is to be kept from anyone.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::limits;

/// The outermost folders of `folder`, or itself, that neither are nor hold one of `kept`; all paths are relative to `workspace`.
/// Those that are nearest to `folder` come first, and no more than [`limits::FREE_FOLDERS`].
pub(super) fn find(workspace: &Path, folder: &Path, kept: &BTreeSet<PathBuf>) -> io::Result<Vec<PathBuf>> {
    let mut free = Vec::new();
    let mut waiting = VecDeque::from([folder.to_owned()]);
    while let Some(folder) = waiting.pop_front() {
        if free.len() >= limits::FREE_FOLDERS {
            break;
        }
        if folder.ancestors().any(|above| kept.contains(above)) {
            continue;
        }
        // Sorted by components, so what is beneath a folder comes right behind it.
        let holds = kept
            .range(folder.clone()..)
            .next()
            .is_some_and(|next| next.starts_with(&folder));
        if !holds {
            free.push(folder);
            continue;
        }
        let mut inner = Vec::new();
        for entry in fs::read_dir(workspace.join(&folder))? {
            let entry = entry?;
            // Not what a link leads to.
            if entry.file_type()?.is_dir() {
                inner.push(folder.join(entry.file_name()));
            }
        }
        inner.sort();
        waiting.extend(inner);
    }
    Ok(free)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(folder: &str, kept: &[&str]) -> Vec<String> {
        let workspace = tempfile::tempdir().unwrap();
        for path in ["a/b", "a/c/d", "a-b", "e", ".git/hooks"] {
            fs::create_dir_all(workspace.path().join(path)).unwrap();
        }
        std::os::unix::fs::symlink(".git", workspace.path().join("link")).unwrap();
        let kept = kept.iter().map(PathBuf::from).collect();
        let free = find(workspace.path(), Path::new(folder), &kept).unwrap();
        free.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_folder_is_free_when_nothing_in_it_is_kept() {
        assert_eq!(found("", &[]), [""]);
        assert_eq!(found("", &[".git"]), ["a", "a-b", "e"]);
        assert_eq!(found("", &[".git", "a/c/.env"]), ["a-b", "e", "a/b", "a/c/d"]);
        assert_eq!(found("a", &[".git", "a/c"]), ["a/b"]);
        assert_eq!(found("a", &["a-b/.env", "e/x"]), ["a"]);
        assert_eq!(found(".git", &[".git"]), Vec::<String>::new());
        assert_eq!(found(".git/hooks", &[".git"]), Vec::<String>::new());
    }
}
