//! A folder or file outside the workspace that a program needs to start, fixed and shown at plan time.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Toolchain {
    /// Absolute, in a folder without links in its path. It may be a link itself: another name of a toolchain.
    pub root: PathBuf,
    /// For people: `Python 3.11`.
    pub what: String,
}

impl Toolchain {
    pub fn covers(&self, path: &Path) -> bool {
        path.starts_with(&self.root)
    }
}
