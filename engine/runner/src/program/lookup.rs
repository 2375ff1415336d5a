//! From a name in the manifest to a file of this machine, at plan time.

use std::path::{Path, PathBuf};

use super::python::{self, PythonError};
use super::{Program, Toolchain};
use crate::Host;

#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error("there is no program `{name}` on the PATH")]
    NotFound { name: String },
    #[error("there is no program at {}", path.display())]
    NoSuchFile { path: PathBuf },
    #[error("{} is a launcher of a version manager, which would pick another program at run time", path.display())]
    Shim { path: PathBuf },
    #[error(transparent)]
    Python(#[from] PythonError),
    #[error("the path `{path}` leaves the workspace")]
    Escapes { path: String },
}

/// Finds the program that `written` means, and what must be visible beside it.
///
/// A name without a slash is looked up on the PATH; `~/…` and absolute paths are files of this machine; every other path is
/// one of the workspace and is looked up when the stage starts.
pub fn look_up(written: &str, host: &Host) -> Result<Program, LookupError> {
    let path = host.expand_home(Path::new(written));
    if path.is_absolute() {
        if !path.is_file() {
            return Err(LookupError::NoSuchFile { path });
        }
        return bind(written, path);
    }
    if written.contains('/') {
        let escapes = path
            .components()
            .any(|part| matches!(part, std::path::Component::ParentDir));
        if escapes {
            return Err(LookupError::Escapes { path: written.into() });
        }
        return Ok(Program::Workspace { path });
    }
    let not_found = || LookupError::NotFound { name: written.into() };
    let found = which::which_in(written, host.var("PATH"), "/").map_err(|_| not_found())?;
    bind(written, found)
}

fn bind(written: &str, found: PathBuf) -> Result<Program, LookupError> {
    if is_python(&found) {
        let python = python::Installation::ask(&found)?;
        let toolchains = python.toolchains();
        return Ok(Program::Host {
            path: python.executable,
            toolchains,
        });
    }
    let real = found
        .canonicalize()
        .map_err(|_| LookupError::NoSuchFile { path: found.clone() })?;
    if found.parent().is_some_and(|folder| folder.ends_with("shims")) && !tidegate_confine::system_set().covers(&real) {
        return Err(LookupError::Shim { path: found });
    }
    if tidegate_confine::system_set().covers(&real) {
        return Ok(Program::Host {
            path: found,
            toolchains: Vec::new(),
        });
    }
    let toolchains = vec![Toolchain {
        root: real.clone(),
        what: written.into(),
    }];
    Ok(Program::Host { path: real, toolchains })
}

fn is_python(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let version = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    version.is_some_and(|version| version.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_names() {
        for name in ["python", "python3", "/usr/bin/python3.12", "pypy3"] {
            assert!(is_python(Path::new(name)), "{name}");
        }
        for name in ["python-config", "ipython", "pythonista", "py"] {
            assert!(!is_python(Path::new(name)), "{name}");
        }
    }
}
