//! Becoming somebody else, and leaving files that make others somebody.

use crate::attack::Attack;
use crate::wall::Wall::{Capabilities, Limits, Mounts, NoNewPrivs, Seccomp, UserNs};

/// Whether a file has one of the two bits.
macro_rules! set_id {
    ($path:literal, $body:literal) => {
        concat!(
            $body,
            "\nif not os.stat('",
            $path,
            "').st_mode & 0o6000: raise Stopped('without the bit')"
        )
    };
}

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program("becoming root", &[UserNs], "os.setuid(0)").succeeds_at_degraded().root_only(),
    Attack::program(
        "a priority above everything else",
        &[UserNs],
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
    )
    .root_only()
    .needs("CAP_SYS_NICE for root"),
    Attack::program("becoming another user", &[UserNs], "os.setuid(12345)").root_only(),
    Attack::program("joining a group", &[UserNs, Capabilities], "os.setgroups([6])").root_only(),
    Attack::program(
        "capabilities",
        &[Capabilities],
        "call(SYS.capset, struct.pack('II', 0x20080522, 0), struct.pack('6I', 1 << 21, 1 << 21, 0, 0, 0, 0))",
    )
    .root_only(),
    Attack::program(
        "a program with another user's set-id bit",
        &[UserNs, NoNewPrivs, Mounts],
        "if int(subprocess.check_output(['out/set-id-python', '-I', '-c', 'import os; print(os.geteuid())'])) == os.getuid():\n\
         \x20   raise Stopped('the same user')",
    )
    .root_only(),
    Attack::program(
        "set-user-id by chmod",
        &[Seccomp],
        set_id!("out/setid", "os.chmod('out/setid', 0o4755)"),
    ),
    Attack::program(
        "set-group-id by chmod",
        &[Seccomp],
        set_id!("out/setid", "os.chmod('out/setid', 0o2755)"),
    ),
    Attack::program(
        "set-user-id by fchmodat2",
        &[Seccomp],
        set_id!("out/setid", "call(SYS.fchmodat2, -100, b'out/setid', 0o4755, 0)"),
    )
    .needs("fchmodat2"),
    Attack::program(
        "set-user-id by open",
        &[Seccomp],
        set_id!("out/set1", "os.close(os.open('out/set1', os.O_CREAT | os.O_WRONLY, 0o4755))"),
    ),
    Attack::program(
        "set-user-id by openat2",
        &[Seccomp],
        set_id!(
            "out/set2",
            "call(SYS.openat2, -100, b'out/set2', struct.pack('3Q', os.O_CREAT | os.O_WRONLY, 0o4755, 0), 24)"
        ),
    ),
    Attack::program(
        "set-user-id by mknod",
        &[Seccomp],
        set_id!("out/set3", "os.mknod('out/set3', stat.S_IFREG | 0o4755)"),
    ),
    Attack::program(
        "set-user-id by a file without a name",
        &[Seccomp],
        set_id!(
            "out/set5",
            "file = os.open('out', os.O_TMPFILE | os.O_WRONLY, 0o4755)\n\
             if libc.linkat(-100, b'/proc/self/fd/%d' % file, -100, b'out/set5', 0x400) == -1: fail()"
        ),
    ),
    Attack::program(
        "set-group-id on a folder",
        &[Seccomp],
        set_id!("out/set4", "os.mkdir('out/set4', 0o2755)\nos.chmod('out/set4', 0o2755)"),
    ),
    Attack::program(
        "a program with capabilities",
        &[UserNs, Capabilities],
        "os.setxattr('out/plain', 'security.capability', struct.pack('<5I', 0x02000001, 1 << 13, 0, 0, 0))",
    )
    .root_only(),
    Attack::program(
        "a core file",
        &[Limits],
        "try: resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))\n\
         except ValueError as error: raise Stopped(str(error))",
    )
    .needs("core files to be allowed"),
];
