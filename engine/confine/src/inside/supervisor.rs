//! The helper's main loop: makes the Cell, starts commands in it, and ends everything when the engine is gone.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::ahead::Ahead;
use super::cgroup::Group;
use super::fork::{self, Forked};
use super::gate::Policy;
use super::held::Holding;
use super::init::{self, Gate, Init};
use super::made::Made;
use super::usage::Processes;
use super::walls::Walls;
use super::watcher::Watcher;
use super::{sockets, sweep};
use crate::command::{Exit, SpawnError};
use crate::layers::Layers;
use crate::limit::Limit;
use crate::limits;
use crate::spec::Level;
use crate::wire::{self, CommandLine, Reply, Report, Request};

pub(super) struct Supervisor {
    engine: UnixStream,
    level: Level,
    layers: Layers,
    walls: Walls,
    holding: Holding,
    watcher: Watcher,
    /// None at the unconfined level.
    policy: Option<Policy>,
    running: Vec<Running>,
    /// The read end goes to every command's first process; the write end is only here, so that its end is seen there.
    lifeline: (io::PipeReader, Option<io::PipeWriter>),
}

struct Running {
    pid: Pid,
    pidfd: OwnedFd,
    /// Held until the process is reaped, so that the engine sees the socket's end only when everything is gone.
    status: OwnedFd,
    processes: Processes,
    /// What all programs were ended for. The engine hears it when everything is gone.
    over: Option<Limit>,
}

impl Supervisor {
    /// The life of a helper process. Its standard input is the socket to the engine.
    pub(super) fn run() -> ! {
        let code = match Self::start().and_then(|started| started.map_or(Ok(()), |mut supervisor| supervisor.serve())) {
            Ok(()) => 0,
            Err(error) => {
                // For the engine, which reads it only when no reply came.
                let _ = writeln!(io::stderr(), "{error}");
                1
            }
        };
        std::process::exit(code)
    }

    /// None when there is nothing to serve: the Cell could not be made, which the engine was told.
    fn start() -> io::Result<Option<Self>> {
        // What the engine left open by mistake would live on here.
        fork::close_all_but([0, 1, 2])?;
        let engine = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        // Out of the terminal's reach: Ctrl-C asks the engine to stop, and the engine asks the programs.
        rustix::process::setsid()?;
        fork::reset_signals();
        rustix::process::umask(Mode::from_raw_mode(0o022));
        let ahead = Ahead::build(Layers::default());
        let Some((Request::Start(spec), _)) = wire::receive(&engine)? else {
            return Ok(None);
        };
        let Made {
            holding,
            started,
            handed_over,
            walls,
            policy,
            watcher,
        } = match Made::new(&spec, ahead) {
            Ok(made) => made,
            Err(failure) => {
                wire::send(&engine, &Reply::NotStarted(failure), &[])?;
                return Ok(None);
            }
        };
        let handed_over: Vec<_> = handed_over.iter().map(AsFd::as_fd).collect();
        wire::send(&engine, &Reply::Started(started), &handed_over)?;
        let (reader, writer) = io::pipe()?;
        Ok(Some(Self {
            engine,
            level: spec.level,
            layers: spec.layers,
            walls,
            holding,
            watcher,
            policy,
            running: Vec::new(),
            lifeline: (reader, Some(writer)),
        }))
    }

    fn serve(&mut self) -> io::Result<()> {
        loop {
            let (engine_spoke, ended) = self.wait()?;
            for index in ended.into_iter().rev() {
                let running = self.running.swap_remove(index);
                waitpid(running.pid, None)?;
                if let Some(limit) = running.over {
                    init::send(&running.status, &Report::Ended(Exit::OverLimit(limit)));
                }
            }
            if engine_spoke {
                match wire::receive(&self.engine) {
                    Ok(Some((Request::Spawn(command), stdio))) => self.spawn(command, stdio)?,
                    Ok(Some((Request::Listen(address), _))) => self.listen(address)?,
                    // The engine is gone, or it has lost its mind.
                    _ => break,
                }
            }
            self.hold()?;
        }
        self.end();
        Ok(())
    }

    /// Ends all programs when they take too much.
    fn hold(&mut self) -> io::Result<()> {
        let mut commands: Vec<_> = self.running.iter_mut().map(|running| &mut running.processes).collect();
        if commands.is_empty() {
            return Ok(());
        }
        let events = self.holding.group.as_ref().and_then(Group::events);
        let Some(limit) = self.watcher.look(&mut commands, events)? else {
            return Ok(());
        };
        for running in &mut self.running {
            running.over.get_or_insert(limit);
            if self.level == Level::Full {
                // It may have ended by itself.
                let _ = pidfd_send_signal(&running.pidfd, Signal::KILL);
            }
        }
        if self.level != Level::Full {
            // Every first process sees the end of the old one and ends its own tree.
            let (reader, writer) = io::pipe()?;
            self.lifeline = (reader, Some(writer));
        }
        Ok(())
    }

