//! What processes share without a file, and the host's name.

use crate::attack::Attack;
use crate::wall::Wall::{Capabilities, IpcNs, Landlock, Seccomp, UtsNs};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program(
        "memory that the host's processes share",
        &[IpcNs],
        "shared = libc.shmget(key, 0, 0)\n\
         if shared == -1: fail()\n\
         at = libc.shmat(shared, None, 0o10000)\n\
         if at in (-1, 2 ** 64 - 1): fail()\n\
         return secret_in(ctypes.string_at(at, 15))",
    ),
    Attack::program(
        "a message queue of the host's",
        &[IpcNs],
        "queue = libc.msgget(key, 0)\n\
         if queue == -1: fail()\n\
         if libc.msgsnd(queue, struct.pack('lB', 1, 1), 1, 0o4000) == -1: fail()",
    ),
    Attack::program(
        "a named queue of the host's",
        &[IpcNs, Landlock],
        "return call(SYS.mq_open, name, os.O_RDWR, 0, 0)",
    ),
    Attack::program(
        "the host's name",
        &[UtsNs],
        "if os.uname().nodename != hostname: raise Stopped('another name')",
    )
    .succeeds_at_degraded(),
    Attack::program(
        "changing the host's name",
        &[UtsNs, Capabilities, Seccomp],
        "call(SYS.sethostname, b'hostile', 7)",
    )
    .never_unconfined(),
];
