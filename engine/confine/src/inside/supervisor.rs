//! The helper's main loop: makes the Cell, starts commands in it, and ends everything when the engine is gone.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{DumpableBehavior, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::cgroup::Group;
use super::fork::{self, Forked};
use super::gate::{Filter, Policy};
use super::grants::Grants;
use super::held::Holding;
use super::init::{self, Gate, Init};
use super::mount::{Forbid, Tree};
use super::namespaces;
use super::own_id::OwnId;
use super::root::Root;
use super::sources::Sources;
use super::usage::Processes;
use super::walls::Walls;
use super::watcher::Watcher;
use super::{identity, sockets, sweep, views};
use crate::command::{Exit, SpawnError};
use crate::failure::{During, Failure, Step};
use crate::ids::Ids;
use crate::layers::{Layer, Layers};
use crate::limit::Limit;
use crate::limits;
use crate::spec::{CellSpec, Level};
use crate::wire::{self, CommandLine, Reply, Report, Request, Started};

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
        } = match make(&spec) {
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

struct Made {
    holding: Holding,
    started: Started,
    handed_over: Vec<OwnedFd>,
    walls: Walls,
    policy: Option<Policy>,
    watcher: Watcher,
}

fn make(spec: &CellSpec) -> Result<Made, Failure> {
    let mut holding = Holding::new(spec).during(Step::Helper, "can't find out how much memory the machine has")?;
    let prepared = prepare(spec)?;
    if matches!(prepared.ids, Ids::Own(_)) {
        holding.programs_have_an_own_id();
    }
    let mut handed_over = prepared.views;
    let views = handed_over.len();
    let mut listeners = Vec::new();
    if spec.level == Level::Full && spec.layers.has(Layer::NetworkNamespace) {
        let (sockets, made) = sockets::open(spec)?;
        handed_over.extend(sockets);
        listeners = made;
    }
    let watcher = Watcher::new(spec, holding.limits).during(Step::Helper, "can't watch what programs take")?;
    if spec.level != Level::Unconfined {
        // Nobody but this process reads its memory, which will hold the programs' environments.
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
            .during(Step::Identity, "can't become undumpable")?;
    }
    Ok(Made {
        started: Started {
            ids: prepared.ids,
            limits: holding.limits,
            views,
            listeners,
            hidden: prepared.hidden,
        },
        walls: prepared.walls,
        policy: prepared.policy,
        watcher,
        holding,
        handed_over,
    })
}

struct Prepared {
    ids: Ids,
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
        Level::Full => prepare_mounts(spec),
        Level::Degraded => prepare_without_mounts(spec),
        Level::Unconfined => {
            become_subreaper()?;
            Ok(Prepared {
                ids: engine_s_ids("programs are not confined"),
                views: Sources::collect(spec, None)?.into_descriptors(),
                walls: Walls::none(),
                policy: None,
                hidden: Vec::new(),
            })
        }
    }
}

fn engine_s_ids(why: &str) -> Ids {
    if rustix::process::geteuid().is_root() {
        Ids::Root { why: why.to_owned() }
    } else {
        Ids::Engine
    }
}

fn become_subreaper() -> Result<(), Failure> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .during(Step::Helper, "can't become a subreaper")
}

fn prepare_without_mounts(spec: &CellSpec) -> Result<Prepared, Failure> {
    become_subreaper()?;
    namespaces::leave_user()?;
    let mut sources = Sources::collect(spec, None)?;
    sources.masks = sources
        .masks
        .with_targets(&spec.workspace)
        .during(Step::Masks, "can't find what hidden links lead to")?;
    let grants = Grants::collect(spec, &sources)?;
    let policy =
        Policy::without_mounts(spec, grants.apart).during(Step::Spec, "can't look at what programs may connect to")?;
    Ok(Prepared {
        ids: engine_s_ids("the degraded level has no ids of its own"),
        hidden: sources.masks.0.iter().map(|mask| mask.clone().into()).collect(),
        views: sources.into_descriptors(),
        walls: Walls::alone(spec, grants.rules, Filter::new(&policy))?,
        policy: Some(policy),
    })
}

fn prepare_mounts(spec: &CellSpec) -> Result<Prepared, Failure> {
    let (ids, sources) = enter(spec)?;
    let views = if spec.layers.has(Layer::Mounts) {
        build_root(spec, sources)?
    } else {
        sources.into_descriptors()
    };
    let policy = Policy::behind_mounts(spec).during(Step::Spec, "can't look at what programs may connect to")?;
    Ok(Prepared {
        ids,
        views,
        walls: Walls::behind_mounts(spec, Filter::new(&policy))?,
        policy: Some(policy),
        hidden: Vec::new(),
    })
}

/// Moves this process into the Cell's namespaces, with what it takes along.
fn enter(spec: &CellSpec) -> Result<(Ids, Sources), Failure> {
    namespaces::leave_user()?;
    let ids = if rustix::process::geteuid().is_root() {
        match with_own_id(spec) {
            Ok((own, sources)) => {
                own.become_it()?;
                namespaces::enter_others(spec.layers)?;
                return Ok((Ids::Own(own.id()), sources));
            }
            Err(Failure {
                step: Step::Identity | Step::Namespaces,
                text,
                ..
            }) => Ids::Root { why: text },
            Err(failure) => return Err(failure),
        }
    } else {
        Ids::Engine
    };
    namespaces::enter(spec.layers)?;
    Ok((ids, Sources::collect(spec, None)?))
}

/// Everything is opened as root, who reaches what the programs' id does not.
fn with_own_id(spec: &CellSpec) -> Result<(OwnId, Sources), Failure> {
    let mut own = OwnId::claim()?;
    let sources = Sources::collect(spec, Some(&mut own))?;
    own.enter()?;
    Ok((own, sources))
}

fn build_root(spec: &CellSpec, mut sources: Sources) -> Result<Vec<OwnedFd>, Failure> {
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

    let mut placed = std::mem::take(&mut sources.placed);
    // Outer paths first: what lies inside of another one has to come on top of it.
    placed.sort_by_key(|(path, _)| path.components().count());
    let (inside, outside): (Vec<_>, Vec<_>) = placed
        .into_iter()
        .partition(|(path, _)| path.starts_with(&spec.workspace));
    views::place_all(&root, &outside)?;
    let views = views::place(&root, spec, sources, &inside)?;
    for (path, content) in identity::files(spec) {
        at(&path, root.file(&path, content.as_bytes()))?;
    }
    root.enter().during(Step::Mounts, "can't enter the new root")?;
    Ok(views)
}

fn take_proc() -> io::Result<Tree> {
    let proc = Tree::clone_of(std::fs::File::open("/proc")?)?;
    proc.forbid(Forbid::PRIVILEGE)?;
    Ok(proc)
}
