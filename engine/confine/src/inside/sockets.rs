//! Sockets in the Cell's network that the engine serves.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::loopback;
use crate::failure::{During, Failure, Step};
use crate::network::{Layout, NAME_SERVER};
use crate::spec::CellSpec;

/// The name server's sockets and the listeners, with the numbers of the listeners in the layout.
pub(super) fn open(spec: &CellSpec) -> Result<(Vec<OwnedFd>, Vec<usize>), Failure> {
    let layout = Layout::new(&spec.network);
    for (number, address) in layout.foreign.iter().enumerate() {
        loopback::add_address(number, *address).during(
            Step::Network,
            format_args!("can't have the address {address} in the cell"),
        )?;
    }
    let no_name_server = "can't have a name server in the cell";
    let mut sockets = vec![
        UdpSocket::bind(NAME_SERVER)
            .during(Step::Network, no_name_server)?
            .into(),
        TcpListener::bind(NAME_SERVER)
            .during(Step::Network, no_name_server)?
            .into(),
    ];
    let mut listeners = Vec::new();
    for (number, (address, _)) in layout.listeners.iter().enumerate() {
        match listen(*address) {
            Ok(listener) => {
                sockets.push(listener.into());
                listeners.push(number);
            }
            // A kernel without IPv6; programs find the same service at 127.0.0.1.
            Err(_) if is_second_loopback(address) => {}
            Err(error) => {
                return Err(error).during(Step::Network, format_args!("can't listen at {address} in the cell"));
            }
        }
    }
    Ok((sockets, listeners))
}

pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    if address.is_ipv6() {
        // The kernel takes a moment before it lets a new address be used.
        sockopt::set_ipv6_freebind(&socket, true)?;
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// As the standard library's listeners have it.
const BACKLOG: i32 = 128;

fn is_second_loopback(address: &SocketAddr) -> bool {
    matches!(address.ip(), IpAddr::V6(address) if address.is_loopback())
}
