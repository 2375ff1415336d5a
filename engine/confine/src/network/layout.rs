//! Which address inside a Cell stands for which destination. Made from the specification alone, so that the helper and the
//! engine come to the same result.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Destination;

/// Answers what programs ask of a name server, over UDP and TCP.
pub(crate) const NAME_SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 64, 0, 53)), 53);

/// Granted names, from here upwards.
const NAMED: u32 = Ipv4Addr::new(127, 64, 1, 0).to_bits();

#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// Lower case.
    pub(super) names: BTreeMap<String, Ipv4Addr>,
    /// Each address to listen at, and the destination that it stands for, by its index.
    pub(crate) listeners: Vec<(SocketAddr, usize)>,
    /// Addresses that the loopback interface does not have by itself.
    pub(crate) foreign: Vec<IpAddr>,
}

impl Layout {
    pub(crate) fn new(destinations: &[Destination]) -> Self {
        let mut layout = Self::default();
        for (index, destination) in destinations.iter().enumerate() {
            let port = destination.port();
            let addresses = match destination {
                Destination::Host { host, .. } => vec![layout.address_of(host)],
                Destination::HostLoopback { .. } => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
                Destination::Below { .. } => Vec::new(),
            };
            for address in addresses {
                let listener = SocketAddr::new(address, port);
                // The first of two grants of the same destination counts.
                if !layout.listeners.iter().any(|(known, _)| *known == listener) {
                    layout.listeners.push((listener, index));
                }
            }
        }
        layout.listen_below(destinations);
        layout
    }

    /// A name may be granted by itself for one port and as one of many for another.
    fn listen_below(&mut self, destinations: &[Destination]) {
        for (name, address) in &self.names {
            for (index, destination) in destinations.iter().enumerate() {
                let listener = SocketAddr::new((*address).into(), destination.port());
                if is_below(name, destination) && !self.listeners.iter().any(|(known, _)| *known == listener) {
                    self.listeners.push((listener, index));
                }
            }
        }
    }

    fn address_of(&mut self, host: &str) -> IpAddr {
        if let Ok(address) = host.parse::<IpAddr>() {
            if !address.is_loopback() && !self.foreign.contains(&address) {
                self.foreign.push(address);
            }
            return address;
        }
        let next = Ipv4Addr::from_bits(NAMED + 1 + self.names.len() as u32);
        (*self.names.entry(canonical(host)).or_insert(next)).into()
    }

    /// Lines for `/etc/hosts`.
    pub(crate) fn hosts(&self) -> String {
        self.names.iter().fold(String::new(), |mut text, (name, address)| {
            // Writing to a text can't fail.
            let _ = writeln!(text, "{address} {name}");
            text
        })
    }
}

/// Lower case, without the dot at the end that makes a name absolute.
pub(super) fn canonical(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

pub(super) fn is_below(name: &str, destination: &Destination) -> bool {
    match destination {
        Destination::Below { domain, .. } => name
            .strip_suffix(&canonical(domain))
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str, port: u16) -> Destination {
        Destination::Host {
            host: host.into(),
            port,
            private: false,
        }
    }

    #[test]
    fn a_name_has_one_address_and_a_listener_for_each_port() {
        let layout = Layout::new(&[
            host("Db.example.com", 5432),
            host("db.example.com", 443),
            host("db.example.com", 443),
            host("10.1.2.3", 22),
            Destination::HostLoopback { port: 6379 },
            Destination::Below {
                domain: "example.com".into(),
                port: 8443,
                private: false,
            },
        ]);
        assert_eq!(layout.hosts(), "127.64.1.1 db.example.com\n");
        let listeners: Vec<_> = layout
            .listeners
            .iter()
            .map(|(address, index)| (address.to_string(), *index))
            .collect();
        let expected = [
            ("127.64.1.1:5432", 0),
            ("127.64.1.1:443", 1),
            ("10.1.2.3:22", 3),
            ("127.0.0.1:6379", 4),
            ("[::1]:6379", 4),
            ("127.64.1.1:8443", 5),
        ];
        assert_eq!(listeners, expected.map(|(address, index)| (address.to_owned(), index)));
        assert_eq!(layout.foreign, ["10.1.2.3".parse::<IpAddr>().unwrap()]);
    }
}
