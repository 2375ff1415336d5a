//! Unix sockets: services of the host that listen on a file or a name.

use crate::attack::Attack;
use crate::wall::Wall::{Capabilities, Gate, Landlock, Mounts, NetNs, Seccomp, UserNs, View};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program(
        "a host's socket",
        &[Mounts, Gate],
        "socket.socket(socket.AF_UNIX).connect(outside + '/stream.sock')",
    ),
    Attack::program(
        "a host's socket through a link",
        &[Mounts, Gate],
        "os.symlink(outside + '/stream.sock', 'out/link.sock')\n\
         socket.socket(socket.AF_UNIX).connect('out/link.sock')",
    ),
    Attack::program(
        "a host's datagram socket",
        &[Mounts, Seccomp],
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', outside + '/datagram.sock')",
    ),
    Attack::program(
        "a pair of datagram sockets, aimed anew",
        &[Mounts, Gate, Seccomp],
        "one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
         one.connect(outside + '/datagram.sock')\n\
         one.send(b'x')",
    ),
    Attack::program(
        "an abstract socket of the host",
        &[NetNs, Landlock],
        "socket.socket(socket.AF_UNIX).connect('\\0' + name)",
    ),
    Attack::program(
        "an abstract datagram socket of the host",
        &[NetNs, Landlock, Seccomp],
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', '\\0' + name + '-datagram')",
    ),
    Attack::program(
        "a host's socket inside the workspace",
        &[View],
        "socket.socket(socket.AF_UNIX).connect('host.sock')",
    ),
    Attack::program(
        "a host's socket in a `write` folder",
        &[Gate],
        "socket.socket(socket.AF_UNIX).connect('out/host.sock')",
    ),
    Attack::program(
        "pretending to be another process",
        &[Capabilities, UserNs],
        "one, two = socket.socketpair()\n\
         one.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack('iII', 1, 0, 0))])",
    )
    .root_only(),
];
