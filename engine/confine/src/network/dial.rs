//! From a granted name to a connection, made by the engine.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::{Destination, is_public};
use crate::limits;

/// How often a wait looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// `host`: the name or address as the program sees it. An error's text is for people.
pub(super) fn dial(destination: &Destination, host: &str, wanted: &dyn Fn() -> bool) -> Result<TcpStream, String> {
    let addresses = match destination {
        Destination::HostLoopback { port } => [[127, 0, 0, 1].into(), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])]
            .map(|address| SocketAddr::new(address, *port))
            .to_vec(),
        Destination::Host { port, private, .. } => match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, *port)],
            Err(_) => usable(resolve(host, *port, wanted)?, host, *port, *private)?,
        },
        // Nobody has named an address: a program can ask for one that ends like the domain.
        Destination::Below { port, private, .. } => usable(resolve(host, *port, wanted)?, host, *port, *private)?,
    };
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        if !wanted() {
            return Err("its stage has ended".to_owned());
        }
        match TcpStream::connect_timeout(&address, limits::DIAL_TIME) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = io::Error::new(error.kind(), format!("{address}: {error}")),
        }
    }
    Err(last.to_string())
}

/// By the system's resolver, which can't be interrupted: a thread that is late speaks to nobody.
fn resolve(host: &str, port: u16, wanted: &dyn Fn() -> bool) -> Result<Vec<SocketAddr>, String> {
    let (sender, receiver) = mpsc::channel();
    let name = host.to_owned();
    std::thread::Builder::new()
        .name("resolve".to_owned())
        .spawn(move || {
            let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
            let _ = sender.send(found);
        })
        .map_err(|error| format!("no thread to look it up: {error}"))?;
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(Ok(addresses)) => return Ok(addresses),
            Ok(Err(error)) => return Err(format!("it could not be looked up: {error}")),
            Err(RecvTimeoutError::Timeout) if wanted() => {}
            Err(_) => return Err("its stage has ended".to_owned()),
        }
    }
}

/// All of them or none: which of several would be connected to is chance, and an honest name has no such mixture.
fn usable(addresses: Vec<SocketAddr>, host: &str, port: u16, private: bool) -> Result<Vec<SocketAddr>, String> {
    let nowhere = |address: IpAddr| address.is_unspecified() || address.is_multicast();
    let refused = addresses
        .iter()
        .map(SocketAddr::ip)
        .find(|address| nowhere(*address) || !(private || is_public(*address)));
    match refused {
        Some(address) if nowhere(address) => Err(format!("it resolves to {address}, which is no host")),
        Some(address) => Err(format!(
            "it resolves to {address}, which is not on the public Internet; if that is meant, grant it as \
             {{ to = \"{host}:{port}\", private = true }}"
        )),
        None => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts
            .iter()
            .map(|text| SocketAddr::new(text.parse().unwrap(), 443))
            .collect()
    }

    #[test]
    fn a_name_may_lead_inside_only_where_that_is_granted() {
        for inside in ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "fd00::1"] {
            let mixed = addresses(&["1.1.1.1", inside]);
            let error = usable(mixed.clone(), "db.corp", 443, false).unwrap_err();
            assert!(error.contains(inside) && error.contains("private = true"), "{error}");
            assert_eq!(usable(mixed.clone(), "db.corp", 443, true), Ok(mixed));
        }
        for nowhere in ["0.0.0.0", "::", "224.0.0.1"] {
            usable(addresses(&[nowhere]), "db.corp", 443, true).unwrap_err();
        }
        let public = addresses(&["1.1.1.1", "2606:4700::1111"]);
        assert_eq!(usable(public.clone(), "example.com", 443, false), Ok(public));
    }

    #[test]
    fn nobody_waits_for_what_is_not_wanted_any_more() {
        let destination = Destination::Host {
            host: "nobody.invalid".into(),
            port: 443,
            private: false,
        };
        let error = dial(&destination, "nobody.invalid", &|| false).unwrap_err();
        assert!(error.contains("ended") || error.contains("looked up"), "{error}");
    }
}
