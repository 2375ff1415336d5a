//! SSH against a real OpenSSH server.

mod connect;
mod exec;
mod files;
#[path = "../sshd/mod.rs"]
mod sshd;
mod upload;

use sshd::Sshd;
use tidegate_runner::ssh::{Connection, Endings, HostKeyPolicy, SshHost, SshTarget};
use tidegate_sandbox::{SshError, Stop, StopSource};

/// The server's one host, with its ed25519 key pinned and the key that may log in.
fn target(sshd: &Sshd) -> SshTarget {
    SshTarget {
        name: "staging".into(),
        hosts: vec![SshHost::parse(&sshd.label()).unwrap()],
        key: sshd.user_key().into(),
        passphrase: None,
        host_keys: HostKeyPolicy::from_keys(&[sshd.host_key("ed25519")]).unwrap(),
        connect_timeout: SshTarget::CONNECT_TIMEOUT,
        keepalive: SshTarget::KEEPALIVE,
    }
}

async fn open(target: &SshTarget) -> Result<Connection, SshError> {
    open_with(target, never()).await
}

async fn open_with(target: &SshTarget, stop: Stop) -> Result<Connection, SshError> {
    Connection::open(target, &target.hosts[0], stop, Endings::default()).await
}

/// A stop that is not requested as long as the test runs.
fn never() -> Stop {
    let (source, stop) = StopSource::new();
    std::mem::forget(source);
    stop
}
