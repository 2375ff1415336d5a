//! A thread whose call waits, as far as others may look into it. What was read holds only if the call waits still: the number
//! may have become another thread's.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

/// The kernel's limit for a path, with its end.
const PATH_BYTES: usize = 4096;

/// Reads stop at the end of a page, because the next one may not exist.
const PAGE: u64 = 4096;

#[derive(Debug)]
pub(super) struct Caller {
    thread: u32,
    memory: File,
}

/// What a descriptor was opened with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descriptor {
    pub(super) non_blocking: bool,
    pub(super) close_on_exec: bool,
}

impl Caller {
    /// An error also for a process that lets nobody look into it (`PR_SET_DUMPABLE`).
    pub(super) fn find(thread: u32) -> Result<Self, Errno> {
        let memory = File::open(format!("/proc/{thread}/mem")).map_err(errno)?;
        Ok(Self { thread, memory })
    }

    pub(super) fn bytes(&self, address: u64, length: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; length];
        match self.memory.read_exact_at(&mut bytes, address) {
            Ok(()) => Ok(bytes),
            Err(_) => Err(Errno::FAULT),
        }
    }

    /// Up to a zero byte, as a path.
    pub(super) fn text(&self, address: u64) -> Result<Vec<u8>, Errno> {
        let mut text = Vec::new();
        while text.len() < PATH_BYTES {
            let at = address.checked_add(text.len() as u64).ok_or(Errno::FAULT)?;
            let length = usize::try_from(PAGE - at % PAGE).map_err(|_| Errno::FAULT)?;
            let part = self.bytes(at, length)?;
            if let Some(end) = part.iter().position(|byte| *byte == 0) {
                text.extend_from_slice(&part[..end]);
                return Ok(text);
            }
            text.extend(part);
        }
        Err(Errno::NAMETOOLONG)
    }

    /// The folder that relative paths begin at, by its descriptor or AT_FDCWD.
    pub(super) fn folder(&self, descriptor: i32) -> Result<OwnedFd, Errno> {
        let link = if descriptor == libc::AT_FDCWD {
            format!("/proc/{}/cwd", self.thread)
        } else {
            self.link(descriptor)
        };
        openat(CWD, link, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
    }

    /// The same open socket that the caller has, not another one to the same place.
    pub(super) fn shared(&self, descriptor: i32) -> Result<OwnedFd, Errno> {
        share(self.thread, descriptor)
    }

    /// How a socket was opened, for who can't have it.
    pub(super) fn socket(&self, descriptor: i32) -> Result<Descriptor, Errno> {
        let target = fs::read_link(self.link(descriptor)).map_err(|error| match errno(error) {
            Errno::NOENT => Errno::BADF,
            other => other,
        })?;
        if !target.as_os_str().as_encoded_bytes().starts_with(b"socket:[") {
            return Err(Errno::NOTSOCK);
        }
        let info = fs::read_to_string(format!("/proc/{}/fdinfo/{descriptor}", self.thread)).map_err(errno)?;
        let flags = info
            .lines()
            .find_map(|line| i32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok())
            .ok_or(Errno::BADF)?;
        Ok(Descriptor {
            non_blocking: flags & libc::O_NONBLOCK != 0,
            close_on_exec: flags & libc::O_CLOEXEC != 0,
        })
    }

    /// The name of the process, not of the thread.
    pub(super) fn program(&self) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.thread)).unwrap_or_default();
        let process = status.lines().find_map(|line| Some(line.strip_prefix("Tgid:")?.trim()));
        let name = process.and_then(|process| fs::read(format!("/proc/{process}/comm")).ok());
        String::from_utf8_lossy(&name.unwrap_or_default())
            .trim_end_matches('\n')
            .to_owned()
    }

    fn link(&self, descriptor: i32) -> String {
        format!("/proc/{}/fd/{descriptor}", self.thread)
    }
}

/// False where containers deny it to everybody, also for oneself.
pub(super) fn can_share() -> bool {
    io::pipe().is_ok_and(|(reader, _)| share(std::process::id(), reader.as_raw_fd()).is_ok())
}

#[expect(
    unsafe_code,
    reason = "the safe interface hides the number of a descriptor that is not ours"
)]
fn share(thread: u32, descriptor: i32) -> Result<OwnedFd, Errno> {
    let call = |number, one: i64, two: i64| {
        // SAFETY: these two calls take numbers only.
        let result = unsafe { libc::syscall(number, one, two, 0) };
        match i32::try_from(result) {
            // SAFETY: the kernel has just made it, for us alone.
            Ok(made) if made >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(made) }),
            _ => Err(errno(io::Error::last_os_error())),
        }
    };
    // Of the thread: its descriptors need not be those of its process.
    let thread = call(libc::SYS_pidfd_open, thread.into(), libc::PIDFD_THREAD.into())?;
    call(libc::SYS_pidfd_getfd, thread.as_raw_fd().into(), descriptor.into())
}

fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::ACCESS)
}
