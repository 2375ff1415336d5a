//! Host keys, keys and hosts that are not there.

use std::time::{Duration, Instant};

use tidegate_runner::ssh::{Connection, Endings, HostKeyPolicy, SshHost};
use tidegate_sandbox::{SshError, StopSource};

use crate::sshd::{Sshd, free_port, keygen, user};
use crate::{never, open, open_with, target};

fn text(error: SshError) -> String {
    match error {
        SshError::Unreachable(text)
        | SshError::HostKeyMismatch(text)
        | SshError::AuthenticationFailed(text)
        | SshError::Other(text) => text,
        error => panic!("{error:?}"),
    }
}

fn known_hosts(content: &str, hashed: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    std::fs::write(&file, content).unwrap();
    if hashed {
        // Its remarks about the file are no part of a test's output.
        let output = std::process::Command::new("ssh-keygen")
            .args(["-H", "-f"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success());
    }
    std::fs::read_to_string(file).unwrap()
}

#[tokio::test]
async fn a_pinned_key_of_any_type_is_the_one_that_is_negotiated() {
    let sshd = Sshd::start();
    for kind in ["ed25519", "rsa"] {
        let mut target = target(&sshd);
        target.host_keys = HostKeyPolicy::from_keys(&[sshd.host_key(kind)]).unwrap();
        open(&target).await.unwrap();
    }
}

#[tokio::test]
async fn known_hosts_holds_with_hashed_names_and_only_for_its_port() {
    let sshd = Sshd::start();
    let mut target = target(&sshd);
    let line = format!("{} {}\n", sshd.known_hosts_name(), sshd.host_key("rsa"));
    for hashed in [false, true] {
        let text = known_hosts(&line, hashed);
        assert_eq!(text.contains("127.0.0.1"), !hashed);
        target.host_keys = HostKeyPolicy::from_known_hosts(&text).unwrap();
        open(&target).await.unwrap();
    }
    let other_port = format!("127.0.0.1 {}\n", sshd.host_key("rsa"));
    target.host_keys = HostKeyPolicy::from_known_hosts(&other_port).unwrap();
    assert!(text(open(&target).await.unwrap_err()).contains("no key is pinned for [127.0.0.1]"));
}

#[tokio::test]
async fn a_wrong_host_key_is_named_with_the_line_that_would_pin_it() {
    let sshd = Sshd::with_host_keys(&["ed25519"]);
    let other = Sshd::with_host_keys(&["ed25519"]);
    let mut target = target(&sshd);
    target.host_keys = HostKeyPolicy::from_keys(&[other.host_key("ed25519")]).unwrap();
    let error = open(&target).await.unwrap_err();
    assert!(matches!(error, SshError::HostKeyMismatch(_)), "{error:?}");
    let text = text(error);
    assert!(
        text.starts_with(&format!("{} shows the key ssh-ed25519 SHA256:", sshd.label())),
        "{text}"
    );
    let first = text.lines().next().unwrap();
    assert!(first.contains(", but pinned is ssh-ed25519 SHA256:"), "{text}");
    assert!(
        text.contains(&format!("host-keys = [\"{}\"]", sshd.host_key("ed25519"))),
        "{text}"
    );
    assert!(
        text.contains(&format!("{} {}", sshd.known_hosts_name(), sshd.host_key("ed25519"))),
        "{text}"
    );
    assert!(!sshd.log().contains("Accepted"), "no authentication may follow");
}

#[tokio::test]
async fn a_key_of_another_type_than_the_pinned_one_is_a_mismatch_too() {
    let sshd = Sshd::with_host_keys(&["rsa"]);
    let other = Sshd::with_host_keys(&["ed25519"]);
    let mut target = target_without_pin(&sshd);
    target.host_keys = HostKeyPolicy::from_keys(&[other.host_key("ed25519")]).unwrap();
    let text = text(open(&target).await.unwrap_err());
    assert!(text.contains("shows the key ssh-rsa SHA256:"), "{text}");
}

fn target_without_pin(sshd: &Sshd) -> tidegate_runner::ssh::SshTarget {
    tidegate_runner::ssh::SshTarget {
        name: "staging".into(),
        hosts: vec![SshHost::parse(&sshd.label()).unwrap()],
        key: sshd.user_key().into(),
        passphrase: None,
        host_keys: HostKeyPolicy::default(),
        connect_timeout: Duration::from_secs(20),
        keepalive: Duration::from_secs(15),
    }
}

#[tokio::test]
async fn without_any_pin_nothing_is_trusted_and_a_revoked_key_never_is() {
    let sshd = Sshd::start();
    let mut target = target_without_pin(&sshd);
    assert!(text(open(&target).await.unwrap_err()).contains("no key is pinned"));
    let (name, key) = (sshd.known_hosts_name(), sshd.host_key("ed25519"));
    let lines = format!("{name} {key}\n@revoked {name} {key}\n");
    target.host_keys = HostKeyPolicy::from_known_hosts(&lines).unwrap();
    assert!(text(open(&target).await.unwrap_err()).contains("which is revoked"));
    target.host_keys = HostKeyPolicy::from_known_hosts(&format!("@cert-authority {name} {key}\n")).unwrap();
    assert!(text(open(&target).await.unwrap_err()).contains("only a @cert-authority is pinned"));
}

#[tokio::test]
async fn keys_of_every_type_log_in_also_encrypted() {
    let sshd = Sshd::start();
    for kind in ["ecdsa", "rsa", "ed25519"] {
        let mut target = target(&sshd);
        target.key = sshd.authorized_key(kind, "a passphrase").into();
        target.passphrase = Some("a passphrase".to_owned().into());
        open(&target).await.unwrap();
        target.passphrase = Some("another".to_owned().into());
        assert_eq!(
            text(open(&target).await.unwrap_err()),
            "the key of target \"staging\" can't be used: its passphrase is wrong"
        );
    }
}

#[tokio::test]
async fn a_key_that_is_not_authorized_is_named_with_the_line_to_add() {
    let sshd = Sshd::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    keygen(&file, "ed25519", "");
    let mut target = target(&sshd);
    target.key = std::fs::read_to_string(&file).unwrap().into();
    let error = open(&target).await.unwrap_err();
    assert!(matches!(error, SshError::AuthenticationFailed(_)), "{error:?}");
    let text = text(error);
    let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
    assert!(text.contains("refused the key ssh-ed25519 SHA256:"), "{text}");
    assert!(text.contains(&format!("for user {}", user())), "{text}");
    assert!(text.ends_with(public.trim()), "{text}");
}

#[tokio::test]
async fn what_is_not_there_says_why() {
    let sshd = Sshd::start();
    let mut target = target(&sshd);
    let mut reach = async |label: String| {
        target.hosts = vec![SshHost::parse(&label).unwrap()];
        match Connection::open(&target, &target.hosts[0], never(), Endings::default())
            .await
            .unwrap_err()
        {
            SshError::Unreachable(text) => text,
            error => panic!("{error:?}"),
        }
    };
    assert!(
        reach(format!("a@127.0.0.1:{}", free_port()))
            .await
            .contains("connection refused")
    );
    assert!(reach("a@no-such-host.invalid".into()).await.contains("has no address"));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let label = format!("a@127.0.0.1:{}", silent.local_addr().unwrap().port());
    target.connect_timeout = Duration::from_secs(1);
    target.hosts = vec![SshHost::parse(&label).unwrap()];
    assert!(text(open(&target).await.unwrap_err()).ends_with("no answer within 1 s"));
}

#[tokio::test]
async fn a_stop_ends_the_wait_for_a_silent_host() {
    let sshd = Sshd::start();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut target = target(&sshd);
    target.hosts = vec![SshHost::parse(&format!("a@127.0.0.1:{}", silent.local_addr().unwrap().port())).unwrap()];
    let (source, stop) = StopSource::new();
    let started = Instant::now();
    let (opened, ()) = tokio::join!(open_with(&target, stop), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        source.request();
    });
    assert_eq!(opened.unwrap_err(), SshError::Stopping);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_dropped_connection_is_closed_on_the_other_side() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    assert!(sshd.busy() > 0);
    drop(connection);
    let deadline = Instant::now() + Duration::from_secs(10);
    while sshd.busy() > 0 {
        assert!(Instant::now() < deadline, "the server still has the connection");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
