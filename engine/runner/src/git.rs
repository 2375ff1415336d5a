//! What the engine knows of the repository, by the `git` program of the machine. Stages never see `.git`.

mod base;
mod changes;
mod ci;
mod dot_git;
mod repository;
mod settings;
mod unreadable;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tidegate_sandbox::{Change, SourceError};

use self::ci::CiBuild;
use self::dot_git::DotGit;
use self::repository::Repository;
use crate::Host;
use crate::plan::SourceState;
use crate::program::search_path;

/// Changed files told at most; a stage that asks for more than this has the wrong base.
const MAX_CHANGES: usize = 50_000;

/// The repository that a folder lies in.
#[derive(Debug, Clone)]
pub struct Git {
    workspace: PathBuf,
    path: OsString,
    temp: PathBuf,
    build: Option<CiBuild>,
}

/// What is known of it, and why not more.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub state: SourceState,
    /// A repository is there, and this is why it can't be read.
    pub unreadable: Option<String>,
}

impl Git {
    pub fn new(workspace: &Path, host: &Host) -> Self {
        Self {
            workspace: workspace.into(),
            path: search_path(host, workspace),
            temp: host.temp.clone(),
            build: CiBuild::of(host),
        }
    }

    /// Nothing of it is known outside a repository.
    pub async fn look(&self) -> Seen {
        let state = match self.open().await {
            Ok(None) => return Seen::default(),
            Ok(Some(repository)) => self.state(&repository).await,
            Err(reason) => Err(reason),
        };
        match state {
            Ok(state) => Seen {
                state,
                unreadable: None,
            },
            Err(reason) => Seen {
                // The CI system may still have said it, and nothing is known that speaks against it.
                state: SourceState {
                    branch: self.branch(None, None),
                    ..SourceState::default()
                },
                unreadable: Some(reason),
            },
        }
    }

    async fn state(&self, repository: &Repository<'_>) -> Result<SourceState, String> {
        let (head, current, tag) = tokio::join!(
            repository.head(),
            repository.current(),
            repository.line(&["describe", "--tags", "--exact-match", "HEAD"]),
        );
        let (commit, current) = (head?, current?);
        let current = current.and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned));
        Ok(SourceState {
            branch: self.branch(current, commit.as_deref()),
            commit,
            tag,
        })
    }

    fn branch(&self, current: Option<String>, head: Option<&str>) -> Option<String> {
        match &self.build {
            Some(build) => build.branch(current, head),
            None => current,
        }
    }

    /// Changes since the merge base with `base`, uncommitted and untracked files included.
    pub async fn changed_since(&self, base: Option<&str>) -> Result<Vec<Change>, SourceError> {
        let opened = self.open().await.map_err(SourceError::Other)?;
        let repository = opened.ok_or(SourceError::NotARepository)?;
        // Whatever is wrong with the repository shows here, and not as a base that is not found.
        repository.head().await.map_err(SourceError::Other)?;
        let base = match (base, self.build.as_ref().and_then(CiBuild::base)) {
            (Some(base), _) => repository.merge_base(base).await?,
            (None, Some(target)) => repository.pull_request_base(target).await?,
            (None, None) => repository.default_base().await?,
        };
        let diff = repository
            .output(&[
                "diff",
                "--no-ext-diff",
                "--no-textconv",
                // A submodule brings a configuration of its own.
                "--ignore-submodules=dirty",
                "--name-status",
                "-z",
                "--find-renames",
                "--relative",
                &base,
                "--",
            ])
            .await
            .map_err(SourceError::Other)?;
        let untracked = repository
            .output(&["ls-files", "--others", "--exclude-standard", "-z"])
            .await
            .map_err(SourceError::Other)?;
        let mut changed = changes::changed(&diff)?;
        changed.extend(changes::untracked(&untracked));
        if changed.len() > MAX_CHANGES {
            return Err(SourceError::Other(format!(
                "more than {MAX_CHANGES} files changed since {base}"
            )));
        }
        Ok(changed)
    }

    /// None when there is no repository. The text says why one that is there can't be read.
    async fn open(&self) -> Result<Option<Repository<'_>>, String> {
        let Some(found) = DotGit::find(&self.workspace)? else {
            return Ok(None);
        };
        let repository = Repository::open(found, &self.workspace, &self.path, &self.temp).await?;
        Ok(Some(repository))
    }
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod in_ci;
#[cfg(test)]
mod tests;
