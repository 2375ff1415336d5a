//! `/proc`: the host's processes, settings and devices.

use crate::attack::Attack;
use crate::wall::Wall::{Capabilities, Landlock, Mounts, NetNs, Proc, Undumpable, UserNs};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program(
        "listing the host's processes",
        &[Proc],
        "if str(host) not in os.listdir('/proc'): raise Stopped('not there')",
    ),
    Attack::program(
        "the arguments of a host's process",
        &[Proc],
        "return secret_in(open('/proc/%d/cmdline' % host, 'rb').read())",
    ),
    Attack::program(
        "the environment of a host's process",
        &[Proc, UserNs, Landlock],
        "return reads('/proc/%d/environ' % host)",
    ),
    Attack::program(
        "the root of a host's process",
        &[Proc, UserNs, Landlock],
        "return reads('/proc/%d/root%s' % (host, secret))",
    ),
    Attack::program(
        "the current folder of a host's process",
        &[Proc, UserNs, Landlock],
        "return reads('/proc/%d/cwd/secret' % host)",
    ),
    Attack::program(
        "an open file of a host's process",
        &[Proc, UserNs, Landlock],
        "return reads('/proc/%d/fd/%d' % (host, descriptor))",
    ),
    Attack::program(
        "the memory of a host's process by its file",
        &[Proc, UserNs, Landlock],
        "memory = os.open('/proc/%d/mem' % host, os.O_RDONLY)\nreturn secret_in(os.pread(memory, 15, address))",
    ),
    Attack::program(
        "the root of the process that started it",
        &[Undumpable, Landlock],
        "return os.readlink('/proc/%d/root' % parent)",
    ),
    Attack::program(
        "the environment of the process that started it",
        &[Undumpable, Landlock],
        "return opens('/proc/%d/environ' % parent, os.O_RDONLY)",
    ),
    Attack::program(
        "the descriptors of the process that started it",
        &[Undumpable, Landlock],
        "return [os.readlink('/proc/%d/fd/%s' % (parent, number)) for number in os.listdir('/proc/%d/fd' % parent)]",
    ),
    Attack::program(
        "what runs at a crash (core_pattern)",
        &[Proc, Landlock],
        "return opens('/proc/sys/kernel/core_pattern', os.O_WRONLY)",
    )
    .root_only(),
    Attack::program(
        "what loads modules (modprobe)",
        &[Proc, Landlock],
        "return opens('/proc/sys/kernel/modprobe', os.O_WRONLY)",
    )
    .root_only()
    .needs("modules"),
    Attack::program(
        "the kernel's emergency keys (sysrq-trigger)",
        &[Proc, Landlock],
        "return opens('/proc/sysrq-trigger', os.O_WRONLY)",
    )
    .root_only()
    .needs("sysrq"),
    Attack::program(
        "allowing user namespaces again",
        &[Proc, Capabilities, Landlock],
        "return opens('/proc/sys/user/max_user_namespaces', os.O_WRONLY)",
    )
    .root_only()
    .needs("CAP_SYS_RESOURCE for root"),
    Attack::program(
        "being spared when memory is short (oom_score_adj)",
        &[Proc, Landlock],
        "return opens('/proc/self/oom_score_adj', os.O_WRONLY)",
    ),
    Attack::program(
        "the kernel's log",
        &[UserNs],
        "return opens('/proc/kmsg', os.O_RDONLY | os.O_NONBLOCK)",
    )
    .root_only(),
    Attack::program(
        "what each page of the machine's memory is for",
        &[Proc],
        "return os.pread(os.open('/proc/kpageflags', os.O_RDONLY), 8, 0)[0:] or secret_in(b'')",
    )
    .root_only()
    .needs("kpageflags"),
    Attack::program(
        "the kernel's memory and timers",
        &[Proc],
        "for name in 'slabinfo', 'vmallocinfo', 'timer_list', 'pagetypeinfo':\n\
         \x20   if open('/proc/' + name).read(): return name\n\
         raise Stopped('nothing')",
    )
    .root_only()
    .needs("these files"),
    Attack::program(
        "the names of the user's keys",
        &[Proc],
        "return open('/proc/keys').read() or secret_in(b'')",
    )
    .needs("keys"),
    Attack::program(
        "who listens on the host",
        &[NetNs],
        "if ':%04X ' % port not in open('/proc/net/tcp').read(): raise Stopped('nobody listens')",
    ),
    Attack::program(
        "the host's devices (/sys)",
        &[Mounts],
        "return os.listdir('/sys/devices')",
    ),
];
