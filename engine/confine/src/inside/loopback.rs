//! The one interface of a Cell's network.

use std::ffi::c_ulong;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::AsRawFd;

/// In a new network namespace it is down.
pub(super) fn bring_up() -> io::Result<()> {
    let mut request = request("lo");
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    tell(&UdpSocket::bind("0.0.0.0:0")?, libc::SIOCSIFFLAGS, &request)
}

/// Gives it a further address. `number`: how many were added before.
pub(super) fn add_address(number: usize, address: IpAddr) -> io::Result<()> {
    match address {
        IpAddr::V4(address) => {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            let mut request = request(&format!("lo:{number}"));
            request.ifr_ifru.ifru_addr = internet(address);
            tell(&socket, libc::SIOCSIFADDR, &request)?;
            // Without it all of the address's old network class would be this machine.
            request.ifr_ifru.ifru_addr = internet(Ipv4Addr::BROADCAST);
            tell(&socket, SIOCSIFNETMASK, &request)
        }
        IpAddr::V6(address) => {
            let socket = UdpSocket::bind("[::]:0")?;
            let request = libc::in6_ifreq {
                ifr6_addr: libc::in6_addr {
                    s6_addr: address.octets(),
                },
                ifr6_prefixlen: Ipv6Addr::BITS,
                ifr6_ifindex: LOOPBACK,
            };
            tell(&socket, libc::SIOCSIFADDR, &request)
        }
    }
}

/// The loopback interface is the first one of every network namespace.
const LOOPBACK: libc::c_int = 1;

/// From the kernel's `linux/sockios.h`; the library has it for other systems only.
const SIOCSIFNETMASK: c_ulong = 0x891c;

fn internet(address: Ipv4Addr) -> libc::sockaddr {
    let mut data = [0; 14];
    // After two bytes of port.
    for (to, from) in data[2..].iter_mut().zip(address.octets()) {
        *to = from.cast_signed();
    }
    libc::sockaddr {
        sa_family: libc::AF_INET as libc::sa_family_t,
        sa_data: data,
    }
}

#[expect(unsafe_code, reason = "an interface's request is a union without a safe interface")]
fn request(name: &str) -> libc::ifreq {
    // SAFETY: an all-zero ifreq is a valid one: plain numbers and an empty name.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    request
}

#[expect(unsafe_code, reason = "ioctl has no safe interface")]
fn tell<T>(socket: &UdpSocket, what: c_ulong, request: &T) -> io::Result<()> {
    // SAFETY: the callers give the structure that each of these requests reads, and it lives until the call returns.
    match unsafe { libc::ioctl(socket.as_raw_fd(), what as _, request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
