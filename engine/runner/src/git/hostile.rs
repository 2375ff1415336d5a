//! Repositories that try to make the engine's git run something.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tidegate_sandbox::SourceError;

use super::fixture::{Fixture, paths};
use super::{Git, Seen};
use crate::Host;

/// Names of filters as a configuration writes them and as attributes do: what a list of `-c NAME=VALUE`, or of texts, misses.
const FILTERS: [(&str, &[u8], &[u8]); 7] = [
    ("plain", b"evil", b"evil"),
    ("dotted", b"evil.dotted", b"evil.dotted"),
    ("equals", b"a=b", b"a=b"),
    ("upper", b"EVIL", b"EVIL"),
    ("quoted", br#"q\"u\\o]te#;"#, br#"q"u\o]te#;"#),
    ("bytes", b"\xff\xfe", b"\xff\xfe"),
    ("nameless", b"", b""),
];

/// A repository whose configuration has a command wherever one is known to have a place; each leaves a file when it is run.
struct Hostile {
    repository: Fixture,
    ran: tempfile::TempDir,
}

impl Hostile {
    fn new() -> Self {
        let hostile = Self {
            repository: Fixture::new(),
            ran: tempfile::tempdir().unwrap(),
        };
        let mut attributes = b"* diff=evil\n".to_vec();
        let mut config = Vec::new();
        for (file, configured, attribute) in FILTERS {
            hostile.repository.commit(file, "one");
            attributes.extend([file.as_bytes(), b" filter=", attribute, b"\n"].concat());
            config.extend([b"[Filter \"", configured, b"\"]\n"].concat());
            config.extend(hostile.filter(file).into_bytes());
        }
        for file in ["included", "worktree"] {
            hostile.repository.commit(file, "one");
            attributes.extend(format!("{file} filter={file}\n").bytes());
            let text = format!("[filter \"{file}\"]\n{}", hostile.filter(file));
            std::fs::write(hostile.dot_git().join(format!("config.{file}")), text).unwrap();
        }
        hostile.add_hooks();
        config.extend(hostile.commands().into_bytes());
        let mut file = OpenOptions::new()
            .append(true)
            .open(hostile.dot_git().join("config"))
            .unwrap();
        file.write_all(&config).unwrap();
        std::fs::write(hostile.root().join(".gitattributes"), attributes).unwrap();
        for file in hostile.files() {
            std::fs::write(hostile.root().join(file), "changed").unwrap();
        }
        hostile
    }

    fn root(&self) -> &Path {
        self.repository.folder.path()
    }

    fn dot_git(&self) -> PathBuf {
        self.root().join(".git")
    }

    fn files(&self) -> BTreeSet<&'static str> {
        let named = FILTERS.iter().map(|(file, ..)| *file);
        named.chain(["included", "worktree"]).collect()
    }

    fn command(&self, name: &str) -> String {
        format!("touch {}/{name}; cat", self.ran.path().display())
    }

    fn filter(&self, file: &str) -> String {
        let command = self.command(file);
        format!("\tclean = \"{command}\"\n\tsmudge = \"{command}\"\n\tRequired\n")
    }

    fn add_hooks(&self) {
        for folder in ["hooks", "theirs"] {
            std::fs::create_dir_all(self.dot_git().join(folder)).unwrap();
            for hook in ["post-index-change", "reference-transaction", "pre-auto-gc"] {
                let path = self.dot_git().join(folder).join(hook);
                std::fs::write(&path, format!("#!/bin/sh\n{}\n", self.command("hook"))).unwrap();
                std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
            }
        }
    }

    fn commands(&self) -> String {
        let sections = [
            (
                "core",
                "fsmonitor pager sshCommand gitProxy askPass editor alternateRefsCommand",
            ),
            ("diff", "external"),
            ("diff \"evil\"", "command textconv"),
            ("filter \"long\"", "process"),
            ("credential", "helper"),
            ("gpg", "program"),
            ("gpg \"ssh\"", "program defaultKeyCommand"),
            ("pager", "diff ls-files rev-parse"),
            ("trailer \"sign\"", "command cmd"),
            ("uploadpack", "packObjectsHook"),
            ("remote \"origin\"", "uploadpack vcs proxy"),
            ("submodule \"x\"", "update"),
            ("sequence", "editor"),
            ("interactive", "diffFilter"),
            ("alias", "diff ls-files rev-parse describe"),
        ];
        let mut text = String::new();
        for (section, names) in sections {
            text += &format!("[{section}]\n");
            for name in names.split(' ') {
                text += &format!("\t{name} = \"{}\"\n", self.command(name));
            }
        }
        let theirs = self.dot_git().join("theirs");
        text += &format!("[core]\n\thooksPath = {}\n", theirs.display());
        text += "[include]\n\tpath = config.included\n[extensions]\n\tworktreeConfig\n";
        text + "[core]\n\trepositoryformatversion = 1\n[diff]\n\tignoreSubmodules = none\n\tsubmodule = log\n"
    }

    fn ran(&self) -> BTreeSet<String> {
        let left = std::fs::read_dir(self.ran.path()).unwrap().flatten();
        left.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }
}