    /// Whether the engine spoke, and which commands have ended, by ascending index.
    fn wait(&self) -> io::Result<(bool, Vec<usize>)> {
        let mut waited = vec![PollFd::new(&self.engine, PollFlags::IN)];
        waited.extend(
            self.running
                .iter()
                .map(|running| PollFd::new(&running.pidfd, PollFlags::IN)),
        );
        let pause = match self.running.is_empty() {
            true => None,
            false => Some(Timespec::try_from(self.watcher.pause()).map_err(io::Error::other)?),
        };
        match poll(&mut waited, pause.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok((false, Vec::new())),
            Err(error) => return Err(error.into()),
        }
        let mut happened = waited.iter().map(|one| !one.revents().is_empty());
        let engine_spoke = happened.next().unwrap_or(false);
        let ended = happened
            .enumerate()
            .filter_map(|(index, ended)| ended.then_some(index))
            .collect();
        Ok((engine_spoke, ended))
    }

    fn listen(&self, address: SocketAddr) -> io::Result<()> {
        match sockets::listen(address) {
            Ok(listener) => wire::send(&self.engine, &Reply::Listening, &[listener.as_fd()]),
            Err(error) => wire::send(&self.engine, &Reply::NotListening(error.to_string()), &[]),
        }
    }

    fn spawn(&mut self, command: CommandLine, stdio: Vec<OwnedFd>) -> io::Result<()> {
        match self.fork_init(command, stdio) {
            Ok((running, [status, notes])) => {
                let mut descriptors = vec![status.as_fd()];
                descriptors.extend(self.policy.is_some().then(|| notes.as_fd()));
                // Killing the first process at another level would only orphan the others: it is asked through the socket.
                descriptors.extend((self.level == Level::Full).then(|| running.pidfd.as_fd()));
                let sent = wire::send(&self.engine, &Reply::Spawned, &descriptors);
                self.running.push(running);
                sent
            }
            Err(error) => {
                let error = SpawnError::Failed(format!("can't start a process in the cell: {error}"));
                wire::send(&self.engine, &Reply::NotSpawned(error), &[])
            }
        }
    }

    /// With the engine's ends of the sockets for reports and for notes.
    fn fork_init(&self, command: CommandLine, stdio: Vec<OwnedFd>) -> io::Result<(Running, [OwnedFd; 2])> {
        if self.running.len() >= limits::RUNNING_COMMANDS {
            return Err(io::Error::other(format!(
                "{} programs are running already",
                limits::RUNNING_COMMANDS
            )));
        }
        let stdio = <[OwnedFd; 3]>::try_from(stdio)
            .map_err(|got| io::Error::other(format!("{} descriptors came instead of three", got.len())))?;
        let pair = || socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
        let (status, theirs) = pair()?;
        let (notes, their_notes) = pair()?;
        let lifeline = self.lifeline.0.as_fd().try_clone_to_owned()?;
        let (supervisor, announced) = UnixStream::pair()?;
        let namespaces = match self.level {
            Level::Full => libc::CLONE_NEWPID | libc::CLONE_NEWNS,
            Level::Degraded | Level::Unconfined => 0,
        };
        match fork::fork(namespaces)? {
            Forked::Child => Init {
                command,
                stdio,
                status,
                lifeline,
                supervisor,
                level: self.level,
                rlimits: self.holding.rlimits(self.running.len()),
                group: self.holding.group.as_ref(),
                layers: self.layers,
                walls: &self.walls,
                gate: self.policy.clone().map(|policy| Gate { policy, notes }),
            }
            .run(),
            Forked::Parent(pid) => {
                // Not reaped yet, so the number can't have got a new owner.
                let pidfd = pidfd_open(rustix_pid(pid)?, PidfdFlags::empty())?;
                Ok((
                    Running {
                        pid,
                        pidfd,
                        status,
                        processes: match self.level {
                            Level::Full => Processes::of_namespace(pid.as_raw(), announced),
                            Level::Degraded | Level::Unconfined => Processes::below(pid.as_raw()),
                        },
                        over: None,
                    },
                    [theirs, their_notes],
                ))
            }
        }
    }

    /// Gives every first process the time to end its own tree. One that does not is stuck, and swept away with what is left.
    fn wait_for_all(&self) {
        let deadline = Instant::now() + limits::TREE_TIME;
        for running in &self.running {
            let mut waited = [PollFd::new(&running.pidfd, PollFlags::IN)];
            let _ = poll(&mut waited, Some(&left_until(deadline)));
        }
    }

    fn end(&mut self) {
        // Without a namespace every first process sees this and ends its own tree.
        self.lifeline.1 = None;
        if self.level != Level::Full {
            self.wait_for_all();
            sweep::descendants();
            return;
        }
        for running in self.running.drain(..) {
            // It may have ended by itself.
            let _ = pidfd_send_signal(&running.pidfd, Signal::KILL);
            let _ = waitpid(running.pid, None);
        }
    }
}

/// Until a moment in the future, for `poll`.
fn left_until(deadline: Instant) -> Timespec {
    let left = deadline.saturating_duration_since(Instant::now());
    Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 })
}

fn rustix_pid(pid: Pid) -> io::Result<rustix::process::Pid> {
    rustix::process::Pid::from_raw(pid.as_raw()).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
