//! One repository, read by the `git` program of the machine without its configuration: for as long as it is looked at, git is
//! shown a folder of the engine's in place of what working trees share, with links to what holds the history.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::process::Command;

use super::dot_git::DotGit;
use super::settings;

/// What of the shared folder is shown, if it is there. Above all not `config` and `hooks`.
const SHOWN: [&str; 7] = ["objects", "refs", "packed-refs", "reftable", "logs", "info", "shallow"];

/// Where folders for a moment are made, if the usual place is part of the project: its programs could write there.
const OUTSIDE: &str = "/tmp";

/// Its errors are what git said.
pub(super) struct Repository<'a> {
    dot_git: DotGit,
    /// In place of `dot_git.common`.
    shared: TempDir,
    workspace: &'a Path,
    path: &'a OsStr,
}

impl<'a> Repository<'a> {
    pub(super) async fn open(
        dot_git: DotGit,
        workspace: &'a Path,
        path: &'a OsStr,
        temp: &Path,
    ) -> Result<Self, String> {
        let failed = |error: io::Error| format!("a folder for git can't be made: {error}");
        let temp = outside(workspace, temp).map_err(failed)?;
        let shared = tempfile::Builder::new().prefix("tidegate-git-").tempdir_in(temp);
        let shared = shared.map_err(failed)?;
        // Linked also where there is nothing: git may pack its branches while they are looked at.
        for name in SHOWN {
            symlink(dot_git.common.join(name), shared.path().join(name)).map_err(failed)?;
        }
        let mut listed = list(path, shared.path(), &dot_git.common.join("config")).await?;
        let of_tree = dot_git.folder.join("config.worktree");
        if of_tree.is_file() {
            listed.extend(list(path, shared.path(), &of_tree).await?);
        }
        let config = settings::harmless(&listed)?;
        std::fs::write(shared.path().join("config"), config).map_err(failed)?;
        Ok(Self {
            dot_git,
            shared,
            workspace,
            path,
        })
    }

    pub(super) async fn output(&self, args: &[&str]) -> Result<String, String> {
        let output = self.run(args).await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(complaint(&output))
    }

    /// The one line of a command that is quiet where it has nothing to say.
    pub(super) async fn answer(&self, args: &[&str]) -> Result<Option<String>, String> {
        let output = self.run(args).await?;
        match output.status.code() {
            Some(0) => Ok(line(&output.stdout)),
            Some(1) if output.stderr.is_empty() => Ok(None),
            _ => Err(complaint(&output)),
        }
    }

    /// The same, where a failure is no more than a missing answer.
    pub(super) async fn line(&self, args: &[&str]) -> Option<String> {
        let output = self.run(args).await.ok()?;
        output.status.success().then(|| line(&output.stdout)).flatten()
    }

    pub(super) async fn head(&self) -> Result<Option<String>, String> {
        self.answer(&["rev-parse", "--verify", "--quiet", "HEAD"]).await
    }

    /// The whole name, `refs/heads/main`: a short one is another where a tag has the same.
    pub(super) async fn current(&self) -> Result<Option<String>, String> {
        self.answer(&["symbolic-ref", "--quiet", "HEAD"]).await
    }

    pub(super) async fn commit(&self, name: &str) -> Option<String> {
        let name = format!("{name}^{{commit}}");
        self.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name])
            .await
    }

    async fn run(&self, args: &[&str]) -> Result<Output, String> {
        let mut command = git(self.path);
        command
            .args(["--no-pager", "--no-optional-locks"])
            .args(args)
            .current_dir(self.workspace)
            // Named, so that git looks for none, and asks for no owner.
            .env("GIT_DIR", &self.dot_git.folder)
            .env("GIT_COMMON_DIR", self.shared.path())
            .env("GIT_WORK_TREE", &self.dot_git.top);
        finish(&mut command).await
    }
}

/// A folder for temporary files that no program of the project can write to.
fn outside(workspace: &Path, temp: &Path) -> io::Result<PathBuf> {
    for folder in [temp, Path::new(OUTSIDE)] {
        let Ok(folder) = folder.canonicalize() else {
            continue;
        };
        if !folder.starts_with(workspace) {
            return Ok(folder);
        }
    }
    Err(io::Error::other(
        "there is none for temporary files outside of the project",
    ))
}

/// The settings of one file, and of none that it includes.
async fn list(path: &OsStr, folder: &Path, file: &Path) -> Result<Vec<u8>, String> {
    // Opening a pipe would wait for somebody to write. Without a configuration a repository is an ordinary one.
    if !file.is_file() {
        return Ok(Vec::new());
    }
    let mut command = git(path);
    command
        .args(["config", "--no-includes", "--null", "--list", "--file"])
        .arg(file)
        // In a folder without a repository, and with none above it that would be asked.
        .current_dir(folder)
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder));
    let output = finish(&mut command).await?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(complaint(&output))
}

/// A git that knows nothing of the user and the machine, and reaches nobody.
fn git(path: &OsStr) -> Command {
    let mut command = Command::new("git");
    command
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        // What a partial clone lacks is missing, and not fetched.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "none")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn finish(command: &mut Command) -> Result<Output, String> {
    command.output().await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no program `git` on the PATH".into(),
        _ => format!("git could not be started: {error}"),
    })
}

fn line(stdout: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stdout);
    let line = text.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// What git said, in one line and without its name for it.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let said = lines.collect::<Vec<_>>().join("; ");
    if said.is_empty() {
        return format!("git ended with {}", output.status);
    }
    said.strip_prefix("fatal: ").unwrap_or(&said).to_owned()
}