/// What a stage could plant in the folder, or a clone could bring along, if git ran the commands of a configuration.
#[tokio::test]
async fn the_repository_makes_git_run_nothing() {
    let hostile = Hostile::new();
    let git = &hostile.repository.git;
    for base in [None, Some("main"), Some("@{upstream}")] {
        let changes = git.changed_since(base).await;
        if base.is_none() {
            let changes = changes.unwrap();
            let changed: BTreeSet<_> = changes.iter().map(|change| change.path.as_str()).collect();
            assert!(hostile.files().is_subset(&changed), "{changed:?}");
        }
        assert_eq!(hostile.ran(), BTreeSet::new(), "{base:?}");
    }
    let seen = git.look().await;
    assert_eq!((seen.state.branch.as_deref(), seen.unreadable), (Some("main"), None));
    assert_eq!(hostile.ran(), BTreeSet::new());
    // And the same folder is not as harmless as that to a git that is simply called.
    let ordinary = |args: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(args).current_dir(hostile.root()).output().unwrap();
    };
    ordinary(&["diff", "--name-status", "--no-ext-diff", "HEAD"]);
    ordinary(&["diff", "--no-ext-diff", "HEAD"]);
    ordinary(&["diff", "HEAD"]);
    ordinary(&["add", "."]);
    let (ran, files) = (hostile.ran(), hostile.files());
    let expected = files.into_iter().chain(["fsmonitor", "textconv", "hook"]);
    for name in expected {
        assert!(ran.contains(name), "{name} is not run by git: {ran:?}");
    }
}

/// A partial clone fetches what it lacks, by a transport that its configuration names.
#[tokio::test]
async fn what_a_partial_clone_lacks_is_not_fetched() {
    let repository = Fixture::new();
    let ran = tempfile::tempdir().unwrap();
    repository.commit("a.py", "one\ntwo\nthree\n");
    repository.run(&["mv", "a.py", "b.py"]);
    repository.commit("b.py", "one\ntwo\n3\n");
    let id = repository.run(&["rev-parse", "HEAD~1:a.py"]);
    let (folder, file) = id.trim().split_at(2);
    let objects = repository.folder.path().join(".git/objects");
    std::fs::remove_file(objects.join(folder).join(file)).unwrap();
    let url = format!("ext::touch {}/fetched", ran.path().display());
    for (key, value) in [
        ("remote.origin.url", url.as_str()),
        ("remote.origin.promisor", "true"),
        ("remote.origin.partialclonefilter", "blob:none"),
        ("protocol.ext.allow", "always"),
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
    ] {
        repository.run(&["config", key, value]);
    }
    let result = repository.git.changed_since(Some("HEAD~1")).await;
    assert!(
        matches!(&result, Err(SourceError::Other(reason)) if reason.contains(id.trim())),
        "{result:?}"
    );
    assert!(!ran.path().join("fetched").exists());
    let mut ordinary = std::process::Command::new("git");
    ordinary
        .args(["diff", "--name-status", "HEAD~1"])
        .current_dir(repository.folder.path());
    ordinary.output().unwrap();
    assert!(ran.path().join("fetched").exists(), "git does not fetch it either");
}

