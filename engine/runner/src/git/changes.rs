//! The list of changed files, as git tells it.

use tidegate_sandbox::{Change, ChangeKind, SourceError};

/// Reads `git diff --name-status -z`.
pub(super) fn changed(text: &str) -> Result<Vec<Change>, SourceError> {
    let mut fields = text.split('\0').filter(|field| !field.is_empty());
    let mut changes = Vec::new();
    while let Some(status) = fields.next() {
        let mut path = || {
            let odd = || SourceError::Other(format!("git answered an odd line after `{status}`"));
            fields.next().map(str::to_owned).ok_or_else(odd)
        };
        let (kind, old_path) = match status.as_bytes()[0] {
            b'R' | b'C' => (ChangeKind::Renamed, Some(path()?)),
            b'A' => (ChangeKind::Added, None),
            b'D' => (ChangeKind::Deleted, None),
            _ => (ChangeKind::Modified, None),
        };
        changes.push(Change {
            path: path()?,
            kind,
            old_path,
        });
    }
    Ok(changes)
}

/// Reads `git ls-files --others -z`.
pub(super) fn untracked(text: &str) -> impl Iterator<Item = Change> {
    let paths = text.split('\0').filter(|path| !path.is_empty());
    paths.map(|path| Change {
        path: path.into(),
        kind: ChangeKind::Added,
        old_path: None,
    })
}
