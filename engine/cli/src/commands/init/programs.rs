//! Which programs of this machine the manifest can name.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::tree::Tree;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    /// The Python that makes the environment, as the manifest names it.
    pub(super) python: String,
    /// The version that `.python-version` asks for.
    pub(super) wanted: Option<String>,
    /// Whether `python` is on the PATH.
    pub(super) has_python: bool,
    pub(super) has_uv: bool,
}

impl Programs {
    /// `path` is the engine's PATH.
    pub(super) fn find(tree: &Tree, path: &str) -> Self {
        let wanted = wanted_version(tree.text(".python-version").as_deref().unwrap_or_default());
        // pyenv and others make a name with the minor version; a patch version has no program of its own.
        let exact = wanted.as_deref().and_then(|wanted| {
            let mut parts = wanted.split('.');
            Some(format!("python{}.{}", parts.next()?, parts.next()?))
        });
        let exact = exact.filter(|name| is_on(path, name));
        let python = exact.unwrap_or_else(|| "python3".to_owned());
        Self {
            has_python: is_on(path, &python),
            python,
            wanted,
            has_uv: is_on(path, "uv"),
        }
    }

    /// Whether the version that is asked for has a program of its name.
    pub(super) fn is_exact(&self) -> bool {
        self.python != "python3"
    }
}

/// The first line that names a version: `3.12`, `3.12.4`. Other forms are for their own tools.
fn wanted_version(text: &str) -> Option<String> {
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    first.split('.').all(is_number).then(|| first.to_owned())
}

fn is_on(path: &str, name: &str) -> bool {
    path.split(':')
        .map(Path::new)
        .filter(|folder| folder.is_absolute())
        .any(|folder| {
            // A version manager's launcher would choose another program at run time; the engine refuses it.
            let is_shim = folder.ends_with("shims");
            let file = folder.join(name).metadata();
            !is_shim && file.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(wanted_version("# pyenv\n3.12.4\n3.11\n").as_deref(), Some("3.12.4"));
        assert_eq!(wanted_version("pypy3.10\n"), None);
        assert_eq!(wanted_version(""), None);
    }

    #[test]
    fn only_programs_count() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("uv"), "").unwrap();
        let path = folder.path().to_str().unwrap();
        assert!(!is_on(path, "uv"));
        std::fs::set_permissions(folder.path().join("uv"), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(is_on(path, "uv"));
        assert!(!is_on("relative::", "uv"));
    }
}
