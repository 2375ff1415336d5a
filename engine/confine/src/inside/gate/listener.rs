//! The kernel's side of the gate.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

/// Where waiting calls are seen and answered.
#[derive(Debug)]
pub(super) struct Listener(OwnedFd);

/// A call that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) id: u64,
    /// The thread, by its number in this process's namespace.
    pub(super) thread: u32,
    pub(super) number: i64,
    pub(super) arguments: [u64; 6],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    Error(Errno),
    /// The kernel makes the call, and reads anew what it points to: only for what is refused elsewhere when it changes.
    GoOn,
}

/// Which number a descriptor gets in the caller.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot {
    /// A new one, which is the call's result: the call is answered by that.
    Result,
    /// This one, whatever it was before.
    Over(i32),
}

impl Listener {
    pub(super) fn new(listener: OwnedFd) -> Self {
        Self(listener)
    }

    /// Blocks unless the descriptor is readable. None when the caller is gone meanwhile.
    #[expect(unsafe_code, reason = "ioctl has no safe interface")]
    pub(super) fn receive(&self) -> io::Result<Option<Call>> {
        let mut seen = libc::seccomp_notif {
            id: 0,
            pid: 0,
            flags: 0,
            data: libc::seccomp_data {
                nr: 0,
                arch: 0,
                instruction_pointer: 0,
                args: [0; 6],
            },
        };
        // SAFETY: the kernel fills one seccomp_notif, which must be zero before.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut seen) };
        match check(result) {
            Ok(_) => Ok(Some(Call {
                id: seen.id,
                thread: seen.pid,
                number: seen.data.nr.into(),
                arguments: seen.data.args,
            })),
            Err(Errno::NOENT | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// False when the caller is gone, and its number may be another process's.
    #[expect(unsafe_code, reason = "ioctl has no safe interface")]
    pub(super) fn is_waiting(&self, id: u64) -> bool {
        // SAFETY: the kernel reads one number.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) };
        result == 0
    }

    /// A caller that is gone needs no answer.
    #[expect(unsafe_code, reason = "ioctl has no safe interface")]
    pub(super) fn answer(&self, id: u64, answer: Answer) {
        let mut answer = libc::seccomp_notif_resp {
            id,
            val: 0,
            error: match answer {
                Answer::Error(error) => -error.raw_os_error(),
                Answer::Done | Answer::GoOn => 0,
            },
            flags: match answer {
                Answer::GoOn => libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
                Answer::Done | Answer::Error(_) => 0,
            },
        };
        // SAFETY: the kernel reads one seccomp_notif_resp.
        unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
    }

    #[expect(unsafe_code, reason = "ioctl has no safe interface")]
    pub(super) fn give(&self, id: u64, given: BorrowedFd<'_>, slot: Slot, close_on_exec: bool) -> Result<(), Errno> {
        let (flags, number) = match slot {
            Slot::Result => (libc::SECCOMP_ADDFD_FLAG_SEND, 0),
            Slot::Over(number) => (libc::SECCOMP_ADDFD_FLAG_SETFD, number),
        };
        let mut gift = libc::seccomp_notif_addfd {
            id,
            flags: flags as u32,
            srcfd: given.as_raw_fd().unsigned_abs(),
            newfd: number.unsigned_abs(),
            newfd_flags: if close_on_exec {
                libc::O_CLOEXEC.unsigned_abs()
            } else {
                0
            },
        };
        // SAFETY: the kernel reads one seccomp_notif_addfd.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD, &raw mut gift) };
        check(result).map(|_| ())
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn check(result: libc::c_int) -> Result<libc::c_int, Errno> {
    if result >= 0 {
        return Ok(result);
    }
    let error = io::Error::last_os_error();
    Err(Errno::from_io_error(&error).unwrap_or(Errno::IO))
}
