//! Repositories that try to make the engine's git run something.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tidegate_sandbox::SourceError;

use super::Git;
use super::tests::Repository;
use crate::Host;
use crate::plan::SourceState;

/// What a stage could plant in the folder, or a clone could bring along, if git ran the commands of a configuration.
#[tokio::test]
async fn the_repository_makes_git_run_nothing() {
    let repository = Repository::new();
    let ran = tempfile::tempdir().unwrap();
    let command = |name: &str| format!("touch {}; cat", ran.path().join(name).display());
    repository.commit("a.py", "one");
    repository.commit(".gitattributes", "*.py filter=evil.dotted diff=evil\n");
    for (key, name) in [
        ("filter.evil.dotted.clean", "clean"),
        ("filter.evil.dotted.process", "process"),
        ("diff.evil.textconv", "textconv"),
        ("diff.evil.command", "diff"),
        ("core.fsmonitor", "monitor"),
    ] {
        repository.run(&["config", key, &command(name)]);
    }
    repository.run(&["config", "filter.evil.dotted.required", "true"]);
    std::fs::write(repository.folder.path().join("a.py"), "two").unwrap();
    let changes = repository.git.changed_since(Some("main")).await.unwrap();
    assert!(changes.iter().any(|change| change.path == "a.py"), "{changes:?}");
    repository.git.state(&repository.host).await;
    let left: Vec<_> = std::fs::read_dir(ran.path()).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Files of a repository can have the form of another, bare one, with a configuration of its own.
#[tokio::test]
async fn a_folder_that_looks_like_a_repository_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = std::env::var("PATH").unwrap();
    let host = Host {
        env: BTreeMap::from([("PATH".to_owned(), path)]),
        home: None,
        temp: PathBuf::new(),
        cache: None,
        helper: PathBuf::new(),
    };
    for name in ["objects", "refs/heads"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("HEAD"), "ref: refs/heads/evil\n").unwrap();
    std::fs::write(
        folder.path().join("config"),
        "[core]\nrepositoryformatversion = 0\nworktree = .\n",
    )
    .unwrap();
    let git = Git::new(folder.path(), &host);
    assert_eq!(git.state(&host).await, SourceState::default());
    assert_eq!(git.changed_since(None).await, Err(SourceError::NotARepository));
}

/// An active environment of the workspace comes first on the PATH, and a package's setup may have put a `git` into it.
#[tokio::test]
async fn a_git_of_the_workspace_is_not_run() {
    let repository = Repository::new();
    repository.commit("a.py", "");
    let bin = repository.folder.path().join(".venv/bin");
    std::fs::create_dir_all(&bin).unwrap();
    let planted = bin.join("git");
    std::fs::write(&planted, format!("#!/bin/sh\ntouch {}/ran\n", bin.display())).unwrap();
    std::fs::set_permissions(&planted, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut host = repository.host.clone();
    let path = format!("{}:{}", bin.display(), host.var("PATH").unwrap());
    host.env.insert("PATH".into(), path);
    let state = Git::new(repository.folder.path(), &host).state(&host).await;
    assert_eq!(state.branch.as_deref(), Some("main"));
    assert!(!bin.join("ran").exists());
}
