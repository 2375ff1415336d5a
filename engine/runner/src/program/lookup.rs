//! From a name in the manifest to a file of this machine, at plan time.

use std::path::{Path, PathBuf};

use super::python::{self, PythonError};
use super::{Program, Toolchain, search_path};
use crate::Host;

#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error("there is no program `{name}` on the PATH")]
    NotFound { name: String },
    #[error("there is no program at {}", path.display())]
    NoSuchFile { path: PathBuf },
    #[error("{} is not executable", path.display())]
    NotExecutable { path: PathBuf },
    #[error("{} is a launcher of a version manager, which would pick another program at run time", path.display())]
    Shim { path: PathBuf },
    #[error(transparent)]
    Python(#[from] PythonError),
    #[error("the path `{path}` leaves the workspace")]
    Escapes { path: String },
}

/// Finds the program that `written` means, and what must be visible beside it.
///
/// A name without a slash is looked up on the PATH, where folders of the workspace don't count; `~/…` and absolute paths are
/// files of this machine; every other path is one of the workspace and is looked up when the stage starts, and so is
/// whatever turns out to lie in the workspace: nothing from there runs before that.
pub fn look_up(written: &str, host: &Host, workspace: &Path) -> Result<Program, LookupError> {
    let path = host.expand_home(Path::new(written));
    if path.is_absolute() {
        if !path.is_file() {
            return Err(LookupError::NoSuchFile { path });
        }
        if !is_executable(&path) {
            return Err(LookupError::NotExecutable { path });
        }
        return bind(written, path, host, workspace);
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
    let search = search_path(host, workspace);
    let found = which::which_in(written, Some(search), "/").map_err(|_| not_found())?;
    bind(written, found, host, workspace)
}

fn bind(written: &str, found: PathBuf, host: &Host, workspace: &Path) -> Result<Program, LookupError> {
    let real = found
        .canonicalize()
        .map_err(|_| LookupError::NoSuchFile { path: found.clone() })?;
    // By its own name if it can be: a virtual environment's Python is a link to another one.
    if let Some(path) = within(&found, workspace).or_else(|| Some(real.strip_prefix(workspace).ok()?.to_owned())) {
        return Ok(Program::Workspace { path });
    }
    if is_python(&found) {
        let python = python::Installation::ask(&found, host, &search_path(host, workspace))?;
        let toolchains = python.toolchains();
        return Ok(Program::Host {
            path: python.program(),
            toolchains,
        });
    }
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
        links: Vec::new(),
        what: written.into(),
    }];
    Ok(Program::Host { path: real, toolchains })
}

/// The path relative to the workspace, if its folder lies there.
fn within(path: &Path, workspace: &Path) -> Option<PathBuf> {
    let folder = path.parent()?.canonicalize().ok()?;
    Some(folder.strip_prefix(workspace).ok()?.join(path.file_name()?))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

pub(crate) fn is_python(path: &Path) -> bool {
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

    /// A package's setup, or a pull request, put a "Python" into the workspace.
    #[test]
    fn nothing_of_the_workspace_runs_at_plan_time() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().canonicalize().unwrap();
        let bin = workspace.join(".venv/bin");
        std::fs::create_dir_all(&bin).unwrap();
        let planted = bin.join("python3");
        std::fs::write(&planted, format!("#!/bin/sh\ntouch {}/ran\n", bin.display())).unwrap();
        std::fs::set_permissions(&planted, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let host = Host {
            env: [("PATH".to_owned(), format!("{}:/usr/bin:/bin:.", bin.display()))].into(),
            ..Host::bare()
        };
        let named = look_up("python3", &host, &workspace).unwrap();
        assert!(
            matches!(&named, Program::Host { path, .. } if !path.starts_with(&workspace)),
            "{named:?}"
        );
        let absolute = look_up(planted.to_str().unwrap(), &host, &workspace).unwrap();
        let path = PathBuf::from(".venv/bin/python3");
        assert_eq!(absolute, Program::Workspace { path });
        assert!(!bin.join("ran").exists());
    }
}
