//! Uploads: what arrives, what is sent, what is left alone.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidegate_runner::ssh::{Connection, Exclude};
use tidegate_sandbox::{SshError, SshExec, SshLine, StopSource};

use crate::sshd::Sshd;
use crate::{open, open_with, target};

async fn upload(connection: &Connection, local: &Path, remote: &Path, exclude: &[&str]) -> Result<u64, SshError> {
    let exclude: Vec<String> = exclude.iter().map(ToString::to_string).collect();
    connection
        .upload(
            by_path_only(local),
            remote.to_str().unwrap(),
            Exclude::parse(&exclude)?,
            |_, _| {},
        )
        .await
}

/// As a View opens it.
fn by_path_only(path: &Path) -> OwnedFd {
    let flags = nix::libc::O_PATH;
    fs::File::options()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .unwrap()
        .into()
}

fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Everything in a folder: kind, executable bit, content or target.
fn tree(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let what = if metadata.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else if metadata.is_symlink() {
                format!("link {}", fs::read_link(&path).unwrap().display())
            } else {
                format!(
                    "{:o} {}",
                    metadata.permissions().mode() & 0o111,
                    fs::read_to_string(&path).unwrap()
                )
            };
            found.insert(path.strip_prefix(root).unwrap().to_path_buf(), what);
        }
    }
    found
}

