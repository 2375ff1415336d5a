//! The files of a project that `init` looks at.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A manage.py stands at the top or one to three folders deep; what is deeper belongs to something else.
const MAX_DEPTH: usize = 6;
/// Large monorepos have some ten thousand files outside of dependencies; data folders have millions.
const MAX_ENTRIES: usize = 50_000;
/// Settings and requirements are small; a lock file is looked for, not read.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Folders that hold other people's code, or none.
const FOREIGN: [&str; 7] = [
    "node_modules",
    "site-packages",
    "__pycache__",
    "venv",
    "env",
    "build",
    "dist",
];

/// A project's folder and the files in it, without hidden folders, virtual environments and installed packages.
pub(super) struct Tree {
    root: PathBuf,
    files: Vec<String>,
    /// There was more than this looks at.
    pub(super) is_cut: bool,
}

impl Tree {
    /// Folders that can't be read count as empty.
    pub(super) fn read(root: &Path) -> Self {
        let mut tree = Self {
            root: root.into(),
            files: Vec::new(),
            is_cut: false,
        };
        let mut level = vec![String::new()];
        let mut entries = 0;
        for _ in 0..MAX_DEPTH {
            let mut next = Vec::new();
            for folder in level {
                tree.folder(&folder, &mut next, &mut entries);
            }
            level = next;
        }
        tree.files.sort();
        tree
    }

    /// Adds the files of one folder, and its folders to `next`. Links are not followed: they could lead in a circle.
    fn folder(&mut self, folder: &str, next: &mut Vec<String>, entries: &mut usize) {
        let Ok(listing) = fs::read_dir(self.root.join(folder)) else {
            return;
        };
        for entry in listing.flatten() {
            *entries += 1;
            if *entries > MAX_ENTRIES {
                self.is_cut = true;
                return;
            }
            let name = entry.file_name();
            let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else {
                continue;
            };
            let path = join(folder, name);
            if kind.is_dir() {
                let is_foreign = name.starts_with('.') || FOREIGN.contains(&name) || name.ends_with(".egg-info");
                if !is_foreign && !entry.path().join("pyvenv.cfg").exists() {
                    next.push(path);
                }
            } else if kind.is_file() {
                self.files.push(path);
            }
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Relative to the root, with `/`; sorted.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.files.binary_search_by(|file| file.as_str().cmp(path)).is_ok()
    }

    /// `None` for a file that is not there, is too large or is no text.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        if !self.has(path) {
            return None;
        }
        let mut text = String::new();
        let file = fs::File::open(self.root.join(path)).ok()?;
        let read = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).ok()?;
        (read as u64 <= MAX_FILE_BYTES).then_some(text)
    }
}

/// An empty folder is the root.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// The folder of a path; empty for the root.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `folder` itself, then those above it, to the root.
pub(super) fn upwards(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |folder| (!folder.is_empty()).then(|| folder_of(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let tree = Tree::read(folder.path());
        (folder, tree)
    }

    #[test]
    fn other_peoples_code_is_passed_over() {
        let files = [
            "manage.py",
            "src/app/models.py",
            ".git/config",
            "node_modules/x/manage.py",
            "own-env/pyvenv.cfg",
            "own-env/lib/manage.py",
            "a/b/c/d/e/f/manage.py",
        ];
        let (_folder, tree) = tree(&files);
        assert_eq!(tree.files().collect::<Vec<_>>(), ["manage.py", "src/app/models.py"]);
        assert!(tree.has("manage.py") && !tree.has("manage"));
    }

    #[test]
    fn links_are_not_followed() {
        let (folder, _) = tree(&["a/manage.py"]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/again")).unwrap();
        assert_eq!(Tree::read(folder.path()).files().count(), 1);
    }

    #[test]
    fn upwards_ends_at_the_root() {
        assert_eq!(upwards("a/b").collect::<Vec<_>>(), ["a/b", "a", ""]);
        assert_eq!(upwards("").collect::<Vec<_>>(), [""]);
    }
}
