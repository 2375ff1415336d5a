//! Every kind of socket that is not a Unix socket, and ways around rules about the others.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;

use crate::arena::Place;
use crate::attack::{Attack, Outcome};
use crate::wall::Wall::{Capabilities, NetNs, Seccomp};

/// Python's `socket.socket` asks the kernel and nothing else.
macro_rules! makes {
    ($arguments:literal) => {
        concat!("socket.socket(", $arguments, ").close()")
    };
}

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program(
        "TCP to the host",
        &[NetNs],
        "socket.create_connection(('127.0.0.1', port), 2).close()",
    ),
    Attack::program(
        "TCP to the host on IPv6",
        &[NetNs],
        "socket.create_connection(('::1', port6), 2).close()",
    )
    .needs("IPv6"),
    Attack::program(
        "TCP to the host by its IPv4 address in IPv6",
        &[NetNs],
        "socket.create_connection(('::ffff:127.0.0.1', port), 2).close()",
    )
    .needs("IPv6"),
    Attack::program(
        "UDP to the host",
        &[NetNs],
        // The second one learns of the first one's fate.
        "sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         sender.connect(('127.0.0.1', udp_port))\n\
         for _ in range(2): sender.send(b'x'); time.sleep(0.02)",
    ),
    Attack::program(
        "multipath TCP to the host",
        &[Seccomp, NetNs],
        "client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)\nclient.connect(('127.0.0.1', port))",
    )
    .needs("MPTCP"),
    Attack::program(
        "Fast Open by sendto",
        &[Seccomp, NetNs],
        "client = socket.socket()\nclient.sendto(b'x', 0x20000000, ('127.0.0.1', port))",
    ),
    Attack::program(
        "Fast Open by sendmsg",
        &[Seccomp, NetNs],
        "client = socket.socket()\nclient.sendmsg([b'x'], [], 0x20000000, ('127.0.0.1', port))",
    ),
    Attack::program(
        "Fast Open by a socket's option",
        &[NetNs],
        "client = socket.socket()\n\
         client.settimeout(2)\n\
         client.setsockopt(socket.IPPROTO_TCP, 30, 1)\n\
         client.connect(('127.0.0.1', port))\n\
         client.send(b'x')",
    ),
    Attack::program(
        "an address of the internet",
        &[NetNs],
        "socket.create_connection(('192.0.2.1', 443), 0.2).close()",
    )
    .never_unconfined()
    .not_swept(),
    Attack::program(
        "the cloud's metadata",
        &[NetNs],
        "socket.create_connection(('169.254.169.254', 80), 0.2).close()",
    )
    .never_unconfined()
    .not_swept(),
    Attack::program(
        "a broadcast",
        &[NetNs],
        "sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)\n\
         sender.sendto(b'x', ('255.255.255.255', 9))",
    )
    .never_unconfined()
    .not_swept(),
    Attack::engine("listening for the host", &[NetNs], listening).succeeds_at_degraded(),
    Attack::program("SCTP", &[Seccomp], makes!("2, 1, 132")).needs("SCTP"),
    Attack::program("UDP-Lite", &[Seccomp], makes!("2, 2, 136")).needs("UDP-Lite"),
    Attack::program("a raw socket", &[Seccomp, Capabilities], makes!("2, 3, 1")).root_only(),
    Attack::program("a raw socket on IPv6", &[Seccomp, Capabilities], makes!("10, 3, 58"))
        .root_only()
        .needs("IPv6"),
    Attack::program("a ping socket", &[Seccomp, NetNs], makes!("2, 2, 1")).needs("net.ipv4.ping_group_range"),
    Attack::program("a packet socket", &[Seccomp, Capabilities], makes!("17, 3, 0"))
        .root_only()
        .needs("packet sockets"),
    Attack::program(
        "a packet socket, the old way",
        &[Seccomp, Capabilities],
        makes!("2, 10, 0"),
    )
    .root_only()
    .needs("packet sockets"),
    Attack::program("SCTP without naming it", &[Seccomp], makes!("2, 5, 0")).needs("SCTP"),
    Attack::program("netlink: other programs' sockets", &[Seccomp], makes!("16, 3, 4")).needs("sock_diag"),
    Attack::program("netlink: audit", &[Seccomp], makes!("16, 3, 9")).needs("audit"),
    Attack::program("netlink: netfilter", &[Seccomp], makes!("16, 3, 12")).needs("netfilter"),
    Attack::program("netlink: events of devices", &[Seccomp], makes!("16, 3, 15")),
    Attack::program("netlink: generic", &[Seccomp], makes!("16, 3, 16")),
    Attack::program("a socket to the virtual machine's host", &[Seccomp], makes!("40, 1, 0")).needs("vsock"),
    Attack::program("a socket of the kernel's cryptography", &[Seccomp], makes!("38, 5, 0")).needs("AF_ALG"),
    Attack::program(
        "a socket of any other family",
        &[Seccomp],
        "for family in set(range(1, 64)) - {1, 2, 10, 16}:\n\
         \x20   for kind in 1, 2, 3, 5:\n\
         \x20       try: socket.socket(family, kind, 0).close()\n\
         \x20       except OSError as error:\n\
         \x20           if error.errno == errno.EAFNOSUPPORT: continue\n\
         \x20       return 'family %d' % family\n\
         raise Stopped('EAFNOSUPPORT')",
    ),
    Attack::program(
        "marking packets for the host's routes",
        &[Capabilities],
        "socket.socket().setsockopt(socket.SOL_SOCKET, 36, 1)",
    )
    .root_only(),
];

fn listening(place: &Place) -> Outcome {
    let script = "import socket, time\n\
        server = socket.create_server(('0.0.0.0', 0))\n\
        print(server.getsockname()[1], flush=True)\n\
        time.sleep(5)";
    let (reader, running) = place.start_python(script, &[]);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    let outcome = match line.trim().parse::<u16>() {
        Err(_) => Outcome::NotAttempted(line),
        Ok(port) => match TcpStream::connect(("127.0.0.1", port)) {
            Ok(_) => Outcome::Breached("the host is connected".to_owned()),
            Err(error) => Outcome::Stopped(error.kind().to_string()),
        },
    };
    running.kill();
    outcome
}
