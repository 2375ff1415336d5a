//! Names to addresses, and which of them may be used.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use tidegate_confine::is_public;

/// Resolves with the system's resolver and gives out only addresses that may be used, so the address that is checked is the
/// one that is connected to. A URL with an address in it never comes here: granting it names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CheckingResolver;

/// The name is granted, the address behind it is not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name} resolves to {address}, which is not on the public Internet")]
pub(super) struct NotPublic {
    pub(super) name: String,
    pub(super) address: IpAddr,
}

impl Resolve for CheckingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            // The port is set by the connector.
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let addresses: Addrs = Box::new(usable(&name, addresses)?.into_iter());
            Ok(addresses)
        })
    }
}

/// All addresses if each may be used. One private address among public ones refuses the name: which of them would be
/// connected to is chance, and an honest name has no such mixture.
fn usable(name: &str, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotPublic> {
    let may = |address: IpAddr| {
        if is_localhost(name) {
            address.is_loopback()
        } else {
            is_public(address)
        }
    };
    match addresses.iter().find(|address| !may(address.ip())) {
        Some(address) => Err(NotPublic {
            name: name.into(),
            address: address.ip(),
        }),
        None => Ok(addresses),
    }
}

/// The one name that says itself that it is this machine (RFC 6761).
fn is_localhost(name: &str) -> bool {
    name == "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(name: &str, addresses: &[&str]) -> bool {
        usable(
            name,
            addresses
                .iter()
                .map(|text| SocketAddr::new(text.parse().unwrap(), 0))
                .collect(),
        )
        .is_ok()
    }

    #[test]
    fn a_name_may_not_lead_inside() {
        assert!(allowed("example.com", &["1.1.1.1", "2606:4700::1111"]));
        assert!(!allowed("example.com", &["127.0.0.1"]));
        assert!(!allowed("example.com", &["1.1.1.1", "169.254.169.254"]));
        assert!(!allowed("localhost.example.com", &["127.0.0.1"]));
    }

    #[test]
    fn localhost_is_this_machine_and_nothing_else() {
        assert!(allowed("localhost", &["::1", "127.0.0.1"]));
        assert!(!allowed("localhost", &["10.0.0.1"]));
    }
}
