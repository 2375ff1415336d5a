//! A repository to try things on, with the real git.

use std::collections::BTreeMap;

use tidegate_sandbox::Change;

use super::Git;
use crate::Host;

pub(super) struct Fixture {
    pub(super) folder: tempfile::TempDir,
    pub(super) git: Git,
    pub(super) host: Host,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = std::env::var("PATH").unwrap();
        let host = Host {
            env: BTreeMap::from([("PATH".to_owned(), path)]),
            ..Host::bare()
        };
        let git = Git::new(folder.path(), &host);
        let repository = Self { folder, git, host };
        repository.run(&["init", "-q", "-b", "main"]);
        repository
    }

    /// What it printed.
    pub(super) fn run(&self, args: &[&str]) -> String {
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
        String::from_utf8(done.stdout).unwrap()
    }

    pub(super) fn commit(&self, file: &str, content: &str) {
        std::fs::write(self.folder.path().join(file), content).unwrap();
        self.run(&["add", "."]);
        self.run(&["commit", "-q", "-m", file]);
    }

    /// The same folder, as a CI system's job sees it.
    pub(super) fn in_job(&self, variables: &[(&str, &str)]) -> Git {
        let mut host = self.host.clone();
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        host.env.extend(variables);
        Git::new(self.folder.path(), &host)
    }

    /// A pull request that changes one file and comes from before the base's last commit; checked out as GitHub does.
    pub(super) fn pull_request() -> Self {
        let repository = Self::new();
        repository.commit("a.py", "");
        repository.run(&["checkout", "-q", "-b", "change"]);
        repository.commit("change.py", "");
        repository.run(&["checkout", "-q", "main"]);
        repository.commit("main.py", "");
        repository.run(&["checkout", "-q", "--detach"]);
        repository.run(&["merge", "-q", "--no-edit", "change"]);
        repository
    }
}

pub(super) fn paths(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.path.as_str()).collect()
}
