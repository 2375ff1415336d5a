use std::fs;
use std::path::{Path, PathBuf};

use django_migrate_check::reading::{Files, FilesError};

/// A folder on disk as a workspace.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    fn walk(&self, folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.walk(&path, found);
            } else if let Ok(relative) = path.strip_prefix(&self.0) {
                found.push(relative.to_str().unwrap().to_owned());
            }
        }
    }
}

impl Files for Folder {
    /// Knows the stage's own patterns only: a folder, `**/`, and names with one star.
    fn glob(&self, patterns: &[String]) -> Result<Vec<String>, FilesError> {
        let mut all = Vec::new();
        self.walk(&self.0, &mut all);
        all.sort();
        all.retain(|path| patterns.iter().any(|pattern| matches(pattern, path)));
        Ok(all)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, FilesError> {
        fs::read(self.0.join(path)).map_err(|error| FilesError(error.to_string()))
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let (root, rest) = pattern.split_once("**/").unwrap_or(("", pattern));
    let Some(path) = path.strip_prefix(root) else {
        return false;
    };
    let wanted: Vec<&str> = rest.split('/').collect();
    let parts: Vec<&str> = path.split('/').collect();
    let Some(start) = parts.len().checked_sub(wanted.len()) else {
        return false;
    };
    wanted
        .iter()
        .zip(&parts[start..])
        .all(|(wanted, part)| match wanted.split_once('*') {
            Some((head, tail)) => part.starts_with(head) && part.ends_with(tail),
            None => wanted == part,
        })
}