fn odd_tree() -> TempDir {
    let local = tempfile::tempdir().unwrap();
    let long = "l".repeat(250);
    let names = [
        "plain.txt",
        "with space",
        "it's",
        "double\"quote",
        "new\nline",
        "back\\slash",
        "tab\tand\rreturn",
        "-rf",
        "--help",
        "*?[x]",
        "$(id)`id`",
        "ünïcödé",
        ".hidden",
        "a:b",
        "~",
        &long,
    ];
    for folder in ["", "sub/", "sub/de ep/", "-d/", "new\nfolder/"] {
        for name in names {
            put(
                local.path(),
                &format!("{folder}{name}"),
                &format!("content of {folder}{name}"),
            );
        }
    }
    fs::set_permissions(local.path().join("sub/-rf"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(local.path().join("empty")).unwrap();
    symlink("plain.txt", local.path().join("link")).unwrap();
    symlink("../with space", local.path().join("sub/-link\n")).unwrap();
    symlink("sub", local.path().join("to folder")).unwrap();
    symlink("missing", local.path().join("dangling")).unwrap();
    local
}

#[tokio::test]
async fn the_first_upload_sends_all_and_the_second_nothing() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let local = odd_tree();
    let remote = sshd.files().join("re lease/-1");
    let seen = Mutex::new(Vec::new());
    let sent = connection
        .upload(
            by_path_only(local.path()),
            remote.to_str().unwrap(),
            Exclude::parse(&[]).unwrap(),
            |done, total| seen.lock().unwrap().push((done, total)),
        )
        .await
        .unwrap();
    let expected = tree(local.path());
    assert_eq!(tree(&remote), expected);
    let size: u64 = expected
        .keys()
        .map(|path| fs::symlink_metadata(local.path().join(path)).unwrap())
        .filter(fs::Metadata::is_file)
        .map(|metadata| metadata.len())
        .sum();
    assert_eq!(sent, size);
    let seen = seen.into_inner().unwrap();
    assert_eq!((seen[0], seen[seen.len() - 1]), ((0, size), (size, size)));
    assert!(seen.is_sorted());

    let before = fs::metadata(remote.join("plain.txt")).unwrap().ino();
    assert_eq!(upload(&connection, local.path(), &remote, &[]).await, Ok(0));
    assert_eq!(fs::metadata(remote.join("plain.txt")).unwrap().ino(), before);
    assert_eq!(tree(&remote), expected);
}

#[tokio::test]
async fn only_changes_are_sent_and_what_is_gone_here_goes_there() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let local = odd_tree();
    let remote = sshd.files().join("r");
    upload(&connection, local.path(), &remote, &[]).await.unwrap();
    put(local.path(), "sub/it's", "changed");
    put(local.path(), "added/deep/x", "added");
    fs::set_permissions(local.path().join("-rf"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_dir_all(local.path().join("new\nfolder")).unwrap();
    fs::remove_file(local.path().join("sub/new\nline")).unwrap();
    // Each becomes another kind of thing.
    fs::remove_file(local.path().join("plain.txt")).unwrap();
    put(local.path(), "plain.txt/x", "a folder now");
    fs::remove_dir_all(local.path().join("-d")).unwrap();
    put(local.path(), "-d", "a file now");
    fs::remove_file(local.path().join("to folder")).unwrap();
    symlink("empty", local.path().join("to folder")).unwrap();
    fs::remove_file(local.path().join("~")).unwrap();
    symlink("sub", local.path().join("~")).unwrap();
    fs::remove_file(local.path().join("dangling")).unwrap();
    put(local.path(), "dangling", "no link now");
    let sent = upload(&connection, local.path(), &remote, &[]).await.unwrap();
    assert_eq!(tree(&remote), tree(local.path()));
    let contents = [
        "changed",
        "added",
        "content of -rf",
        "a folder now",
        "a file now",
        "no link now",
    ];
    assert_eq!(sent, contents.map(str::len).iter().sum::<usize>() as u64);
}

#[tokio::test]
async fn a_hard_linked_older_release_stays_as_it_was() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let local = tempfile::tempdir().unwrap();
    put(local.path(), "app.py", "one");
    put(local.path(), "run", "same");
    let [first, second] = ["1", "2"].map(|name| sshd.files().join(name));
    upload(&connection, local.path(), &first, &[]).await.unwrap();
    let copy = SshLine::Argv(
        ["cp", "-al", "--", first.to_str().unwrap(), second.to_str().unwrap()]
            .map(Into::into)
            .into(),
    );
    let exec = SshExec {
        line: copy,
        stdin: Vec::new(),
        timeout_ms: None,
    };
    assert_eq!(connection.exec(exec, |_, _| {}).await.unwrap().exit_code, 0);
    let old = tree(&first);
    put(local.path(), "app.py", "two");
    fs::set_permissions(local.path().join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    upload(&connection, local.path(), &second, &[]).await.unwrap();
    assert_eq!(tree(&second), tree(local.path()));
    assert_eq!(tree(&first), old);
}

#[tokio::test]
async fn what_is_excluded_is_neither_sent_nor_removed() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let local = tempfile::tempdir().unwrap();
    for path in ["app.py", "app.pyc", "media/here.png", "sub/media/kept.png", "keep.pyc"] {
        put(local.path(), path, path);
    }
    // Not sendable at all, but excluded.
    symlink("/etc", local.path().join("media/out")).unwrap();
    let remote = sshd.files().join("r");
    put(&remote, "media/there.png", "there");
    put(&remote, "old/cache.pyc", "there");
    put(&remote, "old/code.py", "there");
    upload(&connection, local.path(), &remote, &["/media/", "*.pyc", "!keep.pyc"])
        .await
        .unwrap();
    let expected: Vec<PathBuf> = [
        "app.py",
        "keep.pyc",
        "media",
        "media/there.png",
        "old",
        "old/cache.pyc",
        "sub",
        "sub/media",
        "sub/media/kept.png",
    ]
    .map(PathBuf::from)
    .into();
    assert_eq!(tree(&remote).into_keys().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn links_out_and_devices_are_refused_by_name_before_anything_is_sent() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let remote = sshd.files().join("r");
    let refused = async |local: &TempDir, what: &str| match upload(&connection, local.path(), &remote, &[]).await {
        Err(SshError::Other(text)) => assert!(text.contains(what), "{text}"),
        other => panic!("{other:?}"),
    };
    for out in ["/etc/passwd", "../../outside", "sub/../../.."] {
        let local = tempfile::tempdir().unwrap();
        fs::create_dir(local.path().join("sub")).unwrap();
        symlink(out, local.path().join("sub/bad")).unwrap();
        refused(&local, "the link \"sub/bad\" leads out of the uploaded folder").await;
    }
    let local = tempfile::tempdir().unwrap();
    let pipe = local.path().join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    refused(&local, "\"pipe\" is no file, folder or link").await;
    assert!(!remote.exists());
}

#[tokio::test]
async fn a_link_there_is_never_written_through() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let local = tempfile::tempdir().unwrap();
    put(local.path(), "static/app.js", "ours");
    put(local.path(), "conf", "ours");
    let (remote, elsewhere) = (sshd.files().join("r"), sshd.files().join("elsewhere"));
    put(&elsewhere, "app.js", "theirs");
    put(&elsewhere, "conf", "theirs");
    fs::create_dir(&remote).unwrap();
    symlink(&elsewhere, remote.join("static")).unwrap();
    symlink(elsewhere.join("conf"), remote.join("conf")).unwrap();
    let before = tree(&elsewhere);
    upload(&connection, local.path(), &remote, &[]).await.unwrap();
    assert_eq!(tree(&remote), tree(local.path()));
    assert_eq!(tree(&elsewhere), before);
}

#[tokio::test]
async fn an_open_folder_is_sent_whatever_takes_its_place() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let local = tempfile::tempdir().unwrap();
    put(local.path(), "meant/a", "1");
    put(local.path(), "other/a", "two");
    let opened = by_path_only(&local.path().join("meant"));
    fs::rename(local.path().join("meant"), local.path().join("moved")).unwrap();
    symlink("other", local.path().join("meant")).unwrap();
    let remote = sshd.files().join("r");
    let all = Exclude::parse(&[]).unwrap();
    let sent = connection
        .upload(opened, remote.to_str().unwrap(), all, |_, _| {})
        .await;
    assert_eq!(sent, Ok(1));
    assert_eq!(tree(&remote), tree(&local.path().join("moved")));
}

