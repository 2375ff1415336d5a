//! What the processes of a command take, read from /proc.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Dir, Mode, OFlags, openat};

use super::sweep;
use crate::wire;

/// The processes below a command's first one, which is not counted.
pub(super) struct Processes {
    init: i32,
    found: Found,
}

enum Found {
    /// The first process will send the /proc of its namespace through this.
    Announced(UnixStream),
    Namespace(OwnedFd),
    /// Without a namespace: whoever descends from the first process.
    Tree,
}

/// Memory in bytes; tasks are processes and threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    pub(super) memory: u64,
    pub(super) tasks: u64,
}

impl Processes {
    pub(super) fn of_namespace(init: i32, announced: UnixStream) -> Self {
        Self {
            init,
            found: Found::Announced(announced),
        }
    }

    pub(super) fn below(init: i32) -> Self {
        Self {
            init,
            found: Found::Tree,
        }
    }

    pub(super) fn init(&self) -> i32 {
        self.init
    }

    /// Memory that several of them share counts for each: it may be much less, and is never more.
    pub(super) fn at_most(&mut self) -> Usage {
        self.take_announced();
        match &self.found {
            Found::Announced(_) => Usage::default(),
            Found::Namespace(proc) => sum(proc.as_fd(), numbers_in(proc.as_fd())),
            Found::Tree => match open(CWD, "/proc", OFlags::DIRECTORY) {
                Ok(proc) => sum(proc.as_fd(), sweep::find_descendants(self.init)),
                Err(_) => Usage::default(),
            },
        }
    }

    fn take_announced(&mut self) {
        let Found::Announced(socket) = &self.found else { return };
        if is_readable(socket) {
            self.found = match wire::receive::<()>(socket) {
                Ok(Some((_, mut sent))) if sent.len() == 1 => Found::Namespace(sent.remove(0)),
                // It has ended before it came to that.
                _ => Found::Tree,
            };
        }
    }
}

fn sum(proc: BorrowedFd<'_>, pids: impl IntoIterator<Item = i32>) -> Usage {
    let mut total = Usage::default();
    let mut text = String::new();
    for pid in pids {
        // It may have ended meanwhile.
        if read(proc, &format!("{pid}/status"), &mut text).is_ok() {
            total.memory = total.memory.saturating_add(memory_at_most(&text));
            total.tasks += kilobytes(&text, &["Threads:"]).max(1);
        }
    }
    total
}

/// From a process's `status`, in bytes. Page tables count: touching a page here and there takes more for them than for the pages.
pub(super) fn memory_at_most(status: &str) -> u64 {
    kilobytes(status, &["RssAnon:", "RssShmem:", "VmSwap:", "VmPTE:"]) << 10
}

/// The sum of the lines with these names.
pub(super) fn kilobytes(text: &str, names: &[&str]) -> u64 {
    let values = text
        .lines()
        .filter_map(|line| names.iter().find_map(|name| line.strip_prefix(name)));
    values.map(number).sum()
}

pub(super) fn number(text: &str) -> u64 {
    text.split_ascii_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}

fn is_readable(socket: &UnixStream) -> bool {
    let mut waited = [PollFd::new(socket, PollFlags::IN)];
    matches!(poll(&mut waited, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1))
}

fn numbers_in(proc: BorrowedFd<'_>) -> Vec<i32> {
    // From the start each time: a descriptor that was read to its end stays there.
    let Ok(entries) = open(proc, ".", OFlags::DIRECTORY).and_then(|folder| Ok(Dir::new(folder)?)) else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok());
    pids.filter(|pid| *pid != 1).collect()
}

pub(super) fn open(folder: impl AsFd, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(openat(
        folder,
        path,
        flags | OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

pub(super) fn read(folder: BorrowedFd<'_>, path: &str, text: &mut String) -> io::Result<()> {
    // A process may give itself a name that is not text.
    let mut bytes = std::mem::take(text).into_bytes();
    bytes.clear();
    File::from(open(folder, path, OFlags::empty())?).read_to_end(&mut bytes)?;
    *text = String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tVmPTE: 9 kB\nThreads:\t3\nVmSize:\t  500 kB\nRssAnon:\t     100 kB\nRssFile:\t    3068 kB\n\
                          RssShmem:\t      20 kB\nVmPTE:\t       4 kB\nVmSwap:\t       1 kB\n";

    #[test]
    fn what_a_status_says() {
        assert_eq!(memory_at_most(STATUS), 125 << 10);
        assert_eq!(kilobytes(STATUS, &["Threads:"]), 3);
        assert_eq!(memory_at_most("Name:\tzombie\nThreads:\t1\n"), 0);
    }
}
