//! An address as a program gave it to `connect`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// The largest that the kernel takes (`sockaddr_storage`).
pub(super) const ADDRESS_BYTES: usize = 128;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Internet(SocketAddr),
    /// A path as it was given; it may be relative.
    Path(Vec<u8>),
    /// A name without a file, without the zero byte that it begins with.
    Abstract(Vec<u8>),
    /// AF_UNSPEC: ends a connection.
    Nothing,
}

impl Address {
    /// None for a family that nobody connects to, and for an address that is too short for its family.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (family, rest) = bytes.split_first_chunk()?;
        match i32::from(u16::from_ne_bytes(*family)) {
            libc::AF_UNSPEC => Some(Self::Nothing),
            libc::AF_UNIX => match rest {
                // No name at all is not one to connect to.
                [] => None,
                [0, name @ ..] => Some(Self::Abstract(name.to_vec())),
                path => {
                    let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
                    Some(Self::Path(path[..end].to_vec()))
                }
            },
            libc::AF_INET => {
                let (port, rest) = rest.split_first_chunk()?;
                let ip: &[u8; 4] = rest.first_chunk()?;
                let address = SocketAddrV4::new(Ipv4Addr::from(*ip), u16::from_be_bytes(*port));
                Some(Self::Internet(address.into()))
            }
            libc::AF_INET6 => {
                let (port, rest) = rest.split_first_chunk()?;
                let (flow, rest) = rest.split_first_chunk()?;
                let (ip, rest) = rest.split_first_chunk::<16>()?;
                let scope = rest.first_chunk().map_or(0, |scope| u32::from_ne_bytes(*scope));
                let ip = Ipv6Addr::from(*ip);
                let address = SocketAddrV6::new(ip, u16::from_be_bytes(*port), u32::from_be_bytes(*flow), scope);
                Some(Self::Internet(address.into()))
            }
            _ => None,
        }
    }
}

impl Address {
    /// All addresses of the machine.
    pub(super) fn is_everywhere(&self) -> bool {
        matches!(self, Self::Internet(at) if at.ip().to_canonical().is_unspecified())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internet(address) => write!(f, "{}", plain(*address)),
            Self::Path(path) => write!(f, "unix:{}", String::from_utf8_lossy(path)),
            Self::Abstract(name) => write!(f, "unix:@{}", String::from_utf8_lossy(name)),
            Self::Nothing => write!(f, "nothing"),
        }
    }
}

/// IPv4 however it was written, and the loopback address where none was given, as the kernel takes it.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip().to_canonical() {
        ip if !ip.is_unspecified() => ip,
        std::net::IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(family: libc::c_int, rest: &[u8]) -> Option<String> {
        let family = u16::try_from(family).unwrap().to_ne_bytes();
        Address::parse(&[&family, rest].concat()).map(|address| address.to_string())
    }

    #[test]
    fn addresses_are_read_as_the_kernel_reads_them() {
        let mapped = [
            &[1, 187, 0, 0, 0, 0],
            &Ipv4Addr::new(127, 64, 0, 2).to_ipv6_mapped().octets()[..],
        ]
        .concat();
        assert_eq!(
            parse(libc::AF_INET, &[1, 187, 10, 0, 0, 5, 9, 9]).as_deref(),
            Some("10.0.0.5:443")
        );
        assert_eq!(
            parse(libc::AF_INET, &[0, 80, 0, 0, 0, 0]).as_deref(),
            Some("127.0.0.1:80")
        );
        assert_eq!(parse(libc::AF_INET6, &mapped).as_deref(), Some("127.64.0.2:443"));
        assert_eq!(
            parse(libc::AF_UNIX, b"run/x.sock\0rest").as_deref(),
            Some("unix:run/x.sock")
        );
        assert_eq!(parse(libc::AF_UNIX, b"\0name").as_deref(), Some("unix:@name"));
        for (family, rest) in [
            (libc::AF_INET, &b"\0\x50\x7f"[..]),
            (libc::AF_INET6, &[0; 12]),
            (libc::AF_UNIX, b""),
            (libc::AF_NETLINK, &[0; 10]),
        ] {
            assert_eq!(parse(family, rest), None, "{family}");
        }
        assert_eq!(Address::parse(&[1]), None);
    }
}
