//! A folder or file outside the workspace that a program needs to start, fixed and shown at plan time.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Toolchain {
    /// Absolute, without links in it.
    pub root: PathBuf,
    /// Other names that lead to it, absolute, each in a folder without links in its path.
    #[serde(default)]
    pub links: Vec<PathBuf>,
    /// For people: `Python 3.11`.
    pub what: String,
}

impl Toolchain {
    pub fn covers(&self, path: &Path) -> bool {
        path.starts_with(&self.root) || self.links.iter().any(|link| path.starts_with(link))
    }
}