/// A submodule has a configuration and filters of its own.
#[tokio::test]
async fn a_submodule_makes_git_run_nothing() {
    let ran = tempfile::tempdir().unwrap();
    let inner = Fixture::new();
    inner.commit("a.py", "one");
    let repository = Fixture::new();
    let url = inner.folder.path().to_str().unwrap();
    repository.run(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        url,
        "sub",
    ]);
    repository.run(&["commit", "-q", "-m", "sub"]);
    repository.commit("b.py", "");
    let sub = repository.folder.path().join("sub");
    let command = format!("touch {}/ran; cat", ran.path().display());
    repository.run(&["-C", "sub", "config", "filter.evil.clean", &command]);
    repository.run(&["-C", "sub", "config", "core.fsmonitor", &command]);
    std::fs::write(sub.join(".gitattributes"), "*.py filter=evil\n").unwrap();
    std::fs::write(sub.join("a.py"), "two").unwrap();
    let changes = repository.git.changed_since(Some("HEAD")).await.unwrap();
    assert_eq!(changes, []);
    repository.run(&[
        "-C",
        "sub",
        "-c",
        "core.fsmonitor=",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "moved",
    ]);
    let _ = std::fs::remove_file(ran.path().join("ran"));
    let changes = repository.git.changed_since(Some("HEAD")).await.unwrap();
    assert_eq!(paths(&changes), ["sub"]);
    // The submodule's own folder is a project as well.
    let git = Git::new(&sub, &repository.host);
    assert_eq!(git.look().await.unreadable, None);
    git.changed_since(Some("HEAD~1")).await.unwrap();
    assert!(!ran.path().join("ran").exists());
}

/// A configuration can say that the files are elsewhere.
#[tokio::test]
async fn files_outside_of_the_repository_are_not_looked_at() {
    let repository = Fixture::new();
    repository.commit("a.py", "");
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("private"), "").unwrap();
    repository.run(&["config", "core.worktree", elsewhere.path().to_str().unwrap()]);
    let project = repository.folder.path().join("project");
    std::fs::create_dir(&project).unwrap();
    std::fs::write(project.join("mine"), "").unwrap();
    let git = Git::new(&project, &repository.host);
    let changes = git.changed_since(Some("HEAD")).await.unwrap();
    assert_eq!(paths(&changes), ["mine"]);
}

/// Files of a repository can have the form of another, bare one, with a configuration of its own.
#[tokio::test]
async fn a_folder_that_looks_like_a_repository_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = std::env::var("PATH").unwrap();
    let host = Host {
        env: BTreeMap::from([("PATH".to_owned(), path)]),
        ..Host::bare()
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
    assert_eq!(git.look().await, Seen::default());
    assert_eq!(git.changed_since(None).await, Err(SourceError::NotARepository));
}

/// An active environment of the workspace comes first on the PATH, and a package's setup may have put a `git` into it.
#[tokio::test]
async fn a_git_of_the_workspace_is_not_run() {
    let repository = Fixture::new();
    repository.commit("a.py", "");
    let bin = repository.folder.path().join(".venv/bin");
    std::fs::create_dir_all(&bin).unwrap();
    let planted = bin.join("git");
    std::fs::write(&planted, format!("#!/bin/sh\ntouch {}/ran\n", bin.display())).unwrap();
    std::fs::set_permissions(&planted, PermissionsExt::from_mode(0o755)).unwrap();
    let mut host = repository.host.clone();
    let path = format!("{}:{}", bin.display(), host.var("PATH").unwrap());
    host.env.insert("PATH".into(), path);
    let state = Git::new(repository.folder.path(), &host).look().await.state;
    assert_eq!(state.branch.as_deref(), Some("main"));
    assert!(!bin.join("ran").exists());
}
