//! A Python is more than its executable: its standard library and shared libraries stand under prefixes that it alone knows.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::Toolchain;
use crate::Host;

#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    #[error("{} could not be started: {error}", path.display())]
    Start { path: PathBuf, error: std::io::Error },
    #[error("{} did not say where it is installed: {text}", path.display())]
    Answer { path: PathBuf, text: String },
}

/// Where a Python is installed, by its own word.
#[derive(Debug, Deserialize)]
pub(super) struct Installation {
    pub(super) executable: PathBuf,
    prefix: PathBuf,
    base_prefix: PathBuf,
    version: String,
}

/// `-I -S`: neither the current folder nor any site-packages is on its path, so that only Python's own code runs.
const QUESTION: &str = "import json, sys, os; print(json.dumps({'executable': sys.executable, 'prefix': sys.prefix, \
    'base_prefix': os.path.realpath(sys.base_prefix), 'version': '%d.%d.%d' % sys.version_info[:3]}))";

impl Installation {
    /// Runs it outside any workspace, with an empty environment but for PATH and HOME, which version managers need.
    pub(super) fn ask(path: &Path, host: &Host, search: &OsStr) -> Result<Self, PythonError> {
        let output = Command::new(path)
            .args(["-I", "-S", "-c", QUESTION])
            .current_dir("/")
            .env_clear()
            .env("PATH", search)
            .envs(host.home.as_ref().map(|home| ("HOME", home)))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| PythonError::Start {
                path: path.into(),
                error,
            })?;
        serde_json::from_slice(&output.stdout).map_err(|_| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let text = stderr.trim().lines().last().unwrap_or("no answer").to_owned();
            PythonError::Answer {
                path: path.into(),
                text,
            }
        })
    }

    /// What to start: a virtual environment's Python by its own name, which is how it knows the environment; any other by
    /// where it really is, because a link to it (`~/.local/bin`) may stand where programs see nothing.
    pub(super) fn program(&self) -> PathBuf {
        let is_environment = self.executable.starts_with(&self.prefix);
        if is_environment || tidegate_confine::system_set().covers(&self.executable) {
            return self.executable.clone();
        }
        self.executable
            .canonicalize()
            .unwrap_or_else(|_| self.executable.clone())
    }

    /// What lies outside the system set: the environment's own folder, and the Python that it is built on, by all its names.
    pub(super) fn toolchains(&self) -> Vec<Toolchain> {
        let toolchain = |root: &PathBuf, links| Toolchain {
            root: root.clone(),
            links,
            what: format!("Python {}", self.version),
        };
        let mut toolchains = vec![toolchain(&self.base_prefix, links_beside(&self.base_prefix))];
        if self.prefix.canonicalize().ok().as_ref() != Some(&self.base_prefix) {
            toolchains.push(toolchain(&self.prefix, Vec::new()));
        }
        toolchains.retain(|toolchain| !tidegate_confine::system_set().covers(&toolchain.root));
        toolchains
    }
}

/// Version managers keep links beside an installation that follow its updates (uv's `cpython-3.12-…`, pyenv's `3.12`), and
/// an environment that was made by such a name leads through it.
fn links_beside(installation: &Path) -> Vec<PathBuf> {
    let entries = installation.parent().and_then(|folder| folder.read_dir().ok());
    let mut links: Vec<_> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_symlink() && path.canonicalize().is_ok_and(|real| real == installation))
        // No version manager's.
        .filter(|path| path.to_str().is_some_and(|name| !name.contains(char::is_control)))
        .collect();
    links.sort();
    links
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_installation_has_all_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let versions = folder.path().canonicalize().unwrap();
        for name in ["3.12.1", "3.13.0", "environment"] {
            std::fs::create_dir(versions.join(name)).unwrap();
        }
        symlink("3.12.1", versions.join("3.12")).unwrap();
        symlink("3.13.0", versions.join("3.13")).unwrap();
        symlink("missing", versions.join("3.14")).unwrap();
        symlink("3.12.1", versions.join("3\n12")).unwrap();
        symlink("3.12.1", versions.join(OsStr::from_bytes(b"3\xff"))).unwrap();
        let asked = |prefix: &str, base_prefix: PathBuf| Installation {
            executable: versions.join(prefix).join("bin/python3"),
            prefix: versions.join(prefix),
            base_prefix,
            version: "3.12.1".into(),
        };
        let names = |installation: Installation| {
            let toolchains = installation.toolchains().into_iter();
            toolchains
                .map(|toolchain| (toolchain.root, toolchain.links))
                .collect::<Vec<_>>()
        };
        let [real, link] = ["3.12.1", "3.12"].map(|name| versions.join(name));
        let base = (real.clone(), vec![link]);
        let environment = (versions.join("environment"), Vec::new());
        assert_eq!(names(asked("3.12", real.clone())), std::slice::from_ref(&base));
        assert_eq!(names(asked("environment", real)), [base, environment.clone()]);
        assert_eq!(names(asked("environment", "/usr".into())), [environment]);
    }
}
