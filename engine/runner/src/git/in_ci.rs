//! Repositories as CI systems check them out.

use tidegate_sandbox::SourceError;

use super::fixture::{Fixture, paths};

const OF_PULL_REQUEST: [(&str, &str); 3] = [
    ("GITHUB_REF", "refs/pull/1/merge"),
    ("GITHUB_HEAD_REF", "main"),
    ("GITHUB_BASE_REF", "release/1"),
];

#[tokio::test]
async fn a_pull_request_is_compared_with_its_base() {
    let repository = Fixture::pull_request();
    let git = repository.in_job(&OF_PULL_REQUEST);
    assert_eq!(git.look().await.state.branch, None, "the fork's branch is called main");
    // Neither with `main`, which is there, nor with a tag of the name.
    repository.run(&["tag", "release/1", "main"]);
    repository.run(&["tag", "origin/release/1", "main"]);
    let expected = "`release/1`, which the pull request is for, is not in this clone; fetch it (`git fetch origin \
                    release/1:refs/remotes/origin/release/1`) with a full history (on GitHub: `fetch-depth: 0`)";
    assert_eq!(
        git.changed_since(None).await,
        Err(SourceError::Shallow(expected.into()))
    );
    repository.run(&["branch", "release/1", "HEAD~2"]);
    assert_eq!(paths(&git.changed_since(None).await.unwrap()), ["change.py", "main.py"]);
    // The remote's is newer than a local one.
    repository.run(&["update-ref", "refs/remotes/origin/release/1", "main"]);
    assert_eq!(paths(&git.changed_since(None).await.unwrap()), ["change.py"]);
    assert_eq!(
        paths(&git.changed_since(Some("HEAD")).await.unwrap()),
        Vec::<&str>::new()
    );
}

/// Woodpecker resets the branch of the base's name to the change.
#[tokio::test]
async fn a_change_on_a_branch_of_the_base_s_name_is_not_the_base() {
    let repository = Fixture::pull_request();
    repository.run(&["checkout", "-q", "-B", "main"]);
    let git = repository.in_job(&[
        ("CI_PIPELINE_EVENT", "pull_request"),
        ("CI_COMMIT_BRANCH", "main"),
        ("CI_COMMIT_TARGET_BRANCH", "main"),
    ]);
    assert_eq!(git.look().await.state.branch, None);
    let result = git.changed_since(None).await;
    assert!(matches!(result, Err(SourceError::Shallow(_))), "{result:?}");
    repository.run(&["update-ref", "refs/remotes/origin/main", "HEAD^1"]);
    assert_eq!(paths(&git.changed_since(None).await.unwrap()), ["change.py"]);
}

#[tokio::test]
async fn a_ci_system_names_the_branch_of_a_commit() {
    let repository = Fixture::new();
    repository.commit("a.py", "");
    repository.run(&["tag", "main"]);
    let head = repository.run(&["rev-parse", "HEAD"]);
    let on_main = [("GITHUB_REF", "refs/heads/main"), ("GITHUB_SHA", head.trim())];
    // A tag of the same name takes nothing from a branch.
    assert_eq!(repository.git.look().await.state.branch.as_deref(), Some("main"));
    repository.run(&["checkout", "-q", "--detach"]);
    assert_eq!(repository.git.look().await.state.branch, None);
    assert_eq!(
        repository.in_job(&on_main).look().await.state.branch.as_deref(),
        Some("main")
    );
    let on_tag = [
        ("GITHUB_REF", "refs/tags/main"),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_REF_TYPE", "tag"),
    ];
    let state = repository.in_job(&on_tag).look().await.state;
    assert_eq!((state.branch, state.tag.as_deref()), (None, Some("main")));
    // What a job checks out beside what it was started for.
    repository.commit("b.py", "");
    assert_eq!(repository.in_job(&on_main).look().await.state.branch, None);
}

/// In a container the files are often another user's, which git refuses unless somebody says where the repository is.
#[tokio::test]
async fn a_repository_of_another_user_is_read() {
    let repository = Fixture::new();
    repository.commit("a.py", "");
    let bin = tempfile::tempdir().unwrap();
    let path = repository.host.var("PATH").unwrap();
    let suspicious = bin.path().join("git");
    let script = format!("#!/bin/sh\nPATH='{path}' GIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec git \"$@\"\n");
    std::fs::write(&suspicious, script).unwrap();
    std::fs::set_permissions(&suspicious, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let refused = std::process::Command::new(&suspicious)
        .args(["rev-parse", "HEAD"])
        .current_dir(repository.folder.path())
        .output()
        .unwrap();
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("dubious ownership"), "{refused}");
    let path = format!("{}:{path}", bin.path().display());
    let seen = repository.in_job(&[("PATH", &path)]).look().await;
    assert_eq!((seen.state.branch.as_deref(), seen.unreadable), (Some("main"), None));
}
