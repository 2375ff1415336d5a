//! Against the real git.

use std::collections::BTreeMap;

use tidegate_sandbox::ChangeKind;

use super::fixture::{Fixture, paths};
use super::*;

#[tokio::test]
async fn changes_of_a_branch_and_of_the_working_tree() {
    let repository = Fixture::new();
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
    assert_eq!(repository.git.look().await.state.branch.as_deref(), Some("topic"));
}

#[tokio::test]
async fn on_the_default_branch_it_is_the_last_commit() {
    let repository = Fixture::new();
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
    let repository = Fixture::new();
    repository.commit("a.py", "");
    for base in ["nope", "--output=/tmp/x", "-h"] {
        let result = repository.git.changed_since(Some(base)).await;
        assert!(matches!(result, Err(SourceError::UnknownBase(_))), "{base}: {result:?}");
    }
    let empty = tempfile::tempdir().unwrap();
    let outside = Git::new(empty.path(), &repository.host);
    assert_eq!(outside.changed_since(None).await, Err(SourceError::NotARepository));
    assert_eq!(outside.look().await, Seen::default());
}

#[tokio::test]
async fn a_shallow_clone_says_so() {
    let repository = Fixture::new();
    repository.commit("a.py", "");
    repository.commit("b.py", "");
    let clone = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repository.folder.path().display());
    repository.run(&["clone", "-q", "--depth", "1", &url, clone.path().to_str().unwrap()]);
    let result = Git::new(clone.path(), &repository.host).changed_since(None).await;
    assert!(matches!(result, Err(SourceError::Shallow(_))), "{result:?}");
}

/// Wherever and however a repository is kept.
#[tokio::test]
async fn every_kind_of_storage_is_read() {
    for (objects, refs) in [("sha1", "files"), ("sha256", "files"), ("sha1", "reftable")] {
        let repository = Fixture::new();
        let root = repository.folder.path();
        std::fs::remove_dir_all(root.join(".git")).unwrap();
        let formats = [format!("--object-format={objects}"), format!("--ref-format={refs}")];
        repository.run(&["init", "-q", "-b", "main", &formats[0], &formats[1]]);
        repository.commit("a.py", "");
        repository.commit("b.py", "");
        repository.run(&["pack-refs", "--all"]);
        repository.run(&["tag", "v1"]);
        let head = repository.run(&["rev-parse", "HEAD"]);
        let state = SourceState {
            commit: Some(head.trim().into()),
            branch: Some("main".into()),
            tag: Some("v1".into()),
        };
        let seen = repository.git.look().await;
        assert_eq!((seen.state, seen.unreadable), (state, None), "{formats:?}");
        assert_eq!(
            paths(&repository.git.changed_since(None).await.unwrap()),
            ["b.py"],
            "{formats:?}"
        );

        // A working tree of its own, and a project in a folder of it.
        let linked = tempfile::tempdir().unwrap();
        let tree = linked.path().join("tree");
        repository.run(&["worktree", "add", "-q", "-b", "topic", tree.to_str().unwrap()]);
        let project = tree.join("project");
        std::fs::create_dir(&project).unwrap();
        std::fs::write(project.join("c.py"), "").unwrap();
        let git = Git::new(&project, &repository.host);
        assert_eq!(git.look().await.state.branch.as_deref(), Some("topic"), "{formats:?}");
        assert_eq!(
            paths(&git.changed_since(Some("main")).await.unwrap()),
            ["c.py"],
            "{formats:?}"
        );
    }
}

#[tokio::test]
async fn a_sparse_working_tree_lacks_nothing() {
    let repository = Fixture::new();
    for folder in ["in", "out"] {
        std::fs::create_dir(repository.folder.path().join(folder)).unwrap();
        repository.commit(&format!("{folder}/a.py"), "");
    }
    repository.run(&["sparse-checkout", "set", "--sparse-index", "in"]);
    assert!(!repository.folder.path().join("out").exists());
    assert_eq!(repository.git.changed_since(Some("HEAD")).await, Ok(Vec::new()));
}

