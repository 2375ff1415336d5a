//! Which calls wait at the gate.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use super::policy::Policy;
use crate::inside::system_calls;
use crate::layers::{Layer, Layers};

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// In `seccomp_data`.
const NUMBER: u32 = 0;

/// The lower half of an argument on a little-endian machine.
const fn argument(index: u32) -> u32 {
    16 + 8 * index
}

/// Calls that open a file, with the place of their flags.
const OPENING: &[(i64, u32)] = &[
    (libc::SYS_openat, 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, 1),
];

/// What lets others connect.
const LISTENING: [i64; 2] = [libc::SYS_bind, libc::SYS_listen];

#[derive(Debug, Clone)]
pub(in crate::inside) struct Filter(Vec<libc::sock_filter>);

impl Filter {
    /// What `policy` decides about, and what is denied and told. Calls of other architectures are no concern: the filters of
    /// [`SystemCalls`](crate::inside::system_calls::SystemCalls) end them.
    pub(in crate::inside) fn new(policy: &Policy, layers: Layers) -> Self {
        let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        let wait = step(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF);
        let listening: &[i64] = if policy.keeps_listeners() { &LISTENING } else { &[] };
        let mut steps = vec![step(LOAD, 0, 0, NUMBER)];
        let denied = system_calls::told().filter(|_| layers.has(Layer::SystemCalls));
        for call in [libc::SYS_connect]
            .into_iter()
            .chain(listening.iter().copied())
            .chain(denied)
        {
            steps.extend([step(IF_EQUAL, 0, 1, number(call)), wait]);
        }
        if policy.lists() {
            for (call, flags) in OPENING {
                steps.extend([
                    step(IF_EQUAL, 0, 3, number(*call)),
                    step(LOAD, 0, 0, argument(*flags)),
                    step(IF_ANY_BIT, 0, 1, libc::O_DIRECTORY.unsigned_abs()),
                    wait,
                    // Reached by another call and by the opening of something else: neither is looked at here.
                    step(LOAD, 0, 0, NUMBER),
                ]);
            }
        }
        steps.push(step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
        Self(steps)
    }

    /// For this process and all that it starts. It must have no new privileges. Until somebody answers at the returned
    /// descriptor the calls wait; once it is closed everywhere they fail with ENOSYS.
    #[expect(unsafe_code, reason = "no safe interface gives the listener of a filter")]
    pub(in crate::inside) fn install(&self) -> io::Result<OwnedFd> {
        let program = libc::sock_fprog {
            len: self.0.len().try_into().map_err(io::Error::other)?,
            filter: self.0.as_ptr().cast_mut(),
        };
        // Once a call is looked at, only the end of its process interrupts it: a connection that was begun would be begun again.
        let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
        // SAFETY: the kernel copies `len` steps, which it does not change, before it returns.
        let listener = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                flags,
                &raw const program,
            )
        };
        let listener = i32::try_from(listener).map_err(io::Error::other)?;
        if listener < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made it, for us alone.
        Ok(unsafe { OwnedFd::from_raw_fd(listener) })
    }
}

fn number(call: i64) -> u32 {
    // They are small and positive.
    call as u32
}
