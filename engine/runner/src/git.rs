//! What the engine knows of the repository, by the `git` program of the machine. Stages never see `.git`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tidegate_sandbox::{Change, ChangeKind, SourceError};
use tokio::process::Command;

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
}

impl Git {
    pub fn new(workspace: &Path, host: &Host) -> Self {
        Self {
            workspace: workspace.into(),
            path: search_path(host, workspace),
        }
    }

    /// Nothing of it is known outside a repository, or without git.
    pub async fn state(&self, host: &Host) -> SourceState {
        // Three starts of a program that would find nothing take longer than a small stage.
        if !self.workspace.ancestors().any(|folder| folder.join(".git").exists()) {
            return SourceState::default();
        }
        let (commit, branch, tag) = tokio::join!(
            self.line(&["rev-parse", "--verify", "--quiet", "HEAD"]),
            self.line(&["symbolic-ref", "--quiet", "--short", "HEAD"]),
            self.line(&["describe", "--tags", "--exact-match", "HEAD"]),
        );
        SourceState {
            commit,
            branch: branch.or_else(|| branch_of_ci(host)),
            tag,
        }
    }

    /// Changes since the merge base with `base`, uncommitted and untracked files included.
    pub async fn changed_since(&self, base: Option<&str>) -> Result<Vec<Change>, SourceError> {
        if self.line(&["rev-parse", "--is-inside-work-tree"]).await.as_deref() != Some("true") {
            return Err(SourceError::NotARepository);
        }
        let base = match base {
            Some(base) => self.merge_base(base).await?,
            None => self.default_base().await?,
        };
        let diff = self
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
            .await?;
        let untracked = self
            .output(&["ls-files", "--others", "--exclude-standard", "-z"])
            .await?;
        let mut changes = parse_name_status(&diff)?;
        let untracked = untracked.split('\0').filter(|path| !path.is_empty());
        changes.extend(untracked.map(|path| Change {
            path: path.into(),
            kind: ChangeKind::Added,
            old_path: None,
        }));
        if changes.len() > MAX_CHANGES {
            return Err(SourceError::Other(format!(
                "more than {MAX_CHANGES} files changed since {base}"
            )));
        }
        Ok(changes)
    }

    /// On a branch: the merge base with the default branch; on the default branch itself: the commit before.
    async fn default_base(&self) -> Result<String, SourceError> {
        let remote_head = self
            .line(&["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"])
            .await;
        let current = self.line(&["symbolic-ref", "--quiet", "--short", "HEAD"]).await;
        for candidate in remote_head
            .as_deref()
            .into_iter()
            .chain(["origin/main", "origin/master", "main", "master"])
        {
            let Some(commit) = self.commit(candidate).await else {
                continue;
            };
            let is_current = current.as_deref() == Some(candidate.trim_start_matches("origin/"));
            if is_current || self.commit("HEAD").await.as_deref() == Some(&commit) {
                return match self.commit("HEAD~1").await {
                    Some(parent) => Ok(parent),
                    None => Err(self.without_history("the commit before HEAD").await),
                };
            }
            return self.merge_base(candidate).await;
        }
        Err(SourceError::UnknownBase(
            "there is neither origin/HEAD nor a branch `main` or `master`".into(),
        ))
    }

    async fn merge_base(&self, base: &str) -> Result<String, SourceError> {
        if base.starts_with('-') || self.commit(base).await.is_none() {
            return Err(self.without_history(base).await);
        }
        match self.line(&["merge-base", "--end-of-options", base, "HEAD"]).await {
            Some(commit) => Ok(commit),
            None => Err(self.without_history(base).await),
        }
    }

    async fn without_history(&self, base: &str) -> SourceError {
        if self.line(&["rev-parse", "--is-shallow-repository"]).await.as_deref() == Some("true") {
            return SourceError::Shallow(format!(
                "`{base}` is not in this shallow clone; fetch with a full history"
            ));
        }
        SourceError::UnknownBase(base.into())
    }

