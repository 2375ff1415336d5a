//! The first process of a command: pid 1 of its namespace. It starts the program, reaps what is left behind, passes signals on
//! and reports the end, once everything else has ended.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::mount::{UnmountFlags, unmount};
use rustix::net::{RecvFlags, SendFlags};
use rustix::process::DumpableBehavior;

use super::cgroup::{Group, Shortage};
use super::fork::{self, Forked};
use super::gate::{Keeper, Policy};
use super::mount::Tree;
use super::rlimits::{self, Rlimits};
use super::walls::Walls;
use super::{own_proc, program, sweep};
use crate::command::{Exit, SpawnError};
use crate::layers::{Layer, Layers};
use crate::limits;
use crate::spec::Level;
use crate::wire::{self, CommandLine, Handover, Report};

pub(super) struct Init<'a> {
    pub(super) command: CommandLine,
    pub(super) stdio: [OwnedFd; 3],
    /// To the engine. Reports go out, signal numbers come in; its end means: kill everything.
    pub(super) status: OwnedFd,
    /// Ends with the supervisor.
    pub(super) lifeline: OwnedFd,
    /// Gets a sight of the command's processes.
    pub(super) supervisor: UnixStream,
    pub(super) level: Level,
    pub(super) rlimits: Rlimits,
    /// Where the program goes.
    pub(super) group: Option<&'a Group>,
    pub(super) layers: Layers,
    pub(super) walls: &'a Walls,
    pub(super) gate: Option<Gate>,
}

/// What a command's gate is kept with.
pub(super) struct Gate {
    pub(super) policy: Policy,
    /// To the engine.
    pub(super) notes: OwnedFd,
}

/// What the first process does once the program runs.
struct Watch<'a> {
    status: &'a OwnedFd,
    lifeline: &'a OwnedFd,
    level: Level,
    main: Pid,
    children: SignalFd,
    shortage: Option<Shortage<'a>>,
}

impl Init<'_> {
    /// Never returns: most of this process's memory is the supervisor's, and no destructor of it may run.
    pub(super) fn run(mut self) -> ! {
        let report = match self.prepare().and_then(|()| self.start_program()) {
            Ok(watch) => watch.until_the_end(),
            Err(error) => Some(Report::NotRunning(error)),
        };
        if let Some(report) = report {
            send(&self.status, &report);
        }
        std::process::exit(0)
    }

    fn prepare(&self) -> Result<(), SpawnError> {
        rlimits::be_taken_first();
        if self.level == Level::Full {
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
                .map_err(not_prepared)?;
        }
        if has_ended(&self.lifeline) {
            // The supervisor died before the line above.
            std::process::exit(0)
        }
        if self.level == Level::Full {
            mount_proc(self.layers, &self.supervisor).map_err(|error| {
                SpawnError::Failed(format!(
                    "can't mount /proc: {error}; a container that hides parts of /proc does not allow it"
                ))
            })?;
        } else {
            rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(not_prepared)?;
        }
        if self.level != Level::Unconfined {
            // The program has the same user id: it must not look into this process.
            rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(not_prepared)?;
        }
        program::give_up_privileges(self.level, self.rlimits, self.layers).map_err(not_prepared)?;
        if self.level == Level::Full {
            self.walls.keep_first_process().map_err(not_prepared)?;
        }
        Ok(())
    }

    fn start_program(&mut self) -> Result<Watch<'_>, SpawnError> {
        let shortage = self.group.and_then(Group::shortage);
        let (main, children, handover) = self.fork_program().map_err(not_prepared)?;
        let mut listener = None;
        // The end means that `exec` has closed it.
        while let Some((word, descriptors)) = wire::receive(&handover).map_err(not_prepared)? {
            match word {
                Handover::Gate => listener = descriptors.into_iter().next(),
                Handover::NotRunning(error) => return Err(error),
            }
        }
        if let (Some(listener), Some(gate)) = (listener, self.gate.take()) {
            // No process is forked from this one any more.
            std::thread::Builder::new()
                .stack_size(limits::KEEPER_STACK_BYTES)
                .spawn(move || Keeper::new(listener, gate.policy, gate.notes).keep())
                .map_err(not_prepared)?;
        }
        send(&self.status, &Report::Running);
        Ok(Watch {
            status: &self.status,
            lifeline: &self.lifeline,
            level: self.level,
            main,
            children,
            shortage,
        })
    }

    fn fork_program(&self) -> io::Result<(Pid, SignalFd, UnixStream)> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGCHLD);
        signals.thread_block()?;
        let children = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let (handover, theirs) = UnixStream::pair()?;
        match fork::fork(0)? {
            Forked::Child => {
                let error = program::become_program(&self.command, &self.stdio, self.group, self.walls, &theirs);
                // If this fails, the end of this process is reported, which is an answer too.
                let _ = wire::send(&theirs, &Handover::NotRunning(error), &[]);
                std::process::exit(1)
            }
            Forked::Parent(main) => {
                // The program's pipes must not stay open because of this process, nor the supervisor's socket. The owners of
                // what is closed here are never dropped: this one by `forget`, the others by the exit at the end.
                std::mem::forget(theirs);
                let notes = self
                    .gate
                    .as_ref()
                    .map_or(self.status.as_fd(), |gate| gate.notes.as_fd());
                let kept = [
                    self.status.as_fd(),
                    self.lifeline.as_fd(),
                    children.as_fd(),
                    handover.as_fd(),
                    notes,
                    // Without it something twice, which changes nothing.
                    self.group.and_then(Group::events).map_or(handover.as_fd(), AsFd::as_fd),
                ];
                fork::close_all_but(kept.map(|descriptor| descriptor.as_raw_fd()))?;
                Ok((main, children, handover))
            }
        }
    }
}

