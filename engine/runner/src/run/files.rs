//! Files of the workspace for a stage, all through its View.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use ignore::overrides::{Override, OverrideBuilder};
use tidegate_confine::View;
use tidegate_sandbox::FilesError;
use tidegate_sandbox::limits::FILE_BYTES;

use super::ignore_rules::{Allowance, IgnoreRules};
use crate::file_tree::FileTree;
use crate::hidden::HiddenIn;

/// Paths that one glob gives, and their bytes: the answer is held here and again in the stage's memory.
const MAX_PATHS: usize = 200_000;
const MAX_PATH_BYTES: usize = 16 << 20;
/// Patterns of one glob, and the length of each: they become one automaton.
const MAX_PATTERNS: usize = 256;
const MAX_PATTERN_BYTES: usize = 1_024;
/// Files and folders that one glob looks at, and folders in folders: what a View itself is made for.
const MAX_WALKED: usize = 5_000_000;
const MAX_DEPTH: usize = 512;

/// Sorted, relative to the workspace; ignored and hidden files are left out, and so are names that are not text. Links are
/// not followed, also when a program puts one into a folder's place meanwhile.
///
/// `hidden`: in the View such a file is there, and empty.
pub(super) fn glob(view: &View, hidden: &HiddenIn, patterns: &[String]) -> Result<Vec<String>, FilesError> {
    let root = view
        .open_dir_or_file(Path::new(""))
        .map_err(|error| explain(".", &error))?;
    glob_tree(&FileTree::new(root), hidden, patterns)
}

fn glob_tree(tree: &FileTree, hidden: &HiddenIn, patterns: &[String]) -> Result<Vec<String>, FilesError> {
    let wanted = overrides(patterns)?;
    let mut found = Found::default();
    let mut folders = vec![(PathBuf::new(), IgnoreRules::default())];
    let (mut walked, mut allowance) = (0, Allowance::default());
    while let Some((folder, above)) = folders.pop() {
        // A folder that can't be read is one that the stage can't see.
        let Ok(listing) = tree.list(&folder) else { continue };
        let rules = above.enter(tree, &folder, &mut allowance).map_err(FilesError::Other)?;
        for (name, kind) in listing.flatten() {
            walked += 1;
            if walked > MAX_WALKED {
                return Err(FilesError::Other(format!("more than {MAX_WALKED} files and folders")));
            }
            let path = folder.join(name);
            if is_dotfile(&path) || hidden.covers(&path, kind.is_dir()) || rules.ignores(&path, kind.is_dir()) {
                continue;
            }
            if kind.is_dir() {
                if path.components().count() > MAX_DEPTH {
                    return Err(FilesError::Other(format!("more than {MAX_DEPTH} levels of folders")));
                }
                folders.push((path, rules.clone()));
            } else if kind.is_file() && wanted.matched(&path, false).is_whitelist() {
                found.add(&path)?;
            }
        }
    }
    found.paths.sort_unstable();
    Ok(found.paths)
}

fn overrides(patterns: &[String]) -> Result<Override, FilesError> {
    if patterns.len() > MAX_PATTERNS || patterns.iter().any(|pattern| pattern.len() > MAX_PATTERN_BYTES) {
        return Err(FilesError::Other(format!(
            "at most {MAX_PATTERNS} patterns of {MAX_PATTERN_BYTES} bytes each"
        )));
    }
    let other = |error: ignore::Error| FilesError::Other(error.to_string());
    let mut builder = OverrideBuilder::new("");
    for pattern in patterns {
        builder.add(pattern).map_err(other)?;
    }
    builder.build().map_err(other)
}

fn is_dotfile(path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"."))
}

#[derive(Default)]
struct Found {
    paths: Vec<String>,
    bytes: usize,
}

impl Found {
    fn add(&mut self, path: &Path) -> Result<(), FilesError> {
        // Its text would be another file's name, or nobody's.
        let Some(path) = path.to_str() else { return Ok(()) };
        self.bytes += path.len();
        if self.paths.len() >= MAX_PATHS || self.bytes > MAX_PATH_BYTES {
            return Err(FilesError::Other(format!(
                "more than {MAX_PATHS} files match, or their paths have more than {MAX_PATH_BYTES} bytes"
            )));
        }
        self.paths.push(path.to_owned());
        Ok(())
    }
}

pub(super) fn read(view: &View, path: &str) -> Result<Vec<u8>, FilesError> {
    let file = view.open(Path::new(path)).map_err(|error| explain(path, &error))?;
    read_whole(file, path)
}

fn read_whole(mut file: File, path: &str) -> Result<Vec<u8>, FilesError> {
    let size = file.metadata().map_err(|error| explain(path, &error))?.len();
    if size > FILE_BYTES as u64 {
        return Err(FilesError::TooLarge(size));
    }
    let mut content = Vec::new();
    Read::by_ref(&mut file)
        .take(FILE_BYTES as u64 + 1)
        .read_to_end(&mut content)
        .map_err(|error| explain(path, &error))?;
    check_size(&content)?;
    Ok(content)
}

