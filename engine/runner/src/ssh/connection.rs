//! An authenticated connection to one host of a target.

use std::fmt;
use std::net::Shutdown;
use std::sync::Arc;

use russh::client::{AuthResult, Config, Handle, connect_stream};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use russh::{AlgorithmKind, Preferred};
use tidegate_sandbox::{SshError, Stop};
use tokio::net::TcpStream;

use super::endings::Endings;
use super::host::SshHost;
use super::limits::{CHANNEL_MESSAGES, KEEPALIVES_UNANSWERED};
use super::session::{Notes, Session};
use super::target::SshTarget;
use super::{private_key, trouble};
use crate::interrupt::Interrupt;

/// An authenticated connection. Dropping it closes it, whatever the other side does; a command that still runs there is
/// ended first.
pub struct Connection {
    pub(super) link: Arc<Link>,
    pub(super) host: SshHost,
    pub(super) stop: Stop,
    notes: Notes,
}

/// The connection itself, for its owner and for those who still have to end a command.
pub(super) struct Link {
    pub(super) handle: Handle<Session>,
    pub(super) endings: Endings,
    _socket: Socket,
}

/// A second handle of the socket. The first one belongs to a task of russh, which would go on until the other side
/// answers; shutting the socket down ends it.
struct Socket(std::net::TcpStream);

impl Drop for Socket {
    fn drop(&mut self) {
        // Fails only when the socket is closed already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Connection {
    /// Connects, checks the host's key, and authenticates with the target's key. `endings` counts the commands that are still
    /// being ended when nobody waits for them any more.
    ///
    /// # Errors
    ///
    /// `Unreachable`, `HostKeyMismatch`, `AuthenticationFailed` (also for a key that can't be read) and `Stopping`; the
    /// texts say what to do next.
    pub async fn open(target: &SshTarget, host: &SshHost, stop: Stop, endings: Endings) -> Result<Self, SshError> {
        let interrupt = Interrupt::from_now(&stop);
        tokio::select! {
            biased;
            () = interrupt.requested() => Err(SshError::Stopping),
            opened = tokio::time::timeout(target.connect_timeout, Self::try_open(target, host, stop, endings)) => {
                opened.unwrap_or_else(|_| Err(trouble::connect_timed_out(host, target.connect_timeout.as_secs())))
            }
        }
    }

    pub fn host(&self) -> &SshHost {
        &self.host
    }

    /// The error for a connection that is gone.
    pub(super) fn lost(&self) -> SshError {
        self.notes.lost(&self.host)
    }

    async fn try_open(target: &SshTarget, host: &SshHost, stop: Stop, endings: Endings) -> Result<Self, SshError> {
        // A key that can't be read is known before anything goes out.
        let key = private_key::read(&target.key, target.passphrase.as_ref().map(|p| p.as_str()))
            .map_err(|error| trouble::bad_key(&target.name, &error))?;
        let (stream, socket) = reach(host).await?;
        let notes = Notes::default();
        let session = Session {
            policy: target.host_keys.clone(),
            host: host.clone(),
            notes: notes.clone(),
        };
        let handle = match connect_stream(Arc::new(config(target, host)), stream, session).await {
            Ok(handle) => handle,
            Err(error) => return Err(notes.refused().unwrap_or_else(|| handshake_error(host, &error))),
        };
        let mut link = Link {
            handle,
            endings,
            _socket: socket,
        };
        authenticate(&mut link.handle, host, key, &notes).await?;
        Ok(Self {
            link: Arc::new(link),
            host: host.clone(),
            stop,
            notes,
        })
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

async fn authenticate(
    handle: &mut Handle<Session>,
    host: &SshHost,
    key: Arc<PrivateKey>,
    notes: &Notes,
) -> Result<(), SshError> {
    let hash = if key.algorithm().is_rsa() {
        // Servers that don't say which ones they take still take SHA-512; SHA-1 is never used.
        let offered = handle.best_supported_rsa_hash().await.map_err(|_| notes.lost(host))?;
        Some(offered.flatten().unwrap_or(HashAlg::Sha512))
    } else {
        None
    };
    match handle
        .authenticate_publickey(&host.user, PrivateKeyWithHashAlg::new(key.clone(), hash))
        .await
    {
        Ok(AuthResult::Success) => Ok(()),
        // A server that went away is no verdict about the key.
        Ok(AuthResult::Failure { .. }) if handle.is_closed() => Err(notes.lost(host)),
        Ok(AuthResult::Failure { partial_success, .. }) => Err(trouble::refused_key(host, &key, partial_success)),
        Err(_) => Err(notes.lost(host)),
    }
}

/// A socket to the first address that answers, and a second handle of it.
async fn reach(host: &SshHost) -> Result<(TcpStream, Socket), SshError> {
    let addresses = tokio::net::lookup_host((host.host.as_str(), host.port))
        .await
        .map_err(|error| trouble::unknown_name(host, &error))?;
    let mut last = std::io::Error::other("the name has no address");
    for address in addresses {
        match TcpStream::connect(address).await.and_then(doubled) {
            Ok(both) => return Ok(both),
            Err(error) => last = error,
        }
    }
    Err(trouble::unreachable(host, &last))
}

fn doubled(stream: TcpStream) -> std::io::Result<(TcpStream, Socket)> {
    // Commands and their answers are small; waiting to fill a packet would cost a round trip each.
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let second = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, Socket(second)))
}

fn config(target: &SshTarget, host: &SshHost) -> Config {
    let keys = target.host_keys.algorithms(&host.known_hosts_name());
    Config {
        preferred: Preferred {
            key: keys.into(),
            ..Preferred::DEFAULT
        },
        keepalive_interval: Some(target.keepalive),
        keepalive_max: KEEPALIVES_UNANSWERED,
        channel_buffer_size: CHANNEL_MESSAGES,
        ..Config::default()
    }
}

fn handshake_error(host: &SshHost, error: &russh::Error) -> SshError {
    match error {
        russh::Error::NoCommonAlgo {
            kind: AlgorithmKind::Key,
            theirs,
            ..
        } => trouble::no_common_host_key(host, theirs),
        error => trouble::no_handshake(host, error),
    }
}