    async fn commit(&self, name: &str) -> Option<String> {
        let name = format!("{name}^{{commit}}");
        self.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name])
            .await
    }

    async fn line(&self, args: &[&str]) -> Option<String> {
        let text = self.output(args).await.ok()?;
        let line = text.trim();
        (!line.is_empty()).then(|| line.to_owned())
    }

    /// Nothing that the repository's files or a stage say makes git start a program: hooks, the file system monitor, pagers,
    /// external diffs, filters and transports are off, and a folder that merely looks like a repository is none.
    async fn output(&self, args: &[&str]) -> Result<String, SourceError> {
        let mut command = self.command();
        for filter in self.filters().await {
            // An empty command is none. Only the repository's own configuration is read, so these are only its own filters.
            for key in ["clean", "smudge", "process"] {
                command.arg("-c").arg(format!("filter.{filter}.{key}="));
            }
            command.arg("-c").arg(format!("filter.{filter}.required=false"));
        }
        finish(command.args(args)).await
    }

    /// Names of the filters that the repository's configuration has; `git diff` would run them over changed files.
    async fn filters(&self) -> BTreeSet<String> {
        let mut command = self.command();
        command.args(["config", "--null", "--name-only", "--get-regexp", r"^filter\."]);
        // None is a failure to git.
        let keys = finish(&mut command).await.unwrap_or_default();
        keys.split('\0')
            .filter_map(|key| Some(key.strip_prefix("filter.")?.rsplit_once('.')?.0.to_owned()))
            .collect()
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command
            .args(["--no-pager", "--no-optional-locks"])
            .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
            .args(["-c", "core.quotePath=false", "-c", "safe.bareRepository=explicit"])
            .current_dir(&self.workspace)
            .env_clear()
            .env("PATH", &self.path)
            .env("LC_ALL", "C.UTF-8")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            // A partial clone would fetch what it lacks, by a command that its configuration names.
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "none")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

