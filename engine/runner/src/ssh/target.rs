//! A target: the hosts, the key and the host keys that a manifest and the user's configuration bind to one name.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::host::SshHost;
use super::host_keys::HostKeyPolicy;

/// Everything that a connection needs. A stage knows the name and the hosts' labels only.
#[derive(Clone)]
pub struct SshTarget {
    pub name: String,
    /// In the order of the manifest.
    pub hosts: Vec<SshHost>,
    /// The text of the private key.
    pub key: Zeroizing<String>,
    pub passphrase: Option<Zeroizing<String>>,
    pub host_keys: HostKeyPolicy,
    /// From the look-up of the name to the end of the authentication. [`SshTarget::CONNECT_TIMEOUT`] by default.
    pub connect_timeout: Duration,
    /// Silence after which the other side is asked whether it is still there; after three questions without an answer the
    /// connection is lost. [`SshTarget::KEEPALIVE`] by default.
    pub keepalive: Duration,
}

impl SshTarget {
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
    pub const KEEPALIVE: Duration = Duration::from_secs(15);

    /// The host that a stage named by its label.
    pub fn host(&self, label: &str) -> Option<&SshHost> {
        self.hosts.iter().find(|host| host.label == label)
    }
}

impl fmt::Debug for SshTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SshTarget")
            .field("name", &self.name)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}
