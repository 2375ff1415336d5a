//! Files of the workspace for a stage, all through its View.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use ignore::WalkBuilder;
use ignore::overrides::OverrideBuilder;
use tidegate_confine::View;
use tidegate_sandbox::FilesError;

/// Largest file that is read or written at once; larger ones go through WASI's filesystem in pieces.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// Paths that one glob gives.
const MAX_PATHS: usize = 200_000;
/// Patterns of one glob.
const MAX_PATTERNS: usize = 256;

/// Sorted, relative to the workspace; ignored and hidden files are left out, and links are not followed.
pub(super) fn glob(view: &View, patterns: &[String]) -> Result<Vec<String>, FilesError> {
    let other = |error: ignore::Error| FilesError::Other(error.to_string());
    if patterns.len() > MAX_PATTERNS {
        return Err(FilesError::Other(format!("at most {MAX_PATTERNS} patterns")));
    }
    let root = view.root_path();
    let mut builder = OverrideBuilder::new(&root);
    for pattern in patterns {
        builder.add(pattern).map_err(other)?;
    }
    let overrides = builder.build().map_err(other)?;
    // The parents' and the user's own ignore rules are no business of a stage. Overrides would make ignored files visible
    // again, so they are asked afterwards.
    let walk = WalkBuilder::new(&root)
        .parents(false)
        .git_global(false)
        .git_exclude(false)
        .require_git(false)
        .build();
    let mut paths = Vec::new();
    for entry in walk {
        // A folder that can't be read is one that the stage can't see.
        let Ok(entry) = entry else { continue };
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(path) = entry.path().strip_prefix(&root) else {
            continue;
        };
        if !overrides.matched(path, false).is_whitelist() {
            continue;
        }
        if paths.len() >= MAX_PATHS {
            return Err(FilesError::Other(format!("more than {MAX_PATHS} files match")));
        }
        paths.push(path.to_string_lossy().into_owned());
    }
    paths.sort_unstable();
    Ok(paths)
}

pub(super) fn read(view: &View, path: &str) -> Result<Vec<u8>, FilesError> {
    let mut file = view.open(Path::new(path)).map_err(|error| explain(path, &error))?;
    let size = file.metadata().map_err(|error| explain(path, &error))?.len();
    if size > MAX_FILE_BYTES {
        return Err(FilesError::TooLarge(size));
    }
    let mut content = Vec::new();
    Read::by_ref(&mut file)
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut content)
        .map_err(|error| explain(path, &error))?;
    if content.len() as u64 > MAX_FILE_BYTES {
        return Err(FilesError::TooLarge(content.len() as u64));
    }
    Ok(content)
}

pub(super) fn write(view: &View, path: &str, content: &[u8]) -> Result<(), FilesError> {
    if content.len() as u64 > MAX_FILE_BYTES {
        return Err(FilesError::TooLarge(content.len() as u64));
    }
    let mut file = view.create(Path::new(path)).map_err(|error| explain(path, &error))?;
    file.write_all(content).map_err(|error| explain(path, &error))
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