/// Line ends are converted by settings and attributes; a file that differs in nothing else has not changed.
#[tokio::test]
async fn line_ends_of_the_working_tree_are_no_change() {
    let repository = Fixture::new();
    repository.run(&["config", "core.autocrlf", "true"]);
    repository.commit("a.txt", "one\r\ntwo\r\n");
    let path = repository.folder.path().join("a.txt");
    // As after a copy: git has to look into it.
    std::fs::write(&path, "one\r\ntwo\r\n").unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(old)
        .unwrap();
    assert_eq!(repository.git.changed_since(Some("HEAD")).await, Ok(Vec::new()));
}

#[tokio::test]
async fn an_upstream_is_a_base() {
    let origin = Fixture::new();
    origin.commit("a.py", "");
    let clone = Fixture::new();
    clone.run(&["remote", "add", "origin", origin.folder.path().to_str().unwrap()]);
    clone.run(&["fetch", "-q", "origin"]);
    clone.run(&["checkout", "-q", "-b", "topic/x.y", "--track", "origin/main"]);
    clone.commit("b.py", "");
    assert_eq!(
        paths(&clone.git.changed_since(Some("@{upstream}")).await.unwrap()),
        ["b.py"]
    );
}

#[tokio::test]
async fn why_a_repository_can_t_be_read_is_told() {
    let repository = Fixture::new();
    repository.commit("a.py", "");
    let nowhere = tempfile::tempdir().unwrap();
    let path = nowhere.path().to_str().unwrap();
    let no_git = repository.in_job(&[("PATH", path), ("GITHUB_REF", "refs/heads/main")]);
    let seen = no_git.look().await;
    let reason = "there is no program `git` on the PATH";
    assert_eq!(seen.unreadable.as_deref(), Some(reason));
    assert_eq!(seen.state.branch.as_deref(), Some("main"), "the CI system says it");
    assert_eq!(no_git.changed_since(None).await, Err(SourceError::Other(reason.into())));

    // Without a repository nobody misses git.
    let outside = Git::new(
        nowhere.path(),
        &Host {
            env: BTreeMap::from([("PATH".into(), path.into())]),
            ..repository.host.clone()
        },
    );
    assert_eq!(outside.look().await, Seen::default());
    assert_eq!(outside.changed_since(None).await, Err(SourceError::NotARepository));

    let config = repository.folder.path().join(".git/config");
    std::fs::write(&config, "[core\n").unwrap();
    let reason = format!("bad config line 1 in file {}", config.canonicalize().unwrap().display());
    assert_eq!(repository.git.look().await.unreadable, Some(reason.clone()));
    assert_eq!(
        repository.git.changed_since(Some("HEAD")).await,
        Err(SourceError::Other(reason))
    );
    std::fs::write(&config, "[core]\nrepositoryformatversion = 7\n").unwrap();
    let reason = repository.git.look().await.unreadable.unwrap();
    assert!(reason.contains("Expected git repo version <= 1, found 7"), "{reason}");

    // A repository without commits is one.
    let empty = Fixture::new();
    let seen = empty.git.look().await;
    assert_eq!((seen.state.branch.as_deref(), seen.unreadable), (Some("main"), None));
}

/// What is in a folder of the project its programs can write, also while git reads it.
#[tokio::test]
async fn the_folder_for_git_is_outside_of_the_project() {
    let mut repository = Fixture::new();
    repository.commit("a.py", "");
    let inside = repository.folder.path().join("tmp");
    std::fs::create_dir(&inside).unwrap();
    repository.host.temp = inside.clone();
    let git = Git::new(repository.folder.path(), &repository.host);
    let watched = std::fs::metadata(&inside).unwrap().modified().unwrap();
    assert_eq!(git.look().await.unreadable, None);
    assert_eq!(std::fs::metadata(&inside).unwrap().modified().unwrap(), watched);
}
