//! Memory that a Cell holds beside its processes', and what the machine has left.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{fstat, fstatvfs, major, minor};

use super::disk;
use super::usage::kilobytes;
use crate::layers::Layer;
use crate::limits;
use crate::spec::{CellSpec, Level};

/// The Cell's file systems in memory, and the System V objects of its IPC namespace.
pub(super) struct Stores {
    /// None without namespaces: those of the host are not the Cell's.
    mounts: Option<Vec<OwnedFd>>,
    devices: Vec<(u32, u32)>,
}

impl Stores {
    pub(super) fn of(spec: &CellSpec) -> io::Result<Self> {
        if spec.level != Level::Full || !spec.layers.has(Layer::Mounts) {
            return Ok(Self {
                mounts: None,
                devices: Vec::new(),
            });
        }
        // An overlay answers for its upper layer.
        let overlay = (!spec.writes_everywhere()).then_some(spec.workspace.as_path());
        let mounts = [Path::new("/tmp"), Path::new("/dev/shm")].into_iter().chain(overlay);
        let mounts = mounts.map(disk::folder).collect::<io::Result<Vec<_>>>()?;
        let devices = mounts.iter().map(|mount| {
            let device = fstat(mount)?.st_dev;
            Ok((major(device), minor(device)))
        });
        Ok(Self {
            devices: devices.collect::<io::Result<_>>()?,
            mounts: Some(mounts),
        })
    }

    /// As /proc/PID/smaps names them.
    pub(super) fn devices(&self) -> &[(u32, u32)] {
        &self.devices
    }

    /// In bytes.
    pub(super) fn held(&self) -> u64 {
        let Some(mounts) = &self.mounts else { return 0 };
        let in_files = mounts.iter().filter_map(|mount| fstatvfs(mount).ok()).map(|space| {
            let files = space.f_files.saturating_sub(space.f_ffree);
            space.f_blocks.saturating_sub(space.f_bfree) * space.f_frsize + files * limits::TMPFS_FILE_BYTES
        });
        let table = |name: &str| fs::read_to_string(format!("/proc/sysvipc/{name}")).unwrap_or_default();
        in_files.sum::<u64>()
            + column(&table("shm"), "rss")
            + column(&table("shm"), "swap")
            + column(&table("msg"), "cbytes")
            + column(&table("sem"), "nsems") * limits::SEMAPHORE_BYTES
    }
}

/// The sum of a column; the first line has the names.
fn column(table: &str, name: &str) -> u64 {
    let mut lines = table.lines();
    let names = lines.next().unwrap_or_default();
    let Some(index) = names.split_ascii_whitespace().position(|one| one == name) else {
        return 0;
    };
    lines
        .filter_map(|line| line.split_ascii_whitespace().nth(index)?.parse::<u64>().ok())
        .sum()
}

/// The machine's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Machine {
    pub(super) bytes: u64,
    /// What programs could take before something has to be swapped out or killed.
    pub(super) available: u64,
}

impl Machine {
    pub(super) fn now() -> io::Result<Self> {
        Ok(Self::parse(&fs::read_to_string("/proc/meminfo")?))
    }

    fn parse(meminfo: &str) -> Self {
        Self {
            bytes: kilobytes(meminfo, &["MemTotal:"]) << 10,
            // Until it is all in use, swap is memory too.
            available: kilobytes(meminfo, &["MemAvailable:", "SwapFree:"]) << 10,
        }
    }

    /// None where less is left already: then it is not the programs that take it.
    pub(super) fn floor(self) -> Option<u64> {
        let floor = limits::MACHINE_MEMORY_FLOOR.min(self.bytes / 50);
        (self.available > floor).then_some(floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let table = "       key      semid perms      nsems   uid\n         0          0   600         10     0\n         1          1   600         32     0\n";
        assert_eq!(column(table, "nsems"), 42);
        assert_eq!(column(table, "rss"), 0);
        assert_eq!(column("", "rss"), 0);
    }

    #[test]
    fn a_machine_has_a_floor_unless_it_is_below_it_already() {
        let machine = |total: u64, available: u64| {
            Machine::parse(&format!(
                "MemTotal: {total} kB\nMemAvailable: {available} kB\nSwapFree: 0 kB\n"
            ))
        };
        assert_eq!(machine(24 << 20, 20 << 20).floor(), Some(256 << 20));
        assert_eq!(machine(1 << 20, 1 << 19).floor(), Some((1 << 30) / 50));
        assert_eq!(machine(1 << 20, 20 << 10).floor(), None);
    }
}
