//! The place where the native programs of one stage attempt run, seen from the engine.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use crate::child::Child;
use crate::command::{Command, SpawnError, Stdio};
use crate::failure::{Failure, StartError, Step};
use crate::helper::{Helper, Helpers};
use crate::ids::Ids;
use crate::machine;
use crate::network::{Connection, Gateway, Layout, Listener, Observer, Sockets, listed, redirects};
use crate::notes::Notes;
use crate::program_limits::HeldLimits;
use crate::spec::{CellSpec, Level};
use crate::view::View;
use crate::wire::{self, CommandLine, Reply, Request, Started};

/// Dropping it kills everything that runs in it; so does the end of the engine's process, however it ends. The View lives on.
#[derive(Debug)]
pub struct Cell {
    link: Arc<Link>,
    /// None at the end only.
    helper: Option<Helper>,
    level: Level,
    ids: Ids,
    limits: HeldLimits,
    view: Arc<View>,
    /// None where the Cell has no network of its own.
    gateway: Option<Gateway>,
}

/// The socket to the helper: one request and its reply at a time.
#[derive(Debug)]
struct Link(Mutex<Arc<UnixStream>>);

impl Cell {
    /// Blocks until the Cell is ready, some milliseconds.
    pub fn start(helpers: &Helpers, spec: &CellSpec) -> Result<Self, StartError> {
        Self::start_observed(helpers, spec, |_| {})
    }

    /// The same, with somebody who is told of every connection that programs make or are denied, when it ends. It is called from
    /// threads of its own, no longer than until the Cell is dropped.
    pub fn start_observed(
        helpers: &Helpers,
        spec: &CellSpec,
        observer: impl Fn(Connection) + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        refuse_odd_names(spec)?;
        let (asked, outside) = outside(spec).map_err(StartError::Helper)?;
        let (mut helper, reply, handed_over) = helpers.start(&asked).map_err(StartError::Helper)?;
        let started = match reply {
            Reply::Started(started) => started,
            Reply::NotStarted(failure) => return Err(refused(failure)),
            _ => {
                return Err(StartError::Helper(io::Error::other(
                    "it gave an answer to another question",
                )));
            }
        };
        // Nobody reads it from here on.
        helper.stop_listening();
        let link = Arc::new(Link(Mutex::new(helper.socket.clone())));
        let (view, gateway) = Self::serve(&link, spec, handed_over, &started, outside, Arc::new(observer))?;
        Ok(Self {
            link,
            helper: Some(helper),
            level: spec.level,
            ids: started.ids,
            limits: started.limits,
            view: Arc::new(view),
            gateway,
        })
    }

    fn serve(
        link: &Arc<Link>,
        spec: &CellSpec,
        handed_over: Vec<OwnedFd>,
        started: &Started,
        outside: Option<Sockets>,
        observer: Observer,
    ) -> Result<(View, Option<Gateway>), StartError> {
        let failed = |error: io::Error| StartError::Failed(Failure::new(Step::Helper, "can't serve the cell", error));
        let mut views = handed_over;
        let rest = views.split_off(views.len().min(started.views));
        let hidden = started.hidden.iter().map(Into::into).collect();
        let view = View::new(spec, views, hidden)?;
        let sockets = match outside {
            Some(outside) => outside,
            None if rest.is_empty() => return Ok((view, None)),
            None => sockets(spec, rest, &started.listeners).map_err(failed)?,
        };
        let asking = link.clone();
        let listen = Box::new(move |address| asking.listen(address));
        let gateway = Gateway::start(spec.network.clone(), sockets, listen, observer).map_err(failed)?;
        Ok((view, Some(gateway)))
    }

    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    pub fn level(&self) -> Level {
        self.level
    }

    /// Whose id programs have on the host. `Ids::Root` is less than the level promises; whoever starts Cells should say so.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// What its programs are held to.
    pub fn limits(&self) -> HeldLimits {
        self.limits
    }

    /// Blocks until the program runs, some milliseconds.
    pub fn spawn(&self, command: Command) -> Result<Child, SpawnError> {
        let lost = |error: io::Error| SpawnError::Failed(format!("no answer from the cell: {error}"));
        let Command {
            program,
            args,
            env,
            cwd,
            stdin,
            stdout,
            stderr,
        } = command;
        let stdio = [(stdin, false), (stdout, true), (stderr, true)]
            .into_iter()
            .map(|(stdio, write)| open(stdio, write))
            .collect::<io::Result<Vec<OwnedFd>>>()
            .map_err(|error| SpawnError::Failed(format!("can't use the standard streams: {error}")))?;
        if let Ids::Own(id) = self.ids {
            stdio.iter().for_each(|stream| give_pipe(stream, id));
        }
        let descriptors: Vec<_> = stdio.iter().map(AsFd::as_fd).collect();
        let request = Request::Spawn(CommandLine {
            program,
            args,
            env,
            cwd,
        });
        let reply = self.link.ask(&request, &descriptors).map_err(lost)?;
        // Before the wait for the program: its pipes must not stay open here.
        drop(stdio);
        match reply {
            Some((Reply::Spawned, descriptors)) => {
                let mut descriptors = descriptors.into_iter();
                let status = descriptors
                    .next()
                    .ok_or_else(|| SpawnError::Failed("the cell sent no status".to_owned()))?;
                let has_gate = self.level != Level::Unconfined;
                let notes = descriptors
                    .next()
                    .filter(|_| has_gate)
                    .map(|notes| Arc::new(Notes::new(notes)));
                if let (Some(gateway), Some(notes)) = (&self.gateway, &notes) {
                    gateway.watch(notes.clone());
                }
                Child::started(status, descriptors.next(), notes)
            }
            Some((Reply::NotSpawned(error), _)) => Err(error),
            Some(_) => Err(SpawnError::Failed(
                "the cell gave an answer to another question".to_owned(),
            )),
            None => Err(SpawnError::Failed("the cell has ended".to_owned())),
        }
    }
}

