//! What an upload leaves alone, on both sides.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use tidegate_sandbox::SshError;

/// Patterns as in a `.gitignore` at the root of the uploaded folder.
#[derive(Debug)]
pub(super) struct Exclude(Gitignore);

impl Exclude {
    pub(super) fn parse(patterns: &[String]) -> Result<Self, SshError> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            builder
                .add_line(None, pattern)
                .map_err(|error| SshError::Other(format!("exclude pattern {pattern:?} can't be read: {error}")))?;
        }
        builder
            .build()
            .map(Self)
            .map_err(|error| SshError::Other(format!("the exclude patterns can't be used: {error}")))
    }

    /// True if the path, relative to the root, or a folder above it is excluded.
    pub(super) fn covers(&self, path: &Path, is_folder: bool) -> bool {
        self.0.matched_path_or_any_parents(path, is_folder).is_ignore()
    }
}
