//! Namespaces and mounts. Most are never tried unconfined: as root they would change the machine.

use crate::attack::Attack;
use crate::wall::Wall::{Capabilities, Seccomp, UserNs};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program(
        "a user namespace by clone",
        &[Seccomp, UserNs],
        "pid = call(SYS.clone, 0x10000011, 0, 0, 0, 0)\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0)",
    )
    .needs("user namespaces for everybody"),
    Attack::program(
        "a user namespace by unshare",
        &[Seccomp, UserNs],
        "call(SYS.unshare, 0x10000000)",
    )
    .never_unconfined(),
    Attack::program(
        "a user namespace by clone3",
        &[Seccomp, UserNs],
        "arguments = struct.pack('8Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0)\n\
         pid = call(SYS.clone3, arguments, 64)\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0)",
    )
    .needs("user namespaces for everybody"),
    Attack::program(
        "a mount namespace",
        &[Seccomp, Capabilities],
        "call(SYS.unshare, 0x20000)",
    )
    .never_unconfined(),
    Attack::program(
        "a network namespace",
        &[Seccomp, Capabilities],
        "call(SYS.unshare, 0x40000000)",
    )
    .never_unconfined(),
    Attack::program(
        "a pid namespace",
        &[Seccomp, Capabilities],
        "call(SYS.unshare, 0x20000000)",
    )
    .never_unconfined(),
    Attack::program(
        "entering a namespace",
        &[Seccomp, Capabilities],
        "call(SYS.setns, os.open('/proc/self/ns/mnt', os.O_RDONLY), 0)",
    )
    .never_unconfined(),
    Attack::program(
        "mounting",
        &[Seccomp, Capabilities],
        "call(SYS.mount, b'none', workspace, b'tmpfs', 0, 0)",
    )
    .never_unconfined(),
    Attack::program(
        "making the system writable again",
        &[Seccomp, Capabilities],
        "call(SYS.mount, b'none', b'/usr', 0, 32 | 4096, 0)",
    )
    .never_unconfined(),
    Attack::program(
        "making the system writable again, the new way",
        &[Seccomp, Capabilities],
        "call(SYS.mount_setattr, -100, b'/usr', 0, struct.pack('4Q', 0, 1, 0, 0), 32)",
    )
    .never_unconfined(),
    Attack::program(
        "unmounting /proc",
        &[Seccomp, Capabilities],
        "call(SYS.umount2, b'/proc', 2)",
    )
    .never_unconfined(),
    Attack::program(
        "unmounting a mask",
        &[Seccomp, Capabilities],
        "call(SYS.umount2, b'.env', 2)",
    )
    .never_unconfined(),
    Attack::program(
        "a file system without a place",
        &[Seccomp, Capabilities],
        "return call(SYS.fsopen, b'tmpfs', 0)",
    )
    .never_unconfined(),
    Attack::program(
        "a copy of the mounts without the masks",
        &[Seccomp, Capabilities],
        "return call(SYS.open_tree, -100, workspace, 1)",
    )
    .never_unconfined(),
    Attack::program(
        "a copy of the mounts without the masks, the newest way",
        &[Seccomp, Capabilities],
        // open_tree_attr
        "return call(467, -100, workspace, 1, 0, 0)",
    )
    .never_unconfined(),
    Attack::program(
        "moving a mount",
        &[Seccomp, Capabilities],
        "call(SYS.move_mount, -100, workspace, -100, b'/tmp', 0)",
    )
    .never_unconfined(),
    Attack::program(
        "another root by pivot_root",
        &[Seccomp, Capabilities],
        "call(SYS.pivot_root, b'.', b'.')",
    )
    .never_unconfined(),
    Attack::program(
        "another root by chroot",
        &[Seccomp, Capabilities],
        "call(SYS.chroot, b'out')",
    )
    .never_unconfined(),
];
