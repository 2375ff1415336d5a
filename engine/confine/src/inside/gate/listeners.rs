//! Who listens on this machine: the Cell's own programs, or others.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;

use super::tcp_table::{self, Listening};
use crate::inside::sweep;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Nobody,
    /// Every socket that could take the connection.
    Own,
    Others,
}

/// The kernel's mark of a Unix socket that listens.
const ACCEPTS: &str = "00010000";

/// Of a loopback address, among the descendants of `supervisor`.
pub(super) fn of_port(address: SocketAddr, supervisor: i32) -> Owner {
    owner(tcp_listeners(&tcp_table::listening(), address), supervisor)
}

/// Whether anybody listens at this very address, or at all of its family.
pub(super) fn has_tcp_listener(address: SocketAddr) -> bool {
    let (ip, port) = (address.ip().to_canonical(), address.port());
    tcp_table::listening().iter().any(|listening| {
        let at = listening.at.ip().to_canonical();
        listening.at.port() == port && (at == ip || at.is_unspecified() && at.is_ipv4() == ip.is_ipv4())
    })
}

/// Of a name without a file.
pub(super) fn of_name(name: &[u8], supervisor: i32) -> Owner {
    let table = fs::read("/proc/net/unix").unwrap_or_default();
    owner(unix_listeners(&table, name), supervisor)
}

fn owner(sockets: BTreeSet<u64>, supervisor: i32) -> Owner {
    if sockets.is_empty() {
        return Owner::Nobody;
    }
    let mut others = sockets;
    for process in sweep::find_descendants(supervisor) {
        let descriptors = fs::read_dir(format!("/proc/{process}/fd"))
            .into_iter()
            .flatten()
            .flatten();
        for descriptor in descriptors {
            let link = fs::read_link(descriptor.path()).unwrap_or_default();
            let socket = link
                .to_str()
                .and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']'));
            if let Some(socket) = socket.and_then(|socket| socket.parse().ok()) {
                others.remove(&socket);
            }
        }
    }
    if others.is_empty() { Owner::Own } else { Owner::Others }
}

/// By inode, all that could take a connection to this address.
fn tcp_listeners(listening: &[Listening], to: SocketAddr) -> BTreeSet<u64> {
    // IPv6 takes connections of IPv4 as well, where all addresses are meant.
    let takes = |at: &SocketAddr| at.ip().to_canonical() == to.ip() || at.ip().is_unspecified();
    let sockets = listening
        .iter()
        .filter(|one| one.at.port() == to.port() && takes(&one.at));
    sockets.map(|one| one.inode).collect()
}

/// A name can hold a line's end and so look like several lines. That only adds lines: the real one of another's socket stays.
fn unix_listeners(table: &[u8], name: &[u8]) -> BTreeSet<u64> {
    let shown: Vec<u8> = [b"\0", name]
        .concat()
        .iter()
        .map(|byte| if *byte == 0 { b'@' } else { *byte })
        .collect();
    let sockets = table.split(|byte| *byte == b'\n').filter_map(|line| {
        let front = line.strip_suffix(&shown[..])?.strip_suffix(b" ")?;
        let fields: Vec<_> = std::str::from_utf8(front).ok()?.split_whitespace().collect();
        match fields[..] {
            [_, _, _, ACCEPTS, _, _, inode] => inode.parse().ok(),
            _ => None,
        }
    });
    sockets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_at_all_addresses_takes_every_connection() {
        let listening: Vec<_> = [
            ("127.0.0.1:8080", 11),
            ("0.0.0.0:8080", 12),
            ("127.0.0.2:8080", 13),
            ("127.0.0.1:8081", 14),
            ("[::]:8080", 15),
            ("[::1]:8080", 16),
            ("[::ffff:127.0.0.1]:8080", 17),
        ]
        .map(|(at, inode)| Listening {
            at: at.parse().unwrap(),
            inode,
        })
        .into();
        let found = |to: &str| {
            tcp_listeners(&listening, to.parse().unwrap())
                .into_iter()
                .collect::<Vec<_>>()
        };
        assert_eq!(found("127.0.0.1:8080"), [11, 12, 15, 17]);
        assert_eq!(found("[::1]:8080"), [12, 15, 16]);
        assert_eq!(found("127.0.0.1:8082"), [0; 0]);
    }

    #[test]
    fn a_forged_line_does_not_take_the_real_one_away() {
        let table = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0: 00000002 00000000 00010000 0001 01 21 @host\n\
            0: 00000003 00000000 00000000 0001 03 22 @host\n\
            0: 00000002 00000000 00010000 0001 01 23 @a\n\
            0: 00000002 00000000 00010000 0001 01 23 @host\n\
            0: 00000002 00000000 00010000 0001 01 24 @own host\n";
        assert_eq!(unix_listeners(table, b"host"), [21, 23].into());
        assert_eq!(unix_listeners(table, b"own host"), [24].into());
        assert_eq!(unix_listeners(table, b"none"), [].into());
    }
}
