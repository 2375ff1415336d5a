//! What of the workspace nobody sees. In a View such a file is there, and empty; where files are listed, sent or kept it is
//! left out, so that no empty stand-in takes the place of a real file somewhere else.

use std::path::{Component, Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use tidegate_confine::is_always_hidden;

/// The fixed rule and the manifest's patterns, for one attempt.
#[derive(Debug, Clone)]
pub(crate) struct Hidden {
    workspace: PathBuf,
    scratch: PathBuf,
    patterns: Gitignore,
}

/// The same for the paths in one folder. The default hides nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct HiddenIn(Option<(PathBuf, Gitignore)>);

impl Hidden {
    /// `patterns` are gitignore-style and relative to the workspace.
    pub(crate) fn new(workspace: &Path, scratch: &Path, patterns: &[String]) -> Result<Self, ignore::Error> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            builder.add_line(None, pattern)?;
        }
        Ok(Self {
            workspace: workspace.into(),
            scratch: scratch.into(),
            patterns: builder.build()?,
        })
    }

    /// For paths relative to `folder`, which is relative to the workspace or absolute. Nothing is hidden outside of the
    /// workspace: what a stage finds there was granted, or is its own.
    pub(crate) fn beneath(&self, folder: &Path) -> HiddenIn {
        let absolute = self.workspace.join(folder);
        if absolute.starts_with(&self.scratch) {
            return HiddenIn::default();
        }
        let Ok(inside) = absolute.strip_prefix(&self.workspace) else {
            return HiddenIn::default();
        };
        let inside = inside.components().filter(|part| *part != Component::CurDir);
        HiddenIn(Some((inside.collect(), self.patterns.clone())))
    }
}

impl HiddenIn {
    /// True if the path, or a folder above it, is hidden. The empty path is the folder itself.
    pub(crate) fn covers(&self, path: &Path, is_folder: bool) -> bool {
        let Some((folder, patterns)) = &self.0 else {
            return false;
        };
        let path = folder.join(path);
        path.components().any(|part| is_always_hidden(part.as_os_str()))
            || patterns.matched_path_or_any_parents(&path, is_folder).is_ignore()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(folder: &str, path: &str) -> bool {
        let patterns = ["*.pem".to_owned(), "/private/".to_owned(), "!.env".to_owned()];
        let hidden = Hidden::new(Path::new("/w"), Path::new("/w/tmp/scratch"), &patterns).unwrap();
        hidden.beneath(Path::new(folder)).covers(Path::new(path), false)
    }

    #[test]
    fn paths_are_seen_from_the_workspace() {
        for (folder, path) in [
            (".", ".env"),
            ("", "a/.git/config"),
            ("./a", ".env.local"),
            ("/w/a", "b/key.pem"),
            ("private", "a.txt"),
            (".git", ""),
            ("a/.env", ""),
        ] {
            assert!(covered(folder, path), "{folder} {path}");
        }
        for (folder, path) in [
            (".", ".env.example"),
            (".", ".envrc"),
            ("a", "private/a.txt"),
            ("a", ""),
            ("/elsewhere", ".env"),
            ("/w/tmp/scratch/artifacts/build/site", ".env"),
        ] {
            assert!(!covered(folder, path), "{folder} {path}");
        }
    }
}
