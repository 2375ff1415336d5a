use std::fs;
use std::io;
use std::path::Path;

use tidegate_sdk::{Failure, failure, files};

use crate::stamp::{self, Stamp};

/// The environment's folder, relative to the workspace.
#[derive(Debug)]
pub(crate) struct Environment {
    folder: String,
}

/// What is in the folder now.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// No folder, or an empty one.
    Nothing,
    /// An environment without a stamp: somebody else's, or half-made.
    Unstamped,
    Stamped(Box<Stamp>),
}

/// What an environment begins with, before it has its `pyvenv.cfg`.
const BEGUN: [&str; 5] = ["bin", "include", "lib", "lib64", stamp::FILE];

impl Environment {
    /// A folder inside of the workspace, and not the workspace itself: making an environment clears its folder.
    pub(crate) fn new(folder: &str) -> Result<Self, Failure> {
        let folder = folder.trim_end_matches('/');
        let inside = !folder.starts_with('/') && folder.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if inside {
            Ok(Self {
                folder: folder.to_owned(),
            })
        } else {
            Err(failure::misconfigured(format!(
                "`path` must be a folder inside of the workspace, not `{folder}`"
            )))
        }
    }

    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// Misconfigured when the folder holds something else than an environment: that is never cleared.
    pub(crate) fn look(&self, workspace: &Path) -> Result<Found, Failure> {
        let root = workspace.join(&self.folder);
        let names = match names(&root) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(failure::misconfigured(format!("{}: {error}", self.folder))),
        };
        if names.is_empty() {
            return Ok(Found::Nothing);
        }
        let is_environment = names.iter().any(|name| name == "pyvenv.cfg");
        if !is_environment && !names.iter().all(|name| BEGUN.contains(&name.as_str())) {
            return Err(failure::misconfigured(format!(
                "{} holds other things than an environment, and is left alone\n\n\
                 hint: `path` must be an environment, an empty folder, or none",
                self.folder
            )));
        }
        // The link counts, not what it points to: the interpreter lies outside of the workspace.
        let whole = is_environment && fs::symlink_metadata(root.join("bin/python")).is_ok();
        let stamp = match fs::read_to_string(root.join(stamp::FILE)) {
            Ok(text) if whole => Stamp::parse(&text),
            Ok(_) | Err(_) => None,
        };
        Ok(stamp.map_or(Found::Unstamped, |stamp| Found::Stamped(Box::new(stamp))))
    }

    /// The last step: from now on the environment counts as whole.
    pub(crate) fn finish(&self, stamp: &Stamp) -> Result<(), Failure> {
        files::write(&format!("{}/{}", self.folder, stamp::FILE), stamp.text().as_bytes())?;
        Ok(())
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_inside_of_the_workspace_is_cleared() {
        for folder in ["", ".", "..", "/tmp", "a/../..", "./x", "a//b"] {
            assert!(Environment::new(folder).is_err(), "{folder}");
        }
        assert_eq!(Environment::new("build/venv/").unwrap().folder(), "build/venv");
    }

    #[test]
    fn a_folder_with_other_things_is_left_alone() {
        let workspace = tempfile::tempdir().unwrap();
        let environment = Environment::new("src").unwrap();
        let root = workspace.path().join("src");
        assert_eq!(environment.look(workspace.path()).unwrap(), Found::Nothing);
        fs::create_dir_all(root.join("lib")).unwrap();
        assert_eq!(environment.look(workspace.path()).unwrap(), Found::Unstamped);
        fs::write(root.join("shop.py"), "").unwrap();
        assert!(matches!(
            environment.look(workspace.path()),
            Err(Failure::Misconfigured(_))
        ));
        fs::write(root.join("pyvenv.cfg"), "").unwrap();
        assert_eq!(environment.look(workspace.path()).unwrap(), Found::Unstamped);
    }
}
