//! Where programs may connect to, by TCP.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Destination {
    /// A name, or an address (IPv6 without brackets). The engine resolves a name; answers that are not on the public Internet
    /// are refused unless `private`. An address is granted by being named.
    Host { host: String, port: u16, private: bool },
    /// Every name that ends in `.domain`.
    Below { domain: String, port: u16, private: bool },
    /// A service on the loopback of the machine: programs find it at the same port of their own.
    HostLoopback { port: u16 },
}

impl Destination {
    pub fn port(&self) -> u16 {
        match self {
            Self::Host { port, .. } | Self::Below { port, .. } | Self::HostLoopback { port } => *port,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Host { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Below { domain, port, .. } => write!(f, "*.{domain}:{port}"),
            Self::HostLoopback { port } => write!(f, "host-loopback:{port}"),
        }
    }
}
