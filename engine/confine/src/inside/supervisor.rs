//! The helper's main loop: makes the Cell, starts commands in it, and ends everything when the engine is gone.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{DumpableBehavior, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::fork::{self, Forked};
use super::gate::{Filter, Policy};
use super::grants::Grants;
use super::init::{Gate, Init};
use super::mount::{Forbid, Tree};
use super::namespaces;
use super::root::Root;
use super::sources::{Placed, Sources};
use super::walls::Walls;
use super::{identity, sweep, workspace};
use crate::command::SpawnError;
use crate::failure::{During, Failure, Step};
use crate::limits;
use crate::spec::{CellSpec, Level};
use crate::wire::{self, CommandLine, Reply, Request};

pub(super) struct Supervisor {
    engine: UnixStream,
    level: Level,
    walls: Walls,
    /// At the degraded level.
    policy: Option<Rc<Policy>>,
    running: Vec<Running>,
    /// The read end goes to every command's first process; the write end is only here, so that its end is seen there.
    lifeline: (io::PipeReader, Option<io::PipeWriter>),
}

struct Running {
    pid: Pid,
    pidfd: OwnedFd,
    /// Held until the process is reaped, so that the engine sees the socket's end only when everything is gone.
    _status: OwnedFd,
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
        let Some((Request::Start(spec), _)) = wire::receive(&engine)? else {
            return Ok(None);
        };
        let Prepared {
            views,
            walls,
            policy,
            hidden,
        } = match prepare(&spec) {
            Ok(prepared) => prepared,
            Err(failure) => {
                wire::send(&engine, &Reply::NotStarted(failure), &[])?;
                return Ok(None);
            }
        };
        let views: Vec<_> = views.iter().map(AsFd::as_fd).collect();
        wire::send(&engine, &Reply::Started { hidden }, &views)?;
        let (reader, writer) = io::pipe()?;
        Ok(Some(Self {
            engine,
            level: spec.level,
            walls,
            policy: policy.map(Rc::new),
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
            }
            if engine_spoke {
                match wire::receive(&self.engine) {
                    Ok(Some((Request::Spawn(command), stdio))) => self.spawn(command, stdio)?,
                    // The engine is gone, or it has lost its mind.
                    _ => break,
                }
            }
        }
        self.end();
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
        match poll(&mut waited, None) {
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

    fn spawn(&mut self, command: CommandLine, stdio: Vec<OwnedFd>) -> io::Result<()> {
        match self.fork_init(command, stdio) {
            Ok((running, [status, notes])) => {
                let second = match self.level {
                    Level::Full => Some(running.pidfd.as_fd()),
                    // Killing the first process there would only orphan the others: it is asked through the socket.
                    Level::Degraded => Some(notes.as_fd()),
                    Level::Unconfined => None,
                };
                let descriptors: Vec<_> = [status.as_fd()].into_iter().chain(second).collect();
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
                level: self.level,
                walls: self.walls.clone(),
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
                        _status: status,
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

struct Prepared {
    /// The View's descriptors.
    views: Vec<OwnedFd>,
    walls: Walls,
    policy: Option<Policy>,
    /// What the View has to refuse by itself.
    hidden: Vec<OsString>,
}

/// Makes the Cell around this process.
fn prepare(spec: &CellSpec) -> Result<Prepared, Failure> {
    match spec.level {
        Level::Full => {
            let views = prepare_mounts(spec)?;
            let walls = Walls::behind_mounts(spec)?;
            Ok(Prepared {
                views,
                walls,
                policy: None,
                hidden: Vec::new(),
            })
        }
        Level::Degraded => prepare_without_mounts(spec),
        Level::Unconfined => {
            become_subreaper()?;
            let views = plain_views(Sources::collect(spec)?);
            Ok(Prepared {
                views,
                walls: Walls::none(),
                policy: None,
                hidden: Vec::new(),
            })
        }
    }
}

fn become_subreaper() -> Result<(), Failure> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .during(Step::Helper, "can't become a subreaper")
}

fn plain_views(sources: Sources) -> Vec<OwnedFd> {
    let write = sources.write.into_iter().map(|(_, folder)| folder);
    [sources.workspace].into_iter().chain(write).collect()
}

fn prepare_without_mounts(spec: &CellSpec) -> Result<Prepared, Failure> {
    become_subreaper()?;
    namespaces::leave_groups_and_keyring()?;
    let mut sources = Sources::collect(spec)?;
    sources.masks = sources
        .masks
        .with_targets(&spec.workspace)
        .during(Step::Masks, "can't find what hidden links lead to")?;
    let grants = Grants::collect(spec, &sources)?;
    let policy = Policy::new(spec, grants.apart).during(Step::Spec, "can't look at what programs may connect to")?;
    let walls = Walls::alone(spec, grants.rules, Filter::new(&policy))?;
    become_undumpable()?;
    Ok(Prepared {
        hidden: sources.masks.0.iter().map(|mask| mask.clone().into()).collect(),
        views: plain_views(sources),
        walls,
        policy: Some(policy),
    })
}

/// Nobody but this process reads its memory, which will hold the programs' environments.
fn become_undumpable() -> Result<(), Failure> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .during(Step::Identity, "can't become undumpable")
}

fn prepare_mounts(spec: &CellSpec) -> Result<Vec<OwnedFd>, Failure> {
    namespaces::enter(spec.network)?;
    let sources = Sources::collect(spec)?;
    let views = build_root(spec, sources)?;
    become_undumpable()?;
    Ok(views)
}

fn build_root(spec: &CellSpec, sources: Sources) -> Result<Vec<OwnedFd>, Failure> {
    let root = Root::new().during(Step::Mounts, "can't mount a new root")?;
    let place = |path: &Path, tree: io::Result<Tree>| {
        tree.and_then(|tree| root.place(path, &tree))
            .during(Step::Mounts, format_args!("can't place `{}`", path.display()))
    };
    let at = |path: &Path, result: io::Result<()>| {
        result.during(Step::Mounts, format_args!("can't make `{}`", path.display()))
    };
    place(
        Path::new("/tmp"),
        Tree::tmpfs(&[("size", limits::TMP_BYTES), ("mode", "1777")]),
    )?;
    place(
        Path::new("/dev/shm"),
        Tree::tmpfs(&[("size", limits::SHM_BYTES), ("mode", "1777")]),
    )?;
    for (name, target) in [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        let path = Path::new("/dev").join(name);
        at(&path, root.link(&path, &Path::new("/proc/self").join(target)))?;
    }
    // The host's own goes under each command's /proc: the kernel mounts a new one only where one is in full view.
    place(Path::new("/proc"), take_proc())?;

    let mut placed = sources.placed.iter().collect::<Vec<_>>();
    // Outer paths first: what lies inside of another one has to come on top of it.
    placed.sort_by_key(|(path, _)| path.components().count());
    let depth = spec.workspace.components().count();
    let (outer, inner) = placed.split_at(placed.partition_point(|(path, _)| path.components().count() < depth));
    let place_all = |all: &[&(std::path::PathBuf, Placed)]| {
        all.iter().try_for_each(|(path, placed)| match placed {
            Placed::Link(target) => at(path, root.link(path, target)),
            Placed::Mount(tree) => root
                .place(path, tree)
                .during(Step::Mounts, format_args!("can't place `{}`", path.display())),
        })
    };
    place_all(outer)?;
    workspace::place(&root, spec, &sources)?;
    place_all(inner)?;
    for (path, content) in identity::files(spec) {
        at(&path, root.file(&path, content.as_bytes()))?;
    }
    let views = workspace::views(&root, spec).during(Step::Mounts, "can't copy the workspace's mounts")?;
    root.enter().during(Step::Mounts, "can't enter the new root")?;
    Ok(views)
}

fn take_proc() -> io::Result<Tree> {
    let proc = Tree::clone_of(std::fs::File::open("/proc")?)?;
    proc.forbid(Forbid::PRIVILEGE)?;
    Ok(proc)
}
