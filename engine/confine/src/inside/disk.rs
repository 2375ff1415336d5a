//! The floor of free space on the file systems that programs write to.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, StatVfs, fstat, fstatvfs, openat};

use crate::limit::Limit;
use crate::limits;
use crate::spec::{CellSpec, Level};

pub(super) struct Disks(Vec<Disk>);

struct Disk {
    folder: OwnedFd,
    floor: Floor,
}

/// None where it was crossed at the start already, or where the file system does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Floor {
    bytes: Option<u64>,
    files: Option<u64>,
}

impl Disks {
    /// Those of scratch and of what of the workspace is real.
    pub(super) fn of(spec: &CellSpec) -> io::Result<Self> {
        let in_workspace: Vec<PathBuf> = match spec.level {
            Level::Unconfined => vec![spec.workspace.clone()],
            Level::Full | Level::Degraded => spec.write.iter().map(|folder| spec.workspace.join(folder)).collect(),
        };
        let (mut devices, mut disks) = (Vec::new(), Vec::new());
        for path in in_workspace.iter().chain([&spec.scratch]) {
            let folder = folder(path)?;
            let device = fstat(&folder)?.st_dev;
            if devices.contains(&device) {
                continue;
            }
            devices.push(device);
            let floor = Floor::of(&fstatvfs(&folder)?);
            disks.push(Disk { folder, floor });
        }
        Ok(Self(disks))
    }

    pub(super) fn crossed(&self) -> Option<Limit> {
        self.0
            .iter()
            .find_map(|disk| disk.floor.crossed(&fstatvfs(&disk.folder).ok()?))
    }
}

impl Floor {
    fn of(space: &StatVfs) -> Self {
        let floor = |all: u64, most: u64, left: u64| {
            let floor = most.min(all / 100);
            (left > floor).then_some(floor)
        };
        Self {
            bytes: floor(
                space.f_blocks.saturating_mul(space.f_frsize),
                limits::DISK_FLOOR_BYTES,
                bytes_left(space),
            ),
            files: floor(space.f_files, limits::DISK_FLOOR_FILES, space.f_favail),
        }
    }

    fn crossed(self, space: &StatVfs) -> Option<Limit> {
        let bytes = self.bytes.filter(|floor| bytes_left(space) < *floor).map(Limit::Disk);
        let files = self.files.filter(|floor| space.f_favail < *floor);
        bytes.or(files.map(Limit::DiskFiles))
    }
}

fn bytes_left(space: &StatVfs) -> u64 {
    space.f_bavail.saturating_mul(space.f_frsize)
}

pub(super) fn folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, path, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use rustix::fs::StatVfsMountFlags;

    use super::*;

    fn space(blocks: u64, left: u64, files: u64, files_left: u64) -> StatVfs {
        StatVfs {
            f_bsize: 4_096,
            f_frsize: 4_096,
            f_blocks: blocks,
            f_bfree: left,
            f_bavail: left,
            f_files: files,
            f_ffree: files_left,
            f_favail: files_left,
            f_fsid: 0,
            f_flag: StatVfsMountFlags::empty(),
            f_namemax: 255,
        }
    }

    #[test]
    fn one_percent_of_a_small_disk_and_half_a_gibibyte_of_a_large_one() {
        let small = Floor::of(&space(10_000, 101, 1_000, 11));
        assert_eq!((small.bytes, small.files), (Some(100 * 4_096), Some(10)));
        assert_eq!(small.crossed(&space(10_000, 100, 1_000, 10)), None);
        assert_eq!(
            small.crossed(&space(10_000, 99, 1_000, 10)),
            Some(Limit::Disk(100 * 4_096))
        );
        assert_eq!(small.crossed(&space(10_000, 100, 1_000, 9)), Some(Limit::DiskFiles(10)));
        let large = Floor::of(&space(1 << 30, 1 << 29, 1 << 30, 1 << 29));
        assert_eq!((large.bytes, large.files), (Some(512 << 20), Some(16_384)));
    }

    #[test]
    fn a_disk_that_was_full_at_the_start_or_does_not_count_ends_nothing() {
        let full = Floor::of(&space(10_000, 50, 0, 0));
        assert_eq!(full.crossed(&space(10_000, 0, 0, 0)), None);
    }
}
