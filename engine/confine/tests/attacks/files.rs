//! Files and folders outside, and what can be known of them and done to them.

use crate::attack::Attack;
use crate::wall::Wall::{Capabilities, Landlock, Mounts, Seccomp, UserNs};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program("reading a file outside", &[Mounts], "return reads(secret)"),
    Attack::program(
        "listing a folder outside",
        &[Mounts],
        "return os.listdir(outside).index('secret')",
    ),
    Attack::program(
        "asking for a file's size outside",
        &[Mounts],
        "return os.stat(secret).st_size",
    ).succeeds_at_degraded(),
    Attack::program("working in a folder outside", &[Mounts], "os.chdir(outside)").succeeds_at_degraded(),
    Attack::program(
        "watching a folder outside",
        &[Mounts],
        "watch = libc.inotify_init()\nreturn fail() if libc.inotify_add_watch(watch, outside.encode(), 0xfff) == -1 else 'watching'",
    ).succeeds_at_degraded(),
    Attack::program(
        "running a program outside",
        &[Mounts],
        "return secret_in(subprocess.check_output([outside + '/bin/program']))",
    ),
    Attack::program(
        "appending to a file outside",
        &[Mounts, Landlock],
        "with open(outside + '/plain', 'ab') as file: file.write(b'x')",
    ),
    Attack::program(
        "making a file outside",
        &[Mounts, Landlock],
        "open(outside + '/made', 'x').close()",
    ),
    Attack::program(
        "truncating a file outside",
        &[Mounts, Landlock],
        "os.truncate(outside + '/truncated', 0)",
    ),
    Attack::program(
        "removing a file outside",
        &[Mounts, Landlock],
        "os.unlink(outside + '/unlinked')",
    ),
    Attack::program(
        "making a folder outside",
        &[Mounts, Landlock],
        "os.mkdir(outside + '/folder')",
    ),
    Attack::program(
        "removing a folder outside",
        &[Mounts, Landlock],
        "os.rmdir(outside + '/empty')",
    ),
    Attack::program(
        "renaming a file outside",
        &[Mounts, Landlock],
        "os.rename(outside + '/renamed', outside + '/elsewhere')",
    ),
    Attack::program(
        "making a link outside",
        &[Mounts, Landlock],
        "os.symlink('plain', outside + '/link')",
    ),
    Attack::program(
        "making a pipe outside",
        &[Mounts, Landlock],
        "os.mkfifo(outside + '/pipe')",
    ),
    Attack::program(
        "changing a mode outside",
        &[Mounts],
        "os.chmod(outside + '/plain', 0o640)",
    ).succeeds_at_degraded(),
    Attack::program(
        "changing times outside",
        &[Mounts],
        "os.utime(outside + '/plain', (1, 1))",
    ).succeeds_at_degraded(),
    Attack::program(
        "changing an owner outside",
        &[Mounts],
        "os.chown(outside + '/plain', os.getuid(), os.getgid())",
    ).succeeds_at_degraded(),
    Attack::program(
        "setting an attribute outside",
        &[Mounts],
        "os.setxattr(outside + '/plain', 'user.tidegate', b'x')",
    ).succeeds_at_degraded()
    .needs("extended attributes of users on /var/tmp"),
    Attack::program(
        "reading the users' passwords",
        &[Mounts],
        "return opens('/etc/shadow', os.O_RDONLY)",
    )
    .root_only(),
    Attack::program(
        "writing to the system's files",
        &[Mounts, Landlock],
        "return opens('/usr/lib/os-release', os.O_WRONLY)",
    )
    .root_only(),
    Attack::program(
        "writing to the list of users",
        &[Mounts, Landlock],
        "return opens('/etc/passwd', os.O_WRONLY)",
    )
    .root_only(),
    Attack::program("files of the host's memory", &[Mounts], "return reads(in_memory)"),
    Attack::program(
        "a terminal of the host",
        &[Mounts, Landlock],
        "return opens('/dev/ptmx', os.O_RDWR | os.O_NOCTTY)",
    ),
    Attack::program(
        "the kernel's log device",
        &[Mounts, UserNs],
        "return opens('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)",
    )
    .root_only(),
    Attack::program(
        "making a device",
        &[UserNs],
        "os.mknod('out/device', 0o600 | stat.S_IFCHR, os.makedev(1, 3))",
    )
    .root_only(),
    Attack::program(
        "locking a file of the system",
        &[],
        "fcntl.flock(os.open('/usr/lib/os-release', os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)",
    ).succeeds_at_degraded()
    .open("who may read a file may lock it, and the host's programs that lock the same file wait"),
    Attack::program(
        "watching when a program of the system is used",
        &[],
        "watch = libc.inotify_init()\nif libc.inotify_add_watch(watch, b'/usr/bin/env', 0x20) == -1: fail()",
    ).succeeds_at_degraded()
    .open("the files of the system are the host's own, and who may read one may watch it being opened"),
    Attack::program(
        "changing the mode of a device",
        &[Mounts],
        "os.chmod('/dev/null', 0o666)",
    ).succeeds_at_degraded()
    .root_only(),
    Attack::program("changing the mode of its input", &[Mounts], "os.fchmod(0, 0o666)").succeeds_at_degraded().root_only(),
    Attack::program("changing the times of a device", &[Mounts], "os.utime('/dev/full')").succeeds_at_degraded().root_only(),
    Attack::program(
        "opening a file by its handle",
        &[Seccomp, Capabilities],
        "handle = ctypes.create_string_buffer(struct.pack('Ii', 128, 0), 136)\n\
         mount = ctypes.c_int()\n\
         folder = os.open('out', os.O_RDONLY)\n\
         call(SYS.name_to_handle_at, folder, b'plain', handle, ctypes.byref(mount), 0)\n\
         return call(SYS.open_by_handle_at, folder, handle, os.O_RDONLY)",
    )
    .root_only(),
];
