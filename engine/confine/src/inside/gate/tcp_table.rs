//! The listening TCP sockets of this network namespace, as the kernel tells them.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listening {
    pub(super) at: SocketAddr,
    pub(super) inode: u64,
}

/// TCP_LISTEN.
const LISTEN: u8 = 10;

/// SOCK_DIAG_BY_FAMILY.
const BY_FAMILY: u16 = 20;

/// NLM_F_REQUEST and NLM_F_DUMP.
const ALL_OF_THEM: u16 = 0x301;

const HEADER_BYTES: usize = 16;

/// Messages of one answer come in parts of at most this size.
const PART_BYTES: usize = 32 * 1024;

pub(super) fn listening() -> Vec<Listening> {
    // The files are slow, some ten milliseconds, because they also tell of connections; the other way may not be there.
    ask(AddressFamily::INET)
        .and_then(|mut found| {
            found.extend(ask(AddressFamily::INET6)?);
            Ok(found)
        })
        .unwrap_or_else(|_| read_files())
}

fn ask(family: AddressFamily) -> Result<Vec<Listening>, Errno> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )?;
    // inet_diag_req_v2: family, protocol, nothing more about each, padding, the wanted states, and any address.
    let mut question = vec![family.as_raw() as u8, libc::IPPROTO_TCP as u8, 0, 0];
    question.extend((1u32 << LISTEN).to_ne_bytes());
    question.extend([0; 48]);
    let length = (HEADER_BYTES + question.len()) as u32;
    let mut message = Vec::from(length.to_ne_bytes());
    message.extend(BY_FAMILY.to_ne_bytes());
    message.extend(ALL_OF_THEM.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(question);
    send(&socket, &message, SendFlags::empty())?;
    let mut found = Vec::new();
    let mut part = vec![0; PART_BYTES];
    loop {
        let (length, _) = recv(&socket, &mut part[..], RecvFlags::DONTWAIT)?;
        if read_part(&part[..length], &mut found)? {
            return Ok(found);
        }
    }
}

/// True at the end of the answer.
fn read_part(mut part: &[u8], found: &mut Vec<Listening>) -> Result<bool, Errno> {
    while let Some((length, rest)) = part.split_first_chunk() {
        let length = u32::from_ne_bytes(*length) as usize;
        let kind = rest.first_chunk().map(|kind| u16::from_ne_bytes(*kind));
        let body = part.get(HEADER_BYTES..length).ok_or(Errno::BADMSG)?;
        match kind.map(i32::from) {
            Some(libc::NLMSG_DONE) => return Ok(true),
            Some(libc::NLMSG_ERROR) => return Err(Errno::OPNOTSUPP),
            _ => found.extend(read_socket(body)),
        }
        part = part.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// inet_diag_msg.
fn read_socket(body: &[u8]) -> Option<Listening> {
    let port = u16::from_be_bytes(body.get(4..6)?.try_into().ok()?);
    let ip: IpAddr = match i32::from(*body.first()?) {
        libc::AF_INET => Ipv4Addr::from(<[u8; 4]>::try_from(body.get(8..12)?).ok()?).into(),
        _ => Ipv6Addr::from(<[u8; 16]>::try_from(body.get(8..24)?).ok()?).into(),
    };
    let inode = u32::from_ne_bytes(body.get(68..72)?.try_into().ok()?);
    Some(Listening {
        at: SocketAddr::new(ip, port),
        inode: inode.into(),
    })
}

fn read_files() -> Vec<Listening> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    tables
        .iter()
        .flat_map(|table| table.lines())
        .filter_map(read_line)
        .collect()
}

fn read_line(line: &str) -> Option<Listening> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (ip, port) = local.split_once(':')?;
    let at = SocketAddr::new(read_ip(ip)?, u16::from_str_radix(port, 16).ok()?);
    let state = u8::from_str_radix(state, 16).ok()?;
    (state == LISTEN).then(|| {
        Some(Listening {
            at,
            inode: inode.parse().ok()?,
        })
    })?
}

/// The kernel writes the words of an address in the machine's order.
fn read_ip(text: &str) -> Option<IpAddr> {
    let words = (0..text.len() / 8).map(|word| u32::from_str_radix(text.get(word * 8..word * 8 + 8)?, 16).ok());
    let words: Vec<_> = words.collect::<Option<_>>()?;
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    match bytes.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn both_ways_find_the_same_listeners() {
        let listeners = ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"].map(|at| TcpListener::bind(at).unwrap());
        let connected = std::net::TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
        let asked: Vec<_> = ask(AddressFamily::INET)
            .unwrap()
            .into_iter()
            .chain(ask(AddressFamily::INET6).unwrap())
            .collect();
        let read = read_files();
        for listener in &listeners {
            let at = listener.local_addr().unwrap();
            let found = |all: &[Listening]| all.iter().filter(|one| one.at == at).copied().collect::<Vec<_>>();
            assert_eq!(found(&asked).len(), 1, "{at}");
            assert_eq!(found(&asked), found(&read), "{at}");
        }
        let own = connected.local_addr().unwrap();
        assert!(!asked.iter().chain(&read).any(|one| one.at == own));
    }
}
