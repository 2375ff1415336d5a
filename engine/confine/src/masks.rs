//! What of the workspace nobody sees: found anew for every Cell, because stages add files.

#[cfg(target_os = "linux")]
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::always_hidden::is_always_hidden;
use crate::failure::{During, Failure, Step};
use crate::limits;

/// Paths relative to the workspace that are to be hidden. A link is never followed; one with a hidden name is in the list
/// itself, and whoever hides it hides what it leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Masks(pub(crate) Vec<PathBuf>);

impl Masks {
    pub(crate) fn find(workspace: &Path, hide: &[String]) -> Result<Self, Failure> {
        let patterns = patterns(workspace, hide)?;
        let mut found = Vec::new();
        let mut folders = vec![PathBuf::new()];
        let mut entries = 0usize;
        while let Some(folder) = folders.pop() {
            let absolute = workspace.join(&folder);
            let listing = match fs::read_dir(&absolute) {
                Ok(listing) => listing,
                // A parallel stage may have removed it, and what can't be listed by us can't be listed by the programs. The
                // workspace itself must be readable.
                Err(error) if !folder.as_os_str().is_empty() && is_out_of_reach(&error) => continue,
                Err(error) => {
                    return Err(error).during(Step::Masks, format_args!("can't list `{}`", absolute.display()));
                }
            };
            for entry in listing {
                let entry = entry.during(Step::Masks, format_args!("can't list `{}`", absolute.display()))?;
                entries += 1;
                if entries > limits::WALKED_ENTRIES {
                    return Err(too_many(workspace, "files and folders", limits::WALKED_ENTRIES));
                }
                let kind = match entry.file_type() {
                    Ok(kind) => kind,
                    Err(error) if is_out_of_reach(&error) => continue,
                    Err(error) => return Err(error).during(Step::Masks, entry.path().display()),
                };
                let path = folder.join(entry.file_name());
                // Nobody looks below it, so that a stage can't leave a tree behind which keeps the next one from starting.
                if is_too_deep(workspace, &path) || hides(&patterns, &path, kind.is_dir()) {
                    found.push(path);
                    if found.len() > limits::MASKS {
                        return Err(too_many(workspace, "hidden paths", limits::MASKS));
                    }
                } else if kind.is_dir() {
                    folders.push(path);
                }
            }
        }
        found.sort();
        Ok(Self(found))
    }

    /// With what hidden links lead to within the workspace, for those who can't lay a mount over a link's end.
    #[cfg(target_os = "linux")]
    pub(crate) fn with_targets(self, workspace: &Path) -> io::Result<Self> {
        let workspace = workspace.canonicalize()?;
        let mut all: BTreeSet<PathBuf> = BTreeSet::new();
        for mask in self.0 {
            let path = workspace.join(&mask);
            // It leads nowhere, or it is no link: nothing is to be added.
            if let Ok(target) = path.canonicalize()
                && let Ok(target) = target.strip_prefix(&workspace)
                && !target.as_os_str().is_empty()
            {
                all.insert(target.to_owned());
            }
            all.insert(mask);
        }
        Ok(Self(all.into_iter().collect()))
    }
}

fn is_too_deep(workspace: &Path, path: &Path) -> bool {
    path.components().count() > limits::WALKED_DEPTH
        || workspace.as_os_str().len() + path.as_os_str().len() > limits::WALKED_PATH_BYTES
}

/// Looks at this path alone and not at the folders above it.
pub(crate) fn hides(patterns: &Gitignore, path: &Path, is_folder: bool) -> bool {
    path.file_name().is_some_and(is_always_hidden) || matches!(patterns.matched(path, is_folder), Match::Ignore(_))
}

pub(crate) fn patterns(workspace: &Path, hide: &[String]) -> Result<Gitignore, Failure> {
    let mut builder = GitignoreBuilder::new(workspace);
    for pattern in hide {
        builder
            .add_line(None, pattern)
            .map_err(|error| Failure::spec(format!("`hide` pattern `{pattern}` is not valid: {error}")))?;
    }
    builder
        .build()
        .map_err(|error| Failure::spec(format!("`hide` patterns are not valid: {error}")))
}

fn is_out_of_reach(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory
    )
}

fn too_many(workspace: &Path, what: &str, limit: usize) -> Failure {
    Failure::spec(format!(
        "`{}` has more than {limit} {what}, which is more than can be hidden reliably; remove some or choose a smaller workspace",
        workspace.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn find(files: &[&str], hide: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let hide: Vec<String> = hide.iter().map(|pattern| (*pattern).to_owned()).collect();
        let masks = Masks::find(folder.path(), &hide).unwrap();
        masks.0.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn hides_at_any_depth_and_shows_examples() {
        let files = [
            ".git/config",
            "a/b/.git/HEAD",
            ".env",
            "a/.env.local",
            ".env.example",
            "a/.env.prod.example",
            ".envrc",
        ];
        assert_eq!(find(&files, &[]), [".env", ".git", "a/.env.local", "a/b/.git"]);
    }

    #[test]
    fn what_lies_too_deep_is_hidden_and_ends_the_walk() {
        let folder = tempfile::tempdir().unwrap();
        let deep = |name: &str, levels: usize| {
            let path: PathBuf = std::iter::repeat_n(name, levels).collect();
            fs::create_dir_all(folder.path().join(&path)).unwrap();
            path
        };
        deep("a", limits::WALKED_DEPTH + 10);
        deep(&"b".repeat(200), 16);
        let masks = Masks::find(folder.path(), &[]).unwrap().0;
        let [a, b] = masks.as_slice() else { panic!("{masks:?}") };
        assert_eq!(a.components().count(), limits::WALKED_DEPTH + 1);
        assert!(b.as_os_str().len() > limits::WALKED_PATH_BYTES - 300, "{}", b.display());
    }

    #[test]
    fn a_name_that_is_not_text_is_hidden_too() {
        let folder = tempfile::tempdir().unwrap();
        let name = std::ffi::OsStr::from_bytes(b".env.\xff");
        fs::write(folder.path().join(name), "").unwrap();
        assert_eq!(
            Masks::find(folder.path(), &[]).unwrap(),
            Masks(vec![PathBuf::from(name)])
        );
    }

    #[test]
    fn patterns_are_those_of_gitignore() {
        let files = ["secrets/key.pem", "a/secrets/key.pem", "b.pem", "a/c.pem", "keep.pem"];
        assert_eq!(
            find(&files, &["/secrets/", "*.pem", "!keep.pem"]),
            ["a/c.pem", "a/secrets/key.pem", "b.pem", "secrets"]
        );
    }

    #[test]
    fn a_pattern_does_not_uncover_what_is_always_hidden() {
        assert_eq!(find(&[".env"], &["!.env"]), [".env"]);
    }

    #[test]
    fn links_are_named_and_not_entered() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join(".env"), "").unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("out")).unwrap();
        std::os::unix::fs::symlink("settings", folder.path().join(".env")).unwrap();
        assert_eq!(
            Masks::find(folder.path(), &[]).unwrap(),
            Masks(vec![PathBuf::from(".env")])
        );
    }
}