impl Watch<'_> {
    /// None when the engine no longer listens.
    fn until_the_end(&self) -> Option<Report> {
        loop {
            let mut waited = [
                PollFd::new(&self.children, PollFlags::IN),
                PollFd::new(self.status, PollFlags::IN),
                PollFd::new(self.lifeline, PollFlags::IN),
            ];
            // A signal ends the wait early; there is nothing to do about it but to look.
            let _ = poll(&mut waited, None);
            let [child_ended, engine_spoke, supervisor_gone] = waited.map(|one| !one.revents().is_empty());
            if child_ended {
                while let Ok(Some(_)) = self.children.read_signal() {}
                if let Some(exit) = self.reap() {
                    self.kill_the_rest();
                    return Some(Report::Ended(exit));
                }
            }
            if supervisor_gone || (engine_spoke && !self.obey()) {
                self.kill_the_rest();
                return None;
            }
        }
    }

    /// How the main program ended, if it has.
    fn reap(&self) -> Option<Exit> {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == self.main => return Some(Exit::Code(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == self.main => {
                    let shortage = self.shortage.as_ref().filter(|_| signal == Signal::SIGKILL);
                    let limit = shortage.and_then(Shortage::has_killed);
                    return Some(limit.map_or(Exit::Signal(signal as i32), Exit::OverLimit));
                }
                Ok(WaitStatus::StillAlive) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Passes a signal on. False when the engine wants the end.
    fn obey(&self) -> bool {
        let mut signal = [0; 1];
        match rustix::net::recv(self.status, &mut signal, RecvFlags::DONTWAIT) {
            Ok((1, _)) => {
                if let Ok(signal) = Signal::try_from(i32::from(signal[0])) {
                    // The program may just have ended, or has not made its group yet and gets it alone.
                    let _ = killpg(self.main, signal).or_else(|_| kill(self.main, signal));
                }
                true
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => true,
            _ => false,
        }
    }

    fn kill_the_rest(&self) {
        if self.level != Level::Full {
            return sweep::descendants();
        }
        // -1 from pid 1: every process of this namespace but itself. None left is no failure.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        loop {
            match waitpid(None, None) {
                Err(Errno::EINTR) | Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}

/// The one below shows the host's processes: it goes away rather than being covered. The supervisor gets the new one too.
fn mount_proc(layers: Layers, supervisor: &UnixStream) -> io::Result<()> {
    if !layers.has(Layer::Proc) {
        return wire::send(supervisor, &(), &[std::fs::File::open("/proc")?.as_fd()]);
    }
    let proc = Tree::proc()?;
    if layers.has(Layer::Mounts) {
        unmount("/proc", UnmountFlags::DETACH)?;
    }
    proc.attach(rustix::fs::openat(
        rustix::fs::CWD,
        "/proc",
        rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?)?;
    own_proc::cover()?;
    wire::send(supervisor, &(), &[proc.as_fd()])
}

fn has_ended(lifeline: &OwnedFd) -> bool {
    let mut waited = [PollFd::new(lifeline, PollFlags::IN)];
    matches!(poll(&mut waited, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1))
}

/// When nobody is there to hear it, the engine is gone; the loop sees that.
pub(super) fn send(status: &OwnedFd, report: &Report) {
    if let Ok(report) = serde_json::to_vec(report) {
        let _ = rustix::net::send(status, &report, SendFlags::NOSIGNAL);
    }
}

fn not_prepared(error: impl Into<io::Error>) -> SpawnError {
    SpawnError::Failed(format!("can't prepare the program's process: {}", error.into()))
}
