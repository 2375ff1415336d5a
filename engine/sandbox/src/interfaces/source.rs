//! The repository, as the broker tells it.

use crate::attempt::Attempt;
use crate::bindings::source::{self, Error, Host};
use crate::{Change, ChangeKind, SourceError};

impl Host for Attempt {
    async fn commit(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.broker.source_commit().await)
    }

    async fn branch(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.broker.source_branch().await)
    }

    async fn tag(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.broker.source_tag().await)
    }

    async fn changed_since(&mut self, base: Option<String>) -> wasmtime::Result<Result<Vec<source::Change>, Error>> {
        let changes = self.broker.source_changed_since(base).await;
        if let Err(SourceError::NotGranted(text)) = &changes {
            self.note_denial(text);
        }
        Ok(changes
            .map(|changes| changes.into_iter().map(Into::into).collect())
            .map_err(Into::into))
    }
}

impl From<Change> for source::Change {
    fn from(change: Change) -> Self {
        let kind = match change.kind {
            ChangeKind::Added => source::ChangeKind::Added,
            ChangeKind::Modified => source::ChangeKind::Modified,
            ChangeKind::Deleted => source::ChangeKind::Deleted,
            ChangeKind::Renamed => source::ChangeKind::Renamed,
        };
        Self {
            path: change.path,
            kind,
            old_path: change.old_path,
        }
    }
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::NotGranted(text) => Self::NotGranted(text),
            SourceError::NotARepository => Self::NotARepository,
            SourceError::UnknownBase(text) => Self::UnknownBase(text),
            SourceError::Shallow(text) => Self::Shallow(text),
            SourceError::Other(text) => Self::Other(text),
        }
    }
}
