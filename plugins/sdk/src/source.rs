//! What a stage may know of the repository.

use thiserror::Error;

use crate::bindings::tidegate::stage::source as host;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    #[error("not granted: {0}")]
    NotGranted(String),
    #[error("the workspace is not a Git repository")]
    NotARepository,
    #[error("there is no commit or branch `{0}` to compare with")]
    UnknownBase(String),
    #[error("{0}")]
    Shallow(String),
    #[error("{0}")]
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Relative to the workspace.
    pub path: String,
    pub kind: ChangeKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
    Renamed { from: String },
}

pub fn commit() -> Option<String> {
    host::commit()
}

/// None in a pull request and on a tag, and on a detached head that no CI system names a branch for.
pub fn branch() -> Option<String> {
    host::branch()
}

pub fn tag() -> Option<String> {
    host::tag()
}

/// Changes since the merge base with `base`, uncommitted and untracked files included. None: the engine's default base.
pub fn changed_since(base: Option<&str>) -> Result<Vec<Change>, Error> {
    let changes = host::changed_since(base).map_err(|error| match error {
        host::Error::NotGranted(text) => Error::NotGranted(text),
        host::Error::NotARepository => Error::NotARepository,
        host::Error::UnknownBase(base) => Error::UnknownBase(base),
        host::Error::Shallow(text) => Error::Shallow(text),
        host::Error::Other(text) => Error::Other(text),
    })?;
    Ok(changes.into_iter().map(change).collect())
}

fn change(change: host::Change) -> Change {
    let kind = match change.kind {
        host::ChangeKind::Added => ChangeKind::Added,
        host::ChangeKind::Modified => ChangeKind::Modified,
        host::ChangeKind::Deleted => ChangeKind::Deleted,
        host::ChangeKind::Renamed => ChangeKind::Renamed {
            from: change.old_path.unwrap_or_default(),
        },
    };
    Change {
        path: change.path,
        kind,
    }
}
