//! The system's Python, with as much of its library as `IMPORTS` needs, to be put where other machines have theirs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The names of modules, also of those that are imported late.
const IMPORTS: &str = "ctypes, encodings.idna, hashlib, os, platform, pwd, socket, sqlite3, ssl, time, zoneinfo";

/// Debian's is a link to a file of /etc, which layouts have to make themselves.
const NOT_COPIED: &str = "sitecustomize.py";

/// A line each: the version, the executable, the folder of the library; then the library's files.
fn question() -> String {
    format!(
        "import sys, {IMPORTS}\n\
        library = os.path.dirname(os.__file__)\n\
        print('%d.%d' % sys.version_info[:2], os.path.realpath(sys.executable), library, sep='\\n')\n\
        for module in list(sys.modules.values()):\n\
        \x20   file = getattr(module, '__file__', None) or ''\n\
        \x20   if file.startswith(library + '/'): print(os.path.relpath(file, library))"
    )
}

pub(crate) struct PythonFiles {
    /// `3.11`.
    pub(crate) version: String,
    executable: PathBuf,
    library: PathBuf,
    modules: Vec<PathBuf>,
}

impl PythonFiles {
    pub(crate) fn find() -> Self {
        let mut command = Command::new("/usr/bin/python3");
        let output = command.args(["-I", "-c", &question()]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines = text.lines();
        let mut line = || lines.next().unwrap_or_else(|| panic!("{:?}", output.stderr));
        Self {
            version: line().to_owned(),
            executable: line().into(),
            library: line().into(),
            modules: lines.filter(|file| *file != NOT_COPIED).map(PathBuf::from).collect(),
        }
    }

    /// As `bin/python3.11`, `bin/python3` and `lib/python3.11` of `prefix`.
    pub(crate) fn copy(&self, prefix: &Path, library: &str) {
        let name = format!("python{}", self.version);
        copy(&self.executable, &prefix.join("bin").join(&name));
        symlink(&name, prefix.join("bin/python3")).unwrap();
        let library = prefix.join(library).join(name);
        // Python takes a prefix for its own where this folder is.
        fs::create_dir_all(library.join("lib-dynload")).unwrap();
        for module in &self.modules {
            copy(&self.library.join(module), &library.join(module));
        }
    }

    /// What is loaded, so that the libraries behind it are known.
    pub(crate) fn binaries(&self) -> Vec<PathBuf> {
        let extensions = self
            .modules
            .iter()
            .filter(|module| module.extension() == Some("so".as_ref()));
        let extensions = extensions.map(|module| self.library.join(module));
        [self.executable.clone()].into_iter().chain(extensions).collect()
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap_or_else(|error| panic!("{} to {}: {error}", from.display(), to.display()));
}

/// The dynamic loader by the path that programs name, and where it is; then every other library.
pub(crate) struct Libraries {
    pub(crate) loader: PathBuf,
    pub(crate) files: BTreeSet<PathBuf>,
}

impl Libraries {
    pub(crate) fn of(binaries: &[PathBuf]) -> Self {
        let output = Command::new("ldd").args(binaries).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut loader = None;
        let mut files = BTreeSet::new();
        for line in text.lines().filter(|line| line.starts_with('\t')) {
            let (named, found) = line.trim().split_once(" => ").unwrap_or((line.trim(), line.trim()));
            let found = found.split(" (").next().unwrap();
            let named = named.split(" (").next().unwrap();
            if named.starts_with('/') {
                loader = Some(PathBuf::from(named));
            } else if found.starts_with('/') {
                files.insert(found.into());
            }
        }
        Self {
            loader: loader.unwrap_or_else(|| panic!("no loader in {text:?}")),
            files,
        }
    }
}
