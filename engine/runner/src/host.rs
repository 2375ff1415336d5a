//! What the engine knows of the machine and the user. Libraries read no environment: the command line fills this in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tidegate_confine::Helpers;

#[derive(Debug, Clone)]
pub struct Host {
    /// The engine's own environment. Only what a manifest names leaves it.
    pub env: BTreeMap<String, String>,
    pub home: Option<PathBuf>,
    /// Where scratch folders are made.
    pub temp: PathBuf,
    /// The user's cache folder for Tidegate.
    pub cache: Option<PathBuf>,
    /// What Cells are made of; usually this executable.
    pub helpers: Helpers,
}

impl Host {
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str)
    }

    /// `~/…` with the user's home; other paths as they are.
    pub fn expand_home(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.to_path_buf(),
        }
    }

    /// Of a machine of which nothing is known.
    #[cfg(test)]
    pub(crate) fn bare() -> Self {
        Self {
            env: BTreeMap::new(),
            home: None,
            temp: PathBuf::from("/tmp"),
            cache: None,
            helpers: Helpers::of(""),
        }
    }
}
