//! What the engine knows of the machine and the user. Libraries read no environment: the command line fills this in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub struct Host {
    /// The engine's own environment. Only what a manifest names leaves it.
    pub env: BTreeMap<String, String>,
    pub home: Option<PathBuf>,
    /// Where scratch folders are made.
    pub temp: PathBuf,
    /// The user's cache folder for Tidegate.
    pub cache: Option<PathBuf>,
    /// The program to start as a Cell's helper; usually this executable.
    pub helper: PathBuf,
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
}