pub(super) fn write(view: &View, path: &str, content: &[u8]) -> Result<(), FilesError> {
    check_size(content)?;
    let mut file = view.create(Path::new(path)).map_err(|error| explain(path, &error))?;
    file.write_all(content).map_err(|error| explain(path, &error))
}

fn check_size(content: &[u8]) -> Result<(), FilesError> {
    if content.len() > FILE_BYTES {
        return Err(FilesError::TooLarge(content.len() as u64));
    }
    Ok(())
}

fn explain(path: &str, error: &std::io::Error) -> FilesError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FilesError::NotFound(path.into()),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::CrossesDevices => {
            FilesError::NotGranted(error.to_string())
        }
        _ => FilesError::Other(format!("{path}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::hidden::Hidden;

    struct Project(tempfile::TempDir);

    impl Project {
        fn new(files: &[(&str, &str)]) -> Self {
            let project = Self(tempfile::tempdir().unwrap());
            for (path, content) in files {
                let path = project.0.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content).unwrap();
            }
            project
        }

        fn glob(&self, patterns: &[&str]) -> Result<Vec<String>, FilesError> {
            let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            let hide = ["*.pem".to_owned(), "/private/".to_owned()];
            let hidden = Hidden::new(self.0.path(), Path::new("/scratch"), &hide).unwrap();
            let tree = FileTree::new(File::open(self.0.path()).unwrap().into());
            glob_tree(&tree, &hidden.beneath(Path::new("")), &patterns)
        }
    }

    #[test]
    fn ignored_and_hidden_files_are_left_out() {
        let project = Project::new(&[
            (".gitignore", "*.log\n/build/\n"),
            ("sub/.gitignore", "!keep.log\n"),
            ("a.py", ""),
            ("a.log", ""),
            ("sub/keep.log", ""),
            ("sub/other.log", ""),
            ("build/b.py", ""),
            ("sub/build/c.py", ""),
            (".hidden/d.py", ""),
            (".e.py", ""),
            ("sub/key.pem", ""),
            ("private/f.py", ""),
        ]);
        assert_eq!(
            project.glob(&["**/*"]).unwrap(),
            ["a.py", "sub/build/c.py", "sub/keep.log"]
        );
        assert_eq!(project.glob(&["**/*.py", "!sub/**"]).unwrap(), ["a.py"]);
    }

    /// A link or a pipe by that name would make the engine read a file of the user's, or wait for ever.
    #[test]
    fn a_gitignore_that_is_no_file_says_nothing() {
        let rules = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(rules.path(), "*.py\n").unwrap();
        let project = Project::new(&[("a.py", ""), ("endless/b.py", ""), ("pipe/c.py", "")]);
        symlink(rules.path(), project.0.path().join(".gitignore")).unwrap();
        symlink("/dev/zero", project.0.path().join("endless/.gitignore")).unwrap();
        let pipe = project.0.path().join("pipe/.gitignore");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(
            project.glob(&["**/*.py"]).unwrap(),
            ["a.py", "endless/b.py", "pipe/c.py"]
        );
    }

    #[test]
    fn a_file_is_read_at_once_up_to_a_size() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = || read_whole(File::open(file.path()).unwrap(), "a.bin").map(|content| content.len());
        file.as_file().set_len(FILE_BYTES as u64).unwrap();
        assert_eq!(read(), Ok(FILE_BYTES));
        file.as_file().set_len(FILE_BYTES as u64 + 1).unwrap();
        assert_eq!(read(), Err(FilesError::TooLarge(FILE_BYTES as u64 + 1)));
        // Of a file in /proc the size is known only when it was read.
        assert!(read_whole(File::open("/proc/self/status").unwrap(), "status").is_ok());
    }

    #[test]
    fn what_would_be_too_much_is_refused() {
        let many = "*.x\n".repeat(6_000);
        let project = Project::new(&[("sub/.gitignore", &many), ("a.py", "")]);
        assert!(matches!(project.glob(&["**/*.py"]), Err(FilesError::Other(_))));
        let long = "a".repeat(MAX_PATTERN_BYTES + 1);
        assert!(matches!(project.glob(&[&long]), Err(FilesError::Other(_))));
    }

    #[test]
    fn links_are_not_followed_and_names_are_text() {
        let project = Project::new(&[("a.py", "")]);
        symlink("/", project.0.path().join("root")).unwrap();
        let odd = std::ffi::OsStr::from_bytes(b"b\xff.py");
        std::fs::write(project.0.path().join(odd), "").unwrap();
        assert_eq!(project.glob(&["**/*.py"]).unwrap(), ["a.py"]);
    }
}
