//! What can go wrong with the journal.

use std::io::ErrorKind;
use std::path::PathBuf;

use rusqlite::ErrorCode;

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("failed to write {}: {error}", path.display())]
    Write { path: PathBuf, error: std::io::Error },
    #[error("failed to read {}: {error}", path.display())]
    Read { path: PathBuf, error: std::io::Error },
    #[error("{} is a link, which would lead the engine's own files elsewhere; remove it", path.display())]
    Link { path: PathBuf },
    #[error("failed to read {}: {error}", path.display())]
    Open { path: PathBuf, error: rusqlite::Error },
    #[error("the journal's database: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("the journal was written by a newer Tidegate (format {found}, this one knows {known})")]
    Newer { found: i64, known: i64 },
    #[error("there is no run `{0}`")]
    NoSuchRun(String),
    #[error("`{0}` is the beginning of several runs")]
    Ambiguous(String),
    #[error("there are no runs yet")]
    NoRuns,
}

impl JournalError {
    /// True when it is the file system's rules that stand in the way: who owns the files, or that they can only be read.
    pub fn is_not_allowed(&self) -> bool {
        match self {
            Self::Write { error, .. } | Self::Read { error, .. } => matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
            ),
            Self::Open { error, .. } | Self::Database(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)
            ),
            Self::Link { .. } | Self::Newer { .. } | Self::NoSuchRun(_) | Self::Ambiguous(_) | Self::NoRuns => false,
        }
    }
}
