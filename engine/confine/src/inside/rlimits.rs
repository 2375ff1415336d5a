//! What the kernel limits for each process by itself. There is no limit on the size of one file: a database has no natural size,
//! and the floor of free disk space ends what fills the disk.

use std::fs;
use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

use crate::limits;
use crate::spec::Level;

#[derive(Debug, Clone, Copy)]
pub(super) struct Rlimits {
    /// Within the Cell's own user namespace the kernel counts its processes alone; elsewhere it would count all of the user's.
    pub(super) processes: Option<u64>,
    /// Private memory, used or not. Only where a limit was asked for: some programs reserve much more than they use (those built
    /// with sanitizers).
    pub(super) data: Option<u64>,
}

impl Rlimits {
    /// For this process and all that it starts.
    pub(super) fn apply(self, level: Level) -> io::Result<()> {
        // A core file holds what the program was given, secrets included.
        lower(Resource::Core, 0)?;
        if let Some(processes) = self.processes {
            lower(Resource::Nproc, processes)?;
        }
        if let Some(data) = self.data {
            lower(Resource::Data, data)?;
        }
        if level == Level::Unconfined {
            return Ok(());
        }
        lower(Resource::Nofile, limits::OPEN_FILES)?;
        lower(Resource::Memlock, limits::LOCKED_BYTES)?;
        lower(Resource::Msgqueue, limits::MESSAGE_QUEUE_BYTES)?;
        lower(Resource::Sigpending, limits::PENDING_SIGNALS)
    }
}

/// Neither limit rises.
fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let least = |limit: Option<u64>| Some(limit.map_or(most, |limit| limit.min(most)));
    let now = getrlimit(resource);
    setrlimit(
        resource,
        Rlimit {
            current: least(now.current),
            maximum: least(now.maximum),
        },
    )?;
    Ok(())
}

/// When the machine runs out of memory, the kernel takes programs before anything else. To be called where /proc can be written.
pub(super) fn be_taken_first() {
    // Only who is dumpable may write its own. It is alone in its namespace, and becomes undumpable again before a program starts.
    let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
    // Without it the kernel chooses by size alone, which finds most bombs too.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
}
