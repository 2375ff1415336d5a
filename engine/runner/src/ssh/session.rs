//! What russh asks of a client: whether it trusts the host's key, and why a connection ended.

use std::sync::{Arc, Mutex};

use russh::client::{DisconnectReason, Handler};
use russh::keys::PublicKeyOrCertificate;
use tidegate_sandbox::SshError;

use super::host::SshHost;
use super::host_keys::{HostKeyPolicy, Verdict};
use super::trouble;

/// Checks the host's key, at the first key exchange and at every later one.
pub(super) struct Session {
    pub(super) policy: HostKeyPolicy,
    pub(super) host: SshHost,
    pub(super) notes: Notes,
}

/// What the session's task leaves behind for those who hold the connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    refused: Option<SshError>,
    ended: Option<String>,
}

impl Notes {
    /// Some if the host's key was refused.
    pub(super) fn refused(&self) -> Option<SshError> {
        self.lock().refused.clone()
    }

    /// The error for a connection that is gone, with the reason as far as it is known.
    pub(super) fn lost(&self, host: &SshHost) -> SshError {
        let noted = self.lock();
        let why = noted.ended.as_deref().unwrap_or("the other side closed the connection");
        SshError::Disconnected(format!("{host}: {why}"))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Noted> {
        // The two fields are independent, so a panic between them leaves nothing half done.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Handler for Session {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let key = shown.public_key();
        // Certificates are never offered; a host that sends one all the same must not pass by the key inside it.
        let verdict = match shown.certificate() {
            Some(_) => Verdict::Unknown,
            None => self.policy.judge(&self.host.known_hosts_name(), &key),
        };
        if verdict != Verdict::Trusted {
            self.notes.lock().refused = Some(trouble::wrong_host_key(&self.host, &self.policy, &key, verdict));
        }
        Ok(verdict == Verdict::Trusted)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        let (text, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                (format!("the other side ended the connection: {}", info.message), Ok(()))
            }
            DisconnectReason::Error(russh::Error::KeepaliveTimeout) => (
                "the other side answers no longer".into(),
                Err(russh::Error::KeepaliveTimeout),
            ),
            DisconnectReason::Error(error) => (format!("the connection broke: {error}"), Err(error)),
        };
        self.notes.lock().ended = Some(text);
        result
    }
}
