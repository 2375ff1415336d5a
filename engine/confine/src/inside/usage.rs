//! What the processes of a command take, read from /proc.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Dir, Mode, OFlags, openat};

use super::{fork, sweep};
use crate::limits;
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

/// What a look at all processes came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Exact(u64),
    /// Processes came and went each time: what they share went over to others between two looks at them, and counts twice or not at
    /// all. This is the largest sum.
    Restless(u64),
}

/// Of all processes below the first ones, shared memory counted once. `mounts` are the devices of the Cell's own file systems in
/// memory, whose content is counted elsewhere.
pub(super) fn exactly(inits: &[i32], mounts: &[(u32, u32)]) -> Count {
    let processes = || inits.iter().copied().flat_map(descendants).collect();
    let (mut most, mut before): (u64, BTreeSet<i32>) = (0, processes());
    for _ in 0..limits::EXACT_COUNTS {
        let sum = count(&before, mounts);
        let after = processes();
        if after == before {
            return Count::Exact(sum);
        }
        (most, before) = (most.max(sum), after);
    }
    Count::Restless(most)
}

/// Those that are there now, as fast as can be: who ends before it is looked at counts nothing.
fn descendants(root: i32) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        let Some(children) = children(pid) else {
            return sweep::find_descendants(root);
        };
        next.extend(children.into_iter().filter(|child| found.insert(*child)));
    }
    found
}

/// None where the kernel does not tell them (CONFIG_PROC_CHILDREN).
fn children(pid: i32) -> Option<Vec<i32>> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        // It has ended.
        return Some(Vec::new());
    };
    let mut all = Vec::new();
    for thread in threads.flatten() {
        match std::fs::read_to_string(thread.path().join("children")) {
            Ok(children) => all.extend(
                children
                    .split_ascii_whitespace()
                    .filter_map(|pid| pid.parse::<i32>().ok()),
            ),
            Err(_) if thread.path().exists() => return None,
            Err(_) => {}
        }
    }
    Some(all)
}

fn count(processes: &BTreeSet<i32>, mounts: &[(u32, u32)]) -> u64 {
    let Ok(proc) = open(CWD, "/proc", OFlags::DIRECTORY) else {
        return 0;
    };
    let (mut total, mut text) = (0_u64, String::new());
    // By size: processes that share all of their memory, as the two of a `vfork`, have the same.
    let mut counted: BTreeMap<u64, Vec<i32>> = BTreeMap::new();
    for &pid in processes {
        if read(proc.as_fd(), &format!("{pid}/status"), &mut text).is_err() {
            continue;
        }
        let same_size = counted.entry(kilobytes(&text, &["VmSize:"])).or_default();
        if same_size.iter().any(|other| fork::share_memory(*other, pid)) {
            continue;
        }
        same_size.push(pid);
        let (tables, at_most) = (kilobytes(&text, &["VmPTE:"]) << 10, memory_at_most(&text));
        let shares = match read(proc.as_fd(), &format!("{pid}/smaps_rollup"), &mut text) {
            Ok(()) => tables + share_of(proc.as_fd(), pid, &mut text, mounts),
            // A program whose file nobody can read hides this.
            Err(_) => at_most,
        };
        total = total.saturating_add(shares);
    }
    total
}

/// `text` is the process's `smaps_rollup`.
fn share_of(proc: BorrowedFd<'_>, pid: i32, text: &mut String, mounts: &[(u32, u32)]) -> u64 {
    const SHARED: [&str; 1] = ["Pss_Shmem:"];
    let own = kilobytes(text, &["Pss_Anon:", "SwapPss:"]);
    let mut shared = kilobytes(text, &SHARED);
    if shared > 0 && read(proc, &format!("{pid}/smaps"), text).is_ok() {
        let elsewhere = counted_elsewhere(text, mounts);
        // While others come to share a file or cease to, this one's part of it is another at each look.
        if read(proc, &format!("{pid}/smaps_rollup"), text).is_ok() {
            shared = shared.min(kilobytes(text, &SHARED));
        }
        shared = shared.saturating_sub(elsewhere);
    }
    (own + shared) << 10
}

/// What a process has mapped of the Cell's file systems and of System V shared memory, in KiB.
fn counted_elsewhere(smaps: &str, mounts: &[(u32, u32)]) -> u64 {
    let (mut total, mut counts) = (0, false);
    for line in smaps.lines() {
        if let Some(pss) = line.strip_prefix("Pss:") {
            total += if counts { number(pss) } else { 0 };
        } else if line.starts_with(|first: char| first.is_ascii_digit() || first.is_ascii_lowercase()) {
            // The head of a mapping: addresses, rights, offset, device, inode, name. In private ones there may be pages of their own.
            let mut words = line.split_ascii_whitespace().skip(1);
            let is_shared = words.next().is_some_and(|rights| rights.ends_with('s'));
            let device = words.nth(1).and_then(device);
            let is_system_v = words.nth(1).is_some_and(|name| name.starts_with("/SYSV"));
            counts = is_shared && (is_system_v || device.is_some_and(|device| mounts.contains(&device)));
        }
    }
    total
}

fn device(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once(':')?;
    Some((
        u32::from_str_radix(major, 16).ok()?,
        u32::from_str_radix(minor, 16).ok()?,
    ))
}

/// From a process's `status`, in bytes. Page tables count: touching a page here and there takes more for them than for the pages.
fn memory_at_most(status: &str) -> u64 {
    kilobytes(status, &["RssAnon:", "RssShmem:", "VmSwap:", "VmPTE:"]) << 10
}

/// The sum of the lines with these names.
pub(super) fn kilobytes(text: &str, names: &[&str]) -> u64 {
    let values = text
        .lines()
        .filter_map(|line| names.iter().find_map(|name| line.strip_prefix(name)));
    values.map(number).sum()
}

fn number(text: &str) -> u64 {
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

fn open(folder: impl AsFd, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(openat(
        folder,
        path,
        flags | OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

fn read(folder: BorrowedFd<'_>, path: &str, text: &mut String) -> io::Result<()> {
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

    #[test]
    fn memory_of_the_cells_file_systems_is_not_counted_twice() {
        let mapping = |rights: &str, device: &str, name: &str, pss: u64| {
            format!(
                "7f0000000000-7f0000100000 {rights} 00000000 {device} 7    {name}\nSize: 1 kB\nPss: {pss} kB\nPss_Dirty: 1 kB\nVmFlags: rd\n"
            )
        };
        let smaps = [
            mapping("rw-s", "00:2f", "/dev/shm/x (deleted)", 10),
            mapping("rw-p", "00:2f", "/dev/shm/x", 200),
            mapping("rw-s", "00:01", "/dev/zero (deleted)", 400),
            mapping("rw-s", "00:01", "/SYSV00000000 (deleted)", 1),
            mapping("rw-p", "00:00", "", 800),
        ]
        .concat();
        assert_eq!(counted_elsewhere(&smaps, &[(0, 0x2f)]), 11);
    }
}