impl Link {
    fn ask(&self, request: &Request, descriptors: &[BorrowedFd<'_>]) -> io::Result<Option<(Reply, Vec<OwnedFd>)>> {
        let socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reply = wire::send(&socket, request, descriptors).and_then(|()| wire::receive(&socket));
        if reply
            .as_ref()
            .is_err_and(|error| error.kind() != io::ErrorKind::InvalidInput)
        {
            // A late reply would be taken for the next one's. InvalidInput means that nothing was sent.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
        reply
    }

    fn listen(&self, address: SocketAddr) -> io::Result<TcpListener> {
        match self.ask(&Request::Listen(address), &[])? {
            Some((Reply::Listening, mut sockets)) if sockets.len() == 1 => Ok(sockets.remove(0).into()),
            Some((Reply::NotListening(why), _)) => Err(io::Error::other(why)),
            _ => Err(io::Error::other("the cell has ended")),
        }
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        // Nobody who asks the helper for something is cut off in the middle.
        let asking = self.link.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.helper = None;
        drop(asking);
        // After the programs: what they still had to say has been said.
        self.gateway = None;
    }
}

/// At the degraded level, where the helper has no network of its own: sockets of the engine's, and the specification with what
/// leads to them.
fn outside(spec: &CellSpec) -> io::Result<(CellSpec, Option<Sockets>)> {
    let mut spec = spec.clone();
    if spec.level != Level::Degraded {
        return Ok((spec, None));
    }
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (names_tcp, forwarded) = (listen()?, listen()?);
    let listed = listed(&spec.network);
    spec.redirects.extend(redirects(
        &spec.network,
        &listed,
        names_tcp.local_addr()?,
        forwarded.local_addr()?,
    ));
    let sockets = Sockets {
        names_udp: None,
        names_tcp,
        listeners: Vec::new(),
        forwarded: Some((forwarded, listed.into())),
    };
    Ok((spec, Some(sockets)))
}

/// What the helper made for the network, sorted.
fn sockets(spec: &CellSpec, handed_over: Vec<OwnedFd>, listeners: &[usize]) -> io::Result<Sockets> {
    let layout = Layout::new(&spec.network);
    let mut sockets = handed_over.into_iter();
    let mut next = || sockets.next().ok_or(io::ErrorKind::UnexpectedEof);
    Ok(Sockets {
        names_udp: Some(next()?.into()),
        names_tcp: next()?.into(),
        listeners: listeners
            .iter()
            .map(|number| {
                let (address, destination) = *layout.listeners.get(*number).ok_or(io::ErrorKind::InvalidData)?;
                let socket = next()?.into();
                Ok(Listener {
                    address,
                    destination,
                    socket,
                })
            })
            .collect::<io::Result<_>>()?,
        forwarded: None,
    })
}

/// The specification travels as JSON, which holds text only.
fn refuse_odd_names(spec: &CellSpec) -> Result<(), StartError> {
    let lists = [
        &spec.read_only,
        &spec.write,
        &spec.read,
        &spec.toolchains,
        &spec.for_programs,
    ];
    let links = spec.links.iter().flat_map(|(path, target)| [path, target]);
    let places = [&spec.workspace, &spec.scratch].into_iter().chain(links);
    let mut paths = lists.into_iter().flatten().chain(places);
    match paths.find(|path| path.to_str().is_none()) {
        Some(path) => Err(StartError::Spec(format!(
            "the name of `{}` is not text (UTF-8); rename the folder",
            path.display()
        ))),
        None => Ok(()),
    }
}

fn is_internet(descriptor: &OwnedFd) -> bool {
    use rustix::net::AddressFamily;
    rustix::net::sockopt::socket_domain(descriptor)
        .is_ok_and(|domain| matches!(domain, AddressFamily::INET | AddressFamily::INET6))
}

fn open(stdio: Stdio, write: bool) -> io::Result<OwnedFd> {
    match stdio {
        // It would be a way into the network that the descriptor comes from.
        Stdio::Fd(descriptor) if is_internet(&descriptor) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a network connection can't be passed on",
        )),
        Stdio::Fd(descriptor) => Ok(descriptor),
        Stdio::Null => Ok(std::fs::OpenOptions::new()
            .read(!write)
            .write(write)
            .open("/dev/null")?
            .into()),
    }
}

/// Opening /dev/stdout asks whose a pipe is, and a pipe is its maker's. Nothing else of what a program gets is given away.
fn give_pipe(stream: &OwnedFd, id: u32) {
    // PIPEFS_MAGIC: a pipe without a name, not one in a folder.
    if rustix::fs::fstatfs(stream).is_ok_and(|system| system.f_type == 0x5049_5045) {
        // Without it the program can still use what it has.
        let _ = std::os::unix::fs::fchown(stream, Some(id), Some(id));
    }
}

fn refused(failure: Failure) -> StartError {
    match machine::explain(&failure) {
        Some(why) => StartError::Machine {
            step: failure.step,
            why,
        },
        None if matches!(failure.step, Step::Spec | Step::Masks) => StartError::Spec(failure.text),
        None => StartError::Failed(failure),
    }
}
