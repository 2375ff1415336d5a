//! Single files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use tidegate_sandbox::SshError;

use crate::sshd::Sshd;
use crate::{open, target};

#[tokio::test]
async fn what_is_written_is_read_whatever_the_name_is() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    for (name, content) in [
        ("plain", vec![0, 255, 10]),
        ("it's a\nname", Vec::new()),
        ("-rf ü", vec![7; 3_000_000]),
    ] {
        let path = sshd.files().join(name);
        let remote = path.to_str().unwrap();
        connection.write_file(remote, content.clone(), 0o640).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
        assert!(connection.read_file(remote).await.unwrap() == content);
    }
    assert_eq!(
        fs::read_dir(sshd.files()).unwrap().count(),
        3,
        "nothing temporary stays"
    );
}

#[tokio::test]
async fn a_write_replaces_the_file_and_not_what_is_linked_to_it() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let [file, hard, soft] = ["file", "hard", "soft"].map(|name| sshd.files().join(name));
    fs::write(&file, "old").unwrap();
    fs::hard_link(&file, &hard).unwrap();
    symlink("hard", &soft).unwrap();
    for path in [&file, &soft] {
        connection
            .write_file(path.to_str().unwrap(), b"new".to_vec(), 0o600)
            .await
            .unwrap();
        assert_eq!(fs::read(path).unwrap(), b"new");
    }
    assert_eq!(fs::read(hard).unwrap(), b"old");
}

#[tokio::test]
async fn mistakes_are_errors_that_say_what_the_host_said() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let files = sshd.files();
    let at = |name: &str| files.join(name).to_str().unwrap().to_owned();
    let said = |result: Result<(), SshError>, what: &str| match result {
        Err(SshError::RemoteIo(text)) => assert!(text.contains(what), "{text}"),
        other => panic!("{other:?}"),
    };
    said(connection.read_file(&at("missing")).await.map(drop), "missing");
    said(connection.write_file(&at("no/folder"), vec![1], 0o600).await, "no/");
    said(
        connection.write_file(files.to_str().unwrap(), vec![1], 0o600).await,
        "is a folder",
    );
    fs::write(files.join("large"), vec![0; (8 << 20) + 1]).unwrap();
    said(
        connection.read_file(&at("large")).await.map(drop),
        "more than 8388608 bytes",
    );
    assert!(matches!(connection.read_file("").await, Err(SshError::Other(_))));
}
