//! What an upload leaves alone, on both sides.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use tidegate_sandbox::SshError;

use crate::hidden::HiddenIn;

/// Patterns as in a `.gitignore` at the root of the uploaded folder, and what is hidden in it.
#[derive(Debug)]
pub struct Exclude {
    patterns: Gitignore,
    hidden: HiddenIn,
}

impl Exclude {
    /// # Errors
    ///
    /// `Other` for a pattern that can't be read.
    pub fn parse(patterns: &[String]) -> Result<Self, SshError> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            builder
                .add_line(None, pattern)
                .map_err(|error| SshError::Other(format!("exclude pattern {pattern:?} can't be read: {error}")))?;
        }
        let patterns = builder
            .build()
            .map_err(|error| SshError::Other(format!("the exclude patterns can't be used: {error}")))?;
        Ok(Self {
            patterns,
            hidden: HiddenIn::default(),
        })
    }

    /// No pattern uncovers what is hidden.
    pub(crate) fn and(self, hidden: HiddenIn) -> Self {
        Self { hidden, ..self }
    }

    /// True if the path, relative to the root, or a folder above it is excluded.
    pub(super) fn covers(&self, path: &Path, is_folder: bool) -> bool {
        self.hidden.covers(path, is_folder) || self.patterns.matched_path_or_any_parents(path, is_folder).is_ignore()
    }
}
