//! Names inside for what is outside.

use crate::attack::Attack;
use crate::wall::Wall::{Capabilities, Landlock, Mounts, Seccomp};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program(
        "reading through a symbolic link",
        &[Mounts],
        "os.symlink(secret, 'out/link-read')\nreturn reads('out/link-read')",
    ),
    Attack::program(
        "reading through a relative link",
        &[Mounts],
        "os.symlink('../' * 20 + secret, 'link-up')\nreturn reads('link-up')",
    ),
    Attack::program(
        "writing through a symbolic link",
        &[Mounts, Landlock],
        "os.symlink(outside + '/through', 'out/link-write')\nopen('out/link-write', 'w').close()",
    ),
    Attack::program(
        "reading through a .venv that points outside",
        &[Mounts],
        "return reads('.venv/secret')",
    ),
    Attack::program(
        "running a program of a .venv that points outside",
        &[Mounts],
        "return secret_in(subprocess.check_output(['.venv/bin/program']))",
    ),
    Attack::program(
        "writing into a .venv that points outside",
        &[Mounts, Landlock],
        "open('.venv/sitecustomize.py', 'w').close()",
    ),
    Attack::program(
        "a hard link to a file outside",
        &[Mounts, Landlock],
        "os.link(secret, 'out/hard')\nreturn reads('out/hard')",
    ),
    Attack::program(
        "moving a file in",
        &[Mounts, Landlock],
        "os.rename(outside + '/bin/program', 'out/moved-in')",
    ),
    Attack::program(
        "moving a file out",
        &[Mounts, Landlock],
        "open('out/own', 'w').close()\nos.rename('out/own', outside + '/moved-out')",
    ),
    Attack::program(
        "exchanging a file with one outside",
        &[Mounts, Landlock],
        "open('out/exchanged', 'w').close()\n\
         call(SYS.renameat2, -100, b'out/exchanged', -100, outside + '/exchanged', 2)",
    ),
    Attack::program(
        "binding a folder outside",
        &[Mounts, Capabilities, Seccomp],
        "os.mkdir('bound')\ncall(SYS.mount, outside, b'bound', 0, 4096, 0)\nreturn reads('bound/secret')",
    )
    .never_unconfined(),
    Attack::program(
        "above the root, by a descriptor that was passed on",
        &[Mounts],
        "one, two = socket.socketpair()\n\
         socket.send_fds(one, [b'x'], [os.open('/', os.O_PATH)])\n\
         root = socket.recv_fds(two, 1, 1)[1][0]\n\
         for _ in range(8): root = os.open('..', os.O_PATH, dir_fd=root)\n\
         return opens(os.path.join('/proc/self/fd/%d' % root, secret[1:]), os.O_RDONLY)",
    ),
];
