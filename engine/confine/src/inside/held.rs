//! What becomes of the limits that a specification asks for, on this machine.

use std::io;

use super::cgroup::{Group, Own};
use super::memory::Machine;
use super::rlimits::Rlimits;
use crate::limits;
use crate::program_limits::{Held, HeldLimits, Precision, ProgramLimits};
use crate::spec::{CellSpec, Level};

/// Made before the helper enters its namespaces, where it no longer finds its control group.
pub(super) struct Holding {
    pub(super) limits: HeldLimits,
    pub(super) group: Option<Group>,
    asked: ProgramLimits,
    level: Level,
}

impl Holding {
    pub(super) fn new(spec: &CellSpec) -> io::Result<Self> {
        let own = Own::find();
        let memory = match spec.limits.memory {
            Some(memory) => memory,
            None => {
                let machine = Machine::now()?.bytes;
                own.memory_limit().map_or(machine, |limit| limit.min(machine)) / 100 * limits::MEMORY_PERCENT
            }
        };
        let processes = spec.limits.processes.unwrap_or(ProgramLimits::DEFAULT_PROCESSES).into();
        let engine = nix::unistd::getppid().as_raw();
        let group = Group::make(&own, engine, memory, processes);
        let held = |most, exact: bool| Held {
            most,
            precision: if exact {
                Precision::Exact
            } else {
                Precision::Approximate
            },
        };
        let by_group = |limits: fn(&Group) -> bool| group.as_ref().is_some_and(limits);
        Ok(Self {
            limits: HeldLimits {
                memory: held(memory, by_group(Group::limits_memory)),
                processes: held(
                    processes,
                    by_group(Group::limits_processes) || kernel_counts_processes(spec.level),
                ),
            },
            group,
            asked: spec.limits,
            level: spec.level,
        })
    }

    /// The kernel then counts for that id too.
    pub(super) fn programs_have_an_own_id(&mut self) {
        self.limits.processes.precision = Precision::Exact;
    }

    /// For a command beside this many others.
    pub(super) fn rlimits(&self, others: usize) -> Rlimits {
        let watched = self.limits.memory.precision == Precision::Approximate;
        Rlimits {
            // The helper, and the first process of each command with its gate's thread, count as well.
            processes: (self.level == Level::Full).then(|| self.limits.processes.most + 1 + 2 * (1 + others as u64)),
            data: self.asked.memory.filter(|_| watched && self.level != Level::Unconfined),
        }
    }
}

/// By RLIMIT_NPROC, which counts for each user of a user namespace, and from which the kernel excepts the machine's root.
fn kernel_counts_processes(level: Level) -> bool {
    level == Level::Full && !rustix::process::getuid().is_root()
}
