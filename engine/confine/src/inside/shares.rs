//! Memory of processes that share it, each page counted once, while processes come and go.
//!
//! They are read one after the other, and what one of them shares goes over to others when it ends. So a sum of shares can be far
//! above what was ever there, and would end programs that did nothing wrong. What is counted here is never more than there was: of a
//! process that was there all the time its share, and of one that was not what it had for itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::fs::{CWD, OFlags};

use super::usage::{kilobytes, memory_at_most, number, open, read};
use super::{fork, sweep};
use crate::limits;

/// What one process has, in bytes.
#[derive(Debug, Clone, Copy)]
struct Share {
    /// With its part of what it shares.
    whole: u64,
    /// Without.
    alone: u64,
}

/// Of all processes below the first ones. `mounts` are the devices of the Cell's own file systems in memory, whose content is counted
/// elsewhere.
pub(super) fn exactly(inits: &[i32], mounts: &[(u32, u32)]) -> u64 {
    let processes = || inits.iter().copied().flat_map(descendants).collect();
    let (start, mut most, mut before): (_, _, BTreeSet<i32>) = (Instant::now(), 0, processes());
    for _ in 0..limits::EXACT_COUNTS {
        let shares = shares(&before, mounts);
        let after = processes();
        most = most.max(sum(&shares, &after));
        if after == before || start.elapsed() > limits::LOOK_EVERY {
            break;
        }
        before = after;
    }
    most
}

fn sum(shares: &BTreeMap<i32, Share>, after: &BTreeSet<i32>) -> u64 {
    let all = shares.iter().map(|(pid, share)| match after.contains(pid) {
        true => share.whole,
        false => share.alone,
    });
    all.fold(0, u64::saturating_add)
}

fn shares(processes: &BTreeSet<i32>, mounts: &[(u32, u32)]) -> BTreeMap<i32, Share> {
    let Ok(proc) = open(CWD, "/proc", OFlags::DIRECTORY) else {
        return BTreeMap::new();
    };
    let mut text = String::new();
    let shares = processes
        .iter()
        .filter_map(|pid| Some((*pid, share(proc.as_fd(), *pid, processes, mounts, &mut text)?)));
    shares.collect()
}

/// None when it has ended, or has nothing that is not its parent's.
fn share(
    proc: BorrowedFd<'_>,
    pid: i32,
    others: &BTreeSet<i32>,
    mounts: &[(u32, u32)],
    text: &mut String,
) -> Option<Share> {
    read(proc, &format!("{pid}/status"), text).ok()?;
    let (at_most, tables) = (memory_at_most(text), kilobytes(text, &["VmPTE:"]) << 10);
    let parent = kilobytes(text, &["PPid:"]).try_into().ok()?;
    // Before it is read: the child of a `vfork` has its parent's memory until it executes something, and then never again.
    if others.contains(&parent) && fork::share_memory(parent, pid) {
        return None;
    }
    let (whole, alone) = match read(proc, &format!("{pid}/smaps_rollup"), text) {
        Ok(()) => {
            let own = kilobytes(text, &["Pss_Anon:", "SwapPss:"]);
            // What is private may also be a file's.
            let private = kilobytes(text, &["Private_Dirty:"]).min(own);
            let shared = shared_of(proc, pid, text, mounts);
            (tables + ((own + shared) << 10), tables + (private << 10))
        }
        // A program whose file nobody can read hides this.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => (at_most, at_most),
        Err(_) => return None,
    };
    Some(Share { whole, alone })
}

/// Its part of memory that has no file in the Cell, in KiB. `text` is its `smaps_rollup`.
fn shared_of(proc: BorrowedFd<'_>, pid: i32, text: &mut String, mounts: &[(u32, u32)]) -> u64 {
    const SHARED: [&str; 1] = ["Pss_Shmem:"];
    let shared = kilobytes(text, &SHARED);
    if shared == 0 || read(proc, &format!("{pid}/smaps"), text).is_err() {
        return shared;
    }
    let elsewhere = counted_elsewhere(text, mounts);
    // While others come to share a file or cease to, this one's part of it is another at each look.
    let again = read(proc, &format!("{pid}/smaps_rollup"), text).map_or(shared, |()| kilobytes(text, &SHARED));
    shared.min(again).saturating_sub(elsewhere)
}

/// What a process has mapped of the Cell's file systems and of System V shared memory, in KiB. In private mappings some pages may be
/// its own.
fn counted_elsewhere(smaps: &str, mounts: &[(u32, u32)]) -> u64 {
    let (mut total, mut counts, mut is_shared, mut share) = (0_u64, false, false, 0);
    for line in smaps.lines() {
        if let Some(pss) = line.strip_prefix("Pss:") {
            share = number(pss);
        } else if let Some(anonymous) = line.strip_prefix("Anonymous:") {
            let own = if is_shared { 0 } else { number(anonymous) };
            total += if counts { share.saturating_sub(own) } else { 0 };
        } else if line.starts_with(|first: char| first.is_ascii_digit() || first.is_ascii_lowercase()) {
            // The head of a mapping: addresses, rights, offset, device, inode, name.
            let mut words = line.split_ascii_whitespace().skip(1);
            is_shared = words.next().is_some_and(|rights| rights.ends_with('s'));
            let device = words.nth(1).and_then(device);
            let is_system_v = words.nth(1).is_some_and(|name| name.starts_with("/SYSV"));
            counts = is_system_v || device.is_some_and(|device| mounts.contains(&device));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was read when there was one less to share a hundred with.
    #[test]
    fn who_ends_meanwhile_counts_without_what_others_had_too() {
        let shares = BTreeMap::from(
            [(2, (25, 0)), (3, (33, 1)), (4, (50, 2))].map(|(pid, (whole, alone))| (pid, Share { whole, alone })),
        );
        assert_eq!(sum(&shares, &[2].into()), 28);
        assert_eq!(sum(&shares, &[2, 3, 4].into()), 108);
        assert_eq!(sum(&shares, &[5].into()), 3);
    }

    #[test]
    fn memory_of_the_cells_file_systems_is_not_counted_twice() {
        let mapping = |rights: &str, device: &str, name: &str, pss: u64, anonymous: u64| {
            format!(
                "7f0000000000-7f0000100000 {rights} 00000000 {device} 7    {name}\nSize: 1 kB\nPss: {pss} kB\nPss_Dirty: 1 kB\n\
                 Anonymous: {anonymous} kB\nVmFlags: rd\n"
            )
        };
        let smaps = [
            mapping("rw-s", "00:2f", "/dev/shm/x (deleted)", 10, 0),
            mapping("rw-p", "00:2f", "/dev/shm/x", 200, 200),
            mapping("r-xp", "00:2f", "/tmp/program", 5_000, 1_000),
            mapping("rw-s", "00:01", "/dev/zero (deleted)", 400, 0),
            mapping("rw-s", "00:01", "/SYSV00000000 (deleted)", 1, 0),
            mapping("rw-p", "00:00", "", 800, 800),
        ]
        .concat();
        assert_eq!(counted_elsewhere(&smaps, &[(0, 0x2f)]), 4_011);
    }
}
