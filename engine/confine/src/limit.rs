//! Why the programs of a Cell were ended before their time.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Its text goes on after "the program was ended: ".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit {
    /// More than these bytes, by all programs together.
    Memory(u64),
    /// More than this many processes and threads, by all programs together.
    Processes(u64),
    /// Fewer than these bytes were left on a file system that they write to.
    Disk(u64),
    /// Fewer than this many further files had room on a file system that they write to.
    DiskFiles(u64),
    /// Fewer than these bytes of the machine's memory were left, whoever took it.
    MachineMemory(u64),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Memory(most) => write!(f, "its programs together took more than {} of memory", Bytes(most)),
            Self::Processes(most) => write!(f, "its programs together had more than {most} processes and threads"),
            Self::Disk(least) => write!(f, "less than {} was left on the disk that it writes to", Bytes(least)),
            Self::DiskFiles(least) => write!(
                f,
                "the disk that it writes to had room for fewer than {least} more files"
            ),
            Self::MachineMemory(least) => write!(f, "less than {} of the machine's memory was left", Bytes(least)),
        }
    }
}

struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
        let (mut unit, mut size) = (0, 1);
        while unit + 1 < UNITS.len() && self.0 >= size << 10 {
            (unit, size) = (unit + 1, size << 10);
        }
        // Rounded down: nobody is told of a limit that is higher than his own.
        let (whole, tenths) = (self.0 / size, self.0 % size * 10 / size);
        match tenths {
            0 => write!(f, "{whole} {}", UNITS[unit]),
            _ => write!(f, "{whole}.{tenths} {}", UNITS[unit]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_readable() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1 << 10, "1 KiB"),
            (512 << 20, "512 MiB"),
            (2 << 30, "2 GiB"),
            (3 << 29, "1.5 GiB"),
            ((2 << 30) + 1, "2 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        assert_eq!(
            Limit::Memory(2 << 30).to_string(),
            "its programs together took more than 2 GiB of memory"
        );
    }
}
