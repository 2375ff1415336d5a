//! Signals, tracing, and what else reaches into another process.

use crate::attack::Attack;
use crate::wall::Wall::{Landlock, PidNs, Seccomp, UserNs};

/// `local` and `remote`, as `process_vm_readv` wants them.
macro_rules! vectors {
    ($call:literal) => {
        concat!(
            "buffer = ctypes.create_string_buffer(15)\n",
            "local = struct.pack('NN', ctypes.addressof(buffer), 15)\n",
            "remote = struct.pack('NN', address, 15)\n",
            $call
        )
    };
}

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program("signalling a host's process", &[PidNs, Landlock], "os.kill(host, 0)"),
    Attack::program(
        "signalling a host's thread",
        &[PidNs, Landlock],
        "call(SYS.tgkill, host, host, 0)",
    ),
    Attack::program(
        "signalling a host's process by its descriptor",
        &[PidNs, Landlock],
        "signal.pidfd_send_signal(os.pidfd_open(host), 0)",
    ),
    Attack::program(
        "making a host's process get the signals of a pipe",
        &[PidNs],
        "fcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, host)",
    )
    .succeeds_at_degraded(),
    Attack::program(
        "ending the command's first process",
        &[PidNs, Landlock],
        "os.kill(1, signal.SIGTERM)\ntime.sleep(0.05)\nraise Stopped('it goes on')",
    )
    .never_unconfined(),
    Attack::program(
        "tracing a host's process",
        &[PidNs, UserNs, Landlock, Seccomp],
        "call(SYS.ptrace, 0x4206, host, 0, 0)",
    ),
    Attack::program(
        "reading a host's process's memory",
        &[PidNs, UserNs, Landlock, Seccomp],
        vectors!("call(SYS.process_vm_readv, host, local, 1, remote, 1, 0)\nreturn secret_in(buffer.raw)"),
    ),
    Attack::program(
        "writing a host's process's memory",
        &[PidNs, UserNs, Landlock, Seccomp],
        vectors!("buffer.value = SECRET[:14]\nreturn call(SYS.process_vm_writev, host, local, 1, remote, 1, 0)"),
    ),
    Attack::program(
        "taking a host's process's descriptor",
        &[PidNs, UserNs, Landlock, Seccomp],
        "return call(SYS.pidfd_getfd, call(SYS.pidfd_open, host, 0), descriptor, 0)",
    ),
    Attack::program(
        "slowing a host's process down",
        &[PidNs],
        "os.setpriority(os.PRIO_PROCESS, host, os.getpriority(os.PRIO_PROCESS, host))",
    ),
    Attack::program(
        "moving a host's process to other processors",
        &[PidNs],
        "os.sched_setaffinity(host, os.sched_getaffinity(host))",
    ),
    Attack::program(
        "changing a host's process's limits",
        &[PidNs],
        "resource.prlimit(host, resource.RLIMIT_CORE, resource.prlimit(host, resource.RLIMIT_CORE))",
    ),
    Attack::program(
        "tracing a program of its own",
        &[Seccomp],
        "traced = child(lambda: time.sleep(5))\n\
         try: call(SYS.ptrace, 0x4206, traced, 0, 0)\n\
         finally: end(traced)",
    ),
    Attack::program(
        "comparing two processes' kernel objects",
        &[Seccomp],
        "return call(SYS.kcmp, os.getpid(), os.getpid(), 0, 0, 1)",
    )
    .needs("kcmp"),
];