async fn finish(command: &mut Command) -> Result<String, SourceError> {
    let output = command
        .output()
        .await
        .map_err(|error| SourceError::Other(format!("git could not be started: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(SourceError::Other(
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    ))
}

/// CI systems check out a commit without a branch and say the branch in a variable.
fn branch_of_ci(host: &Host) -> Option<String> {
    const VARIABLES: [&str; 5] = [
        "GITHUB_HEAD_REF",
        "GITHUB_REF_NAME",
        "CI_COMMIT_BRANCH",
        "BUILD_SOURCEBRANCHNAME",
        "CIRCLE_BRANCH",
    ];
    VARIABLES
        .iter()
        .filter_map(|name| host.var(name))
        .find(|value| !value.is_empty())
        .map(str::to_owned)
}

fn parse_name_status(text: &str) -> Result<Vec<Change>, SourceError> {
    let mut fields = text.split('\0').filter(|field| !field.is_empty());
    let mut changes = Vec::new();
    while let Some(status) = fields.next() {
        let mut path = || {
            let odd = || SourceError::Other(format!("git answered an odd line after `{status}`"));
            fields.next().map(str::to_owned).ok_or_else(odd)
        };
        let change = match status.as_bytes()[0] {
            b'R' | b'C' => {
                let old_path = Some(path()?);
                Change {
                    path: path()?,
                    kind: ChangeKind::Renamed,
                    old_path,
                }
            }
            b'A' => Change {
                path: path()?,
                kind: ChangeKind::Added,
                old_path: None,
            },
            b'D' => Change {
                path: path()?,
                kind: ChangeKind::Deleted,
                old_path: None,
            },
            _ => Change {
                path: path()?,
                kind: ChangeKind::Modified,
                old_path: None,
            },
        };
        changes.push(change);
    }
    Ok(changes)
}

#[cfg(test)]
mod hostile;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    pub(super) struct Repository {
        pub(super) folder: tempfile::TempDir,
        pub(super) git: Git,
        pub(super) host: Host,
    }

    impl Repository {
        pub(super) fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = std::env::var("PATH").unwrap();
            let host = Host {
                env: BTreeMap::from([("PATH".to_owned(), path)]),
                home: None,
                temp: PathBuf::new(),
                cache: None,
                helper: PathBuf::new(),
            };
            let git = Git::new(folder.path(), &host);
            let repository = Self { folder, git, host };
            repository.run(&["init", "-q", "-b", "main"]);
            repository
        }

        pub(super) fn run(&self, args: &[&str]) {
            let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
            let done = std::process::Command::new("git")
                .args(identity)
                .args(args)
                .current_dir(self.folder.path())
                .output();
            let done = done.unwrap();
            assert!(
                done.status.success(),
                "{args:?}: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }

        pub(super) fn commit(&self, file: &str, content: &str) {
            std::fs::write(self.folder.path().join(file), content).unwrap();
            self.run(&["add", "."]);
            self.run(&["commit", "-q", "-m", file]);
        }
    }

    #[tokio::test]
    async fn changes_of_a_branch_and_of_the_working_tree() {
        let repository = Repository::new();
        repository.commit("a.py", "one\ntwo\nthree\nfour\n");
        repository.commit("gone.py", "");
        repository.run(&["checkout", "-q", "-b", "topic"]);
        repository.run(&["mv", "a.py", "b with space.py"]);
        repository.run(&["rm", "-q", "gone.py"]);
        repository.commit("new.py", "x");
        std::fs::write(repository.folder.path().join("untracked.py"), "").unwrap();
        let mut changes = repository.git.changed_since(None).await.unwrap();
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        let seen: Vec<_> = changes
            .iter()
            .map(|change| (change.path.as_str(), change.kind))
            .collect();
        assert_eq!(
            seen,
            [
                ("b with space.py", ChangeKind::Renamed),
                ("gone.py", ChangeKind::Deleted),
                ("new.py", ChangeKind::Added),
                ("untracked.py", ChangeKind::Added)
            ]
        );
        assert_eq!(changes[0].old_path.as_deref(), Some("a.py"));
        assert_eq!(
            repository.git.state(&repository.host).await.branch.as_deref(),
            Some("topic")
        );
    }

    #[tokio::test]
    async fn on_the_default_branch_it_is_the_last_commit() {
        let repository = Repository::new();
        repository.commit("a.py", "");
        assert!(matches!(
            repository.git.changed_since(None).await,
            Err(SourceError::UnknownBase(_))
        ));
        repository.commit("b.py", "");
        let changes = repository.git.changed_since(None).await.unwrap();
        assert_eq!(
            changes,
            [Change {
                path: "b.py".into(),
                kind: ChangeKind::Added,
                old_path: None
            }]
        );
    }

    #[tokio::test]
    async fn unknown_bases_options_and_no_repository() {
        let repository = Repository::new();
        repository.commit("a.py", "");
        for base in ["nope", "--output=/tmp/x", "-h"] {
            let result = repository.git.changed_since(Some(base)).await;
            assert!(matches!(result, Err(SourceError::UnknownBase(_))), "{base}: {result:?}");
        }
        let empty = tempfile::tempdir().unwrap();
        let outside = Git::new(empty.path(), &repository.host);
        assert_eq!(outside.changed_since(None).await, Err(SourceError::NotARepository));
        assert_eq!(outside.state(&repository.host).await, SourceState::default());
    }

    #[tokio::test]
    async fn a_shallow_clone_says_so() {
        let repository = Repository::new();
        repository.commit("a.py", "");
        repository.commit("b.py", "");
        let clone = tempfile::tempdir().unwrap();
        let url = format!("file://{}", repository.folder.path().display());
        repository.run(&["clone", "-q", "--depth", "1", &url, clone.path().to_str().unwrap()]);
        let result = Git::new(clone.path(), &repository.host).changed_since(None).await;
        assert!(matches!(result, Err(SourceError::Shallow(_))), "{result:?}");
    }
}
