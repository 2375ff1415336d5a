//! The branch from which people deploy.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the name is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Branch {
    /// What the remote calls its default.
    Remote(String),
    /// The one that is checked out.
    Current(String),
    /// No repository says anything.
    Guess,
}

impl Branch {
    /// Read from the files of the repository that `root` lies in: no git is needed.
    pub(super) fn find(root: &Path) -> Self {
        let Some(git) = root
            .ancestors()
            .map(|folder| folder.join(".git"))
            .find_map(|path| repository(&path))
        else {
            return Self::Guess;
        };
        let reference = |file: &str, prefix: &str| {
            let text = fs::read_to_string(git.join(file)).ok()?;
            let name = text.trim().strip_prefix("ref: ")?.strip_prefix(prefix)?.to_owned();
            Some(name).filter(|name| !name.contains(char::is_control))
        };
        if let Some(name) = reference("refs/remotes/origin/HEAD", "refs/remotes/origin/") {
            return Self::Remote(name);
        }
        reference("HEAD", "refs/heads/").map_or(Self::Guess, Self::Current)
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Remote(name) | Self::Current(name) => name,
            Self::Guess => "main",
        }
    }
}

/// In a linked work tree or a submodule `.git` is a file that names the folder.
fn repository(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.to_path_buf());
    }
    let text = fs::read_to_string(path).ok()?;
    let named = text.trim().strip_prefix("gitdir: ")?;
    Some(path.parent()?.join(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remotes_default_wins_over_what_is_checked_out() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join(".git");
        fs::create_dir_all(git.join("refs/remotes/origin")).unwrap();
        fs::write(git.join("HEAD"), "ref: refs/heads/fix/login\n").unwrap();
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(Branch::find(&deep), Branch::Current("fix/login".into()));
        fs::write(git.join("refs/remotes/origin/HEAD"), "ref: refs/remotes/origin/trunk\n").unwrap();
        assert_eq!(Branch::find(&deep).name(), "trunk");
    }

    #[test]
    fn a_detached_head_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        fs::write(folder.path().join(".git/HEAD"), "0123456789\n").unwrap();
        assert_eq!(Branch::find(folder.path()), Branch::Guess);
    }
}
