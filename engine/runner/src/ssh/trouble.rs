//! The texts of everything that can go wrong while a connection is made: what happened, where, and what to do next.

use std::io::{self, ErrorKind};

use russh::keys::{HashAlg, PrivateKey, PublicKey};
use tidegate_sandbox::SshError;

use super::host::SshHost;
use super::host_keys::{HostKeyPolicy, Verdict};
use super::private_key::{self, InvalidPrivateKey};

pub(super) fn unknown_name(host: &SshHost, error: &io::Error) -> SshError {
    SshError::Unreachable(format!("the name {} of {host} has no address: {error}", host.host))
}

pub(super) fn unreachable(host: &SshHost, error: &io::Error) -> SshError {
    let why = match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused; does sshd run there, on this port?".to_owned(),
        ErrorKind::TimedOut => "no answer; is a firewall in between?".to_owned(),
        _ => error.to_string(),
    };
    SshError::Unreachable(format!("{host} at {}: {why}", host.address()))
}

pub(super) fn connect_timed_out(host: &SshHost, seconds: u64) -> SshError {
    SshError::Unreachable(format!("{host} at {}: no answer within {seconds} s", host.address()))
}

/// The other side took the connection and then spoke no SSH, or none that this engine speaks.
pub(super) fn no_handshake(host: &SshHost, error: &russh::Error) -> SshError {
    SshError::Unreachable(format!("{host} at {}: the handshake failed: {error}", host.address()))
}

pub(super) fn bad_key(target: &str, error: &InvalidPrivateKey) -> SshError {
    SshError::AuthenticationFailed(format!("the key of target {target:?} can't be used: {error}"))
}

pub(super) fn refused_key(host: &SshHost, key: &PrivateKey, more_needed: bool) -> SshError {
    let key_name = private_key::name(key);
    SshError::AuthenticationFailed(if more_needed {
        format!("{host} took the key {key_name} and wants a second factor, which a pipeline can't give")
    } else {
        format!(
            "{host} refused the key {key_name} for user {user}\n\
             add this line to .ssh/authorized_keys of {user} there:\n{line}",
            user = host.user,
            line = openssh(key.public_key()),
        )
    })
}

/// The host showed a key that is not one of the pinned ones.
pub(super) fn wrong_host_key(host: &SshHost, policy: &HostKeyPolicy, shown: &PublicKey, verdict: Verdict) -> SshError {
    let name = host.known_hosts_name();
    if verdict == Verdict::Revoked {
        return SshError::HostKeyMismatch(format!("{host} shows the key {}, which is revoked", named(shown)));
    }
    let mut text = format!("{host} shows the key {}", named(shown));
    let pinned: Vec<String> = policy.trusted(&name).map(named).collect();
    if !pinned.is_empty() {
        text += &format!(", but pinned is {}", pinned.join(" or "));
    } else if policy.has_authority(&name) {
        text += ", and only a @cert-authority is pinned, which is not supported";
    } else {
        text += &format!(", and no key is pinned for {name}");
    }
    text += &format!(
        "\nsomeone may be in between; if the host itself says that this is its key, pin it:\n\
         host-keys = [\"{key}\"]\nor in the known_hosts file:\n{name} {key}",
        key = openssh(shown),
    );
    SshError::HostKeyMismatch(text)
}

/// The host has no key of any type that is supported.
pub(super) fn no_common_host_key(host: &SshHost, theirs: &[String]) -> SshError {
    SshError::HostKeyMismatch(format!(
        "{host} offers host keys of the types {} only; ed25519, ecdsa and rsa with SHA-2 are supported",
        theirs.join(", ")
    ))
}

/// `ssh-ed25519 SHA256:…`
fn named(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256))
}

/// Type and key without the comment, as they stand in files.
fn openssh(key: &PublicKey) -> String {
    PublicKey::new(key.key_data().clone(), "")
        .to_openssh()
        .map_or_else(|_| named(key), |line| line.trim_end().to_owned())
}