#[tokio::test]
async fn a_single_file_is_sent_once() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let local = tempfile::tempdir().unwrap();
    put(local.path(), "tool", "#!/bin/sh\n");
    let file = local.path().join("tool");
    let remote = sshd.files().join("-tool it's");
    assert_eq!(upload(&connection, &file, &remote, &[]).await, Ok(10));
    assert_eq!(upload(&connection, &file, &remote, &[]).await, Ok(0));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(upload(&connection, &file, &remote, &[]).await, Ok(10));
    assert_eq!(fs::metadata(&remote).unwrap().permissions().mode() & 0o111, 0o111);
    assert!(matches!(
        upload(&connection, &file, &sshd.files(), &[]).await,
        Err(SshError::RemoteIo(_))
    ));
    let device = upload(&connection, Path::new("/dev/null"), &remote, &[]).await;
    assert!(matches!(device, Err(SshError::Other(_))), "{device:?}");
}

#[tokio::test]
async fn a_place_that_is_no_folder_and_a_place_that_is_not_writable_are_remote_errors() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let local = tempfile::tempdir().unwrap();
    put(local.path(), "a", "1");
    put(&sshd.files(), "file", "there");
    for (place, said) in [
        (sshd.files().join("file"), "is no folder"),
        ("/proc/no".into(), "/proc/no"),
    ] {
        match upload(&connection, local.path(), &place, &[]).await {
            Err(SshError::RemoteIo(text)) => assert!(text.contains(said), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_stopped_upload_leaves_the_old_files_and_the_next_one_cleans_up() {
    let sshd = Sshd::start();
    let (source, stop) = StopSource::new();
    let connection = open_with(&target(&sshd), stop).await.unwrap();
    let local = tempfile::tempdir().unwrap();
    let remote = sshd.files().join("r");
    put(local.path(), "app.py", "old");
    upload(&connection, local.path(), &remote, &[]).await.unwrap();
    let old = tree(&remote);
    put(local.path(), "app.py", "new");
    fs::write(local.path().join("large"), vec![b'x'; 50_000_000]).unwrap();
    let begun = Instant::now();
    let result = connection
        .upload(
            by_path_only(local.path()),
            remote.to_str().unwrap(),
            Exclude::parse(&[]).unwrap(),
            |done, _| {
                if done > 1_000_000 {
                    source.request();
                }
            },
        )
        .await;
    assert_eq!(result, Err(SshError::Stopping));
    assert!(begun.elapsed() < Duration::from_secs(30));
    let kept: BTreeMap<_, _> = tree(&remote)
        .into_iter()
        .filter(|(path, _)| !path.starts_with_temporary())
        .collect();
    assert_eq!(kept, old);
    assert_eq!(upload(&connection, local.path(), &remote, &[]).await, Ok(50_000_003));
    assert_eq!(tree(&remote), tree(local.path()));
}

/// What an interrupted upload may leave behind.
trait Temporary {
    fn starts_with_temporary(&self) -> bool;
}

impl Temporary for PathBuf {
    fn starts_with_temporary(&self) -> bool {
        self.to_str().is_some_and(|path| path.starts_with(".tidegate-upload-"))
    }
}

#[tokio::test]
async fn thousands_of_files_take_no_process_each() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let local = tempfile::tempdir().unwrap();
    for number in 0..3000 {
        put(
            local.path(),
            &format!("{}/file-{number}.txt", number % 30),
            &number.to_string(),
        );
    }
    let remote = sshd.files().join("r");
    let begun = Instant::now();
    upload(&connection, local.path(), &remote, &[]).await.unwrap();
    assert_eq!(upload(&connection, local.path(), &remote, &[]).await, Ok(0));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(tree(&remote).len(), 3030);
}
