//! Looks at what a Cell's programs take, where the kernel does not count for us, and at what they leave to others.

use std::io;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::cgroup;
use super::disk::Disks;
use super::memory::{Machine, Stores};
use super::shares;
use super::usage::{Processes, Usage};
use crate::limit::Limit;
use crate::limits;
use crate::program_limits::{HeldLimits, Precision};
use crate::spec::CellSpec;

pub(super) struct Watcher {
    held: HeldLimits,
    disks: Disks,
    stores: Stores,
    machine_floor: Option<u64>,
    /// Processes that the kernel had ended for want of memory, in the Cell's control group.
    killed: u64,
    next: Instant,
    last_count: Option<Count>,
    /// In a row.
    looks_over: u32,
}

struct Count {
    /// Another one before this would take too much of the processor.
    rest_until: Instant,
    /// What programs could still take.
    room: u64,
    /// What the machine had left.
    available: u64,
}

impl Watcher {
    pub(super) fn new(spec: &CellSpec, held: HeldLimits) -> io::Result<Self> {
        Ok(Self {
            held,
            disks: Disks::of(spec)?,
            stores: Stores::of(spec)?,
            machine_floor: Machine::now()?.floor(),
            killed: 0,
            next: Instant::now(),
            last_count: None,
            looks_over: 0,
        })
    }

    /// Until the next look.
    pub(super) fn pause(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// The limit that the programs of these commands have crossed. `events` are those of the Cell's control group.
    pub(super) fn look(
        &mut self,
        commands: &mut [&mut Processes],
        events: Option<&std::fs::File>,
    ) -> io::Result<Option<Limit>> {
        if !self.pause().is_zero() {
            return Ok(None);
        }
        self.next = Instant::now() + limits::LOOK_EVERY;
        if let Some(limit) = self.disks.crossed() {
            return Ok(Some(limit));
        }
        let killed = events.map_or(0, cgroup::killed);
        if std::mem::replace(&mut self.killed, killed) < killed {
            return Ok(Some(Limit::Memory(self.held.memory.most)));
        }
        let machine = Machine::now()?;
        if let Some(floor) = self.machine_floor.filter(|floor| machine.available < *floor) {
            return Ok(Some(Limit::MachineMemory(floor)));
        }
        if !self.must_count(machine) {
            return Ok(None);
        }
        Ok(self.count(commands, machine))
    }

    fn must_count(&self, machine: Machine) -> bool {
        let counts_itself = |precision| precision == Precision::Exact;
        if counts_itself(self.held.memory.precision) && counts_itself(self.held.processes.precision) {
            return false;
        }
        self.last_count.as_ref().is_none_or(|last| {
            let taken_since = last.available.saturating_sub(machine.available);
            Instant::now() >= last.rest_until || taken_since > last.room / 2
        })
    }

    fn count(&mut self, commands: &mut [&mut Processes], machine: Machine) -> Option<Limit> {
        let start = processor_time();
        let (memory, tasks) = (self.held.memory, self.held.processes);
        let mut usage = Usage {
            memory: self.stores.held(),
            tasks: 0,
        };
        let stored = usage.memory;
        for command in commands.iter_mut() {
            let at_most = command.at_most();
            usage.memory = usage.memory.saturating_add(at_most.memory);
            usage.tasks += at_most.tasks;
        }
        // First: so many processes take much memory too, and are the reason for it.
        if tasks.precision == Precision::Approximate && usage.tasks > tasks.most {
            return Some(Limit::Processes(tasks.most));
        }
        if memory.precision == Precision::Approximate && usage.memory > memory.most {
            let inits: Vec<_> = commands.iter().map(|command| command.init()).collect();
            usage.memory = stored.saturating_add(shares::exactly(&inits, self.stores.devices()));
        }
        let is_over = memory.precision == Precision::Approximate && usage.memory > memory.most;
        self.looks_over = if is_over { self.looks_over + 1 } else { 0 };
        let took = processor_time().saturating_sub(start);
        self.last_count = Some(Count {
            rest_until: Instant::now()
                + if is_over {
                    Duration::ZERO
                } else {
                    took * limits::LOOK_SHARE
                },
            room: memory.most.saturating_sub(usage.memory),
            available: machine.available,
        });
        (self.looks_over >= limits::LOOKS_OVER).then_some(Limit::Memory(memory.most))
    }
}

/// Of this thread: on a busy machine the clock would count what others do.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.try_into().unwrap_or_default()
}
