//! How much a Cell's programs may take, all of them together.

use serde::{Deserialize, Serialize};

/// What is asked for; the defaults hold where nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProgramLimits {
    /// Bytes, with what lies in the private overlay, in `/tmp` and in `/dev/shm`. Default: 80 % of the machine's memory, or of
    /// what the engine's own control group allows where that is less.
    pub memory: Option<u64>,
    /// Processes and threads. Default: `DEFAULT_PROCESSES`.
    pub processes: Option<u32>,
}

impl ProgramLimits {
    /// pytest-xdist beside a browser takes some hundreds, each with a pool of threads; a fork bomb of this size still leaves the
    /// machine usable.
    pub const DEFAULT_PROCESSES: u32 = 4_096;
}

/// What a Cell holds its programs to, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLimits {
    /// In bytes.
    pub memory: Held,
    /// Processes and threads.
    pub processes: Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub most: u64,
    pub precision: Precision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// The kernel lets nothing beyond it.
    Exact,
    /// Looked at many times a second: programs get beyond it for a moment, then they are ended.
    Approximate,
}
