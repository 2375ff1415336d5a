//! Where the gate leads connections at the degraded level: programs there have the host's resolver and its names.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use super::Destination;
use super::layout::{Layout, NAME_SERVER, canonical, is_below};
use super::names;
use crate::spec::Redirect;

/// `names`: the engine's name server. `forwarded`: its listener for everything else.
pub(crate) fn redirects(
    destinations: &[Destination],
    listed: &[Listed],
    names: SocketAddr,
    forwarded: SocketAddr,
) -> Vec<Redirect> {
    let configuration = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let servers = name_servers(&configuration).map(|server| SocketAddr::new(server, NAME_SERVER.port()));
    let to_names = servers.chain([NAME_SERVER]).map(|from| exactly(from, names));
    let layout = Layout::new(destinations);
    let laid_out = layout.listeners.iter().map(|(from, _)| *from);
    let known = laid_out.chain(listed.iter().map(|listed| listed.address));
    let known: Vec<_> = known.map(|from| exactly(from, forwarded)).collect();
    let below = destinations.iter().filter_map(|destination| match destination {
        Destination::Below { port, .. } => Some(Redirect {
            from: SocketAddr::new(names::BELOW.into(), *port),
            bits: names::BELOW_BITS,
            to: forwarded,
        }),
        _ => None,
    });
    to_names.chain(known).chain(below).collect()
}

/// A granted name that the machine's list of hosts has: programs take its address from there and ask nobody.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(super) address: SocketAddr,
    pub(super) destination: usize,
    pub(super) name: String,
}

pub(crate) fn listed(destinations: &[Destination]) -> Vec<Listed> {
    in_hosts(destinations, &fs::read_to_string("/etc/hosts").unwrap_or_default())
}

fn in_hosts(destinations: &[Destination], hosts: &str) -> Vec<Listed> {
    let mut found = Vec::new();
    for line in hosts.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(ip) = words.next().and_then(|ip| ip.parse::<IpAddr>().ok()) else {
            continue;
        };
        for name in words.map(canonical) {
            for (index, destination) in destinations.iter().enumerate() {
                let named = matches!(destination, Destination::Host { host, .. } if canonical(host) == name);
                if named || is_below(&name, destination) {
                    found.push(Listed {
                        address: SocketAddr::new(ip, destination.port()),
                        destination: index,
                        name: name.clone(),
                    });
                }
            }
        }
    }
    found
}

fn exactly(from: SocketAddr, to: SocketAddr) -> Redirect {
    let bits = if from.is_ipv4() { 32 } else { 128 };
    Redirect { from, bits, to }
}

/// Without one the resolver asks this machine (resolv.conf(5)).
fn name_servers(configuration: &str) -> impl Iterator<Item = IpAddr> {
    let mut servers: Vec<_> = configuration
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse().ok())
        .collect();
    if servers.is_empty() {
        servers.push([127, 0, 0, 1].into());
    }
    servers.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resolver_s_own_servers_lead_to_the_engine() {
        let found: Vec<_> = name_servers("# x\nsearch corp\nnameserver 10.0.0.2\nnameserver fd00::2\n").collect();
        assert_eq!(
            found,
            ["10.0.0.2", "fd00::2"].map(|server| server.parse::<IpAddr>().unwrap())
        );
        assert_eq!(name_servers("").count(), 1);
    }

    #[test]
    fn granted_names_of_the_machine_s_list_are_known() {
        let host = Destination::Host {
            host: "DB.corp".into(),
            port: 5432,
            private: true,
        };
        let below = Destination::Below {
            domain: "corp".into(),
            port: 443,
            private: true,
        };
        let hosts = "127.0.0.1 localhost # db.corp\n10.0.0.5\tdb.corp other\nnonsense db.corp\n";
        let listed = |port, destination| Listed {
            address: SocketAddr::from(([10, 0, 0, 5], port)),
            destination,
            name: "db.corp".into(),
        };
        assert_eq!(in_hosts(&[host, below], hosts), [listed(5432, 0), listed(443, 1)]);
    }

    #[test]
    fn a_domain_leads_all_of_its_addresses() {
        let below = Destination::Below {
            domain: "example.com".into(),
            port: 443,
            private: false,
        };
        let to = SocketAddr::from(([127, 0, 0, 1], 9));
        let made = redirects(&[below], &[], to, to);
        let covers = |address: &str| made.iter().any(|redirect| redirect.covers(address.parse().unwrap()));
        assert!(covers("127.64.128.1:443") && covers("127.64.255.7:443"));
        assert!(!covers("127.64.127.1:443") && !covers("127.64.128.1:80") && !covers("127.65.0.1:443"));
        assert!(covers("127.64.0.53:53"));
    }
}
