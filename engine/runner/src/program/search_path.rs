//! Where the engine itself looks for programs.

use std::ffi::OsString;
use std::path::Path;

use crate::Host;

/// Where they are when the environment does not say.
const DEFAULT: &str = "/usr/bin:/bin";

/// The PATH without folders of the workspace and without relative ones. What the engine starts from here (git, and a Python
/// that is asked where it is installed) runs as the user, outside of any Cell; an active virtual environment comes first on
/// the PATH, and a package's setup may have put into it what it likes.
pub(crate) fn search_path(host: &Host, workspace: &Path) -> OsString {
    let path = host.var("PATH").unwrap_or(DEFAULT);
    let folders = std::env::split_paths(path).filter(|folder| {
        let real = folder.canonicalize();
        let inside = |folder: &Path| folder.starts_with(workspace);
        folder.is_absolute() && !inside(folder) && !real.is_ok_and(|real| inside(&real))
    });
    // They come from a PATH, so none has the separator in it.
    std::env::join_paths(folders).unwrap_or_else(|_| DEFAULT.into())
}
