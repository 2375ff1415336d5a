//! Repositories as CI systems check them out.

use super::fixture::Fixture;

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
