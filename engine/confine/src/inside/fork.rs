//! The few system calls that no safe interface offers, each in the smallest function.

use std::io;
use std::os::fd::RawFd;

use nix::unistd::Pid;

pub(super) enum Forked {
    Parent(Pid),
    Child,
}

/// `fork`, with new namespaces for the child (`CLONE_NEW…`, or 0). `clone` rather than `unshare` and `fork`: a process may
/// unshare its pid namespace only once, and each command gets one.
#[expect(unsafe_code, reason = "no safe interface offers fork with namespaces")]
pub(super) fn fork(namespaces: libc::c_int) -> io::Result<Forked> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    // SAFETY: a null stack means that the child goes on with a copy of ours, as after `fork`; the helper has one thread only, so
    // no lock can be held by a thread that the child lacks.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match pid {
        0 => Ok(Forked::Child),
        -1 => Err(io::Error::last_os_error()),
        // A pid fits: the kernel's type for it is an int.
        pid => Ok(Forked::Parent(Pid::from_raw(pid as libc::pid_t))),
    }
}

/// Closes every descriptor except these. For the start of a process: before anything is opened, or where nothing that was
/// opened before the fork is ever dropped.
pub(super) fn close_all_but<const N: usize>(mut keep: [RawFd; N]) -> io::Result<()> {
    keep.sort_unstable();
    let mut next = 0;
    for descriptor in keep.iter().map(|descriptor| descriptor.unsigned_abs()) {
        if descriptor > next {
            close_range(next, descriptor - 1, 0)?;
        }
        next = descriptor + 1;
    }
    close_range(next, u32::MAX, 0)
}

/// Nothing but 0, 1 and 2 survives the next `exec`.
pub(super) fn close_others_on_exec() -> io::Result<()> {
    close_range(3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int)
}

#[expect(unsafe_code, reason = "closing descriptors by number has no safe interface")]
fn close_range(first: u32, last: u32, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: one caller merely marks them; the other's callers own none of the closed ones, or never use or drop them again.
    match unsafe { libc::close_range(first, last, flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Signals that whoever started the engine had ignored (nohup, some CI runners) would stay ignored in every program.
pub(super) fn reset_signals() {
    (1..=libc::SIGSYS)
        .filter(|signal| *signal != libc::SIGPIPE)
        .for_each(reset_signal);
}

/// Rust ignores it, which this helper needs and the program must not inherit.
pub(super) fn reset_broken_pipe() {
    reset_signal(libc::SIGPIPE);
}

#[expect(unsafe_code, reason = "setting a signal's action has no safe interface")]
fn reset_signal(signal: libc::c_int) {
    // SAFETY: the default action runs no code of ours. SIGKILL and SIGSTOP refuse, which changes nothing.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// An empty session keyring in the place of the user's, which holds keys of file systems and Kerberos tickets and which every
/// process inherits, whatever its namespaces.
#[expect(unsafe_code, reason = "no safe interface offers keyrings")]
pub(super) fn leave_session_keyring() -> io::Result<()> {
    // SAFETY: without a name the kernel reads no memory of ours.
    let joined = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            libc::KEYCTL_JOIN_SESSION_KEYRING,
            std::ptr::null::<u8>(),
        )
    };
    if joined >= 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // A kernel without keyrings; a container that keeps all of them from us, and so from the programs.
        Some(libc::ENOSYS | libc::EPERM | libc::EACCES) => Ok(()),
        _ => Err(error),
    }
}

/// Whether two processes have one memory. Where the kernel does not tell, no.
#[expect(unsafe_code, reason = "kcmp has no safe interface")]
pub(super) fn share_memory(one: i32, other: i32) -> bool {
    /// Of linux/kcmp.h.
    const KCMP_VM: libc::c_int = 1;
    // SAFETY: it compares numbers in the kernel and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_VM, 0, 0) == 0 }
}
