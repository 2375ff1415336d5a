//! The engine's end of a Cell's network: answers the Cell's questions for names, accepts its connections and dials out.

use std::collections::BTreeMap;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::dns::{self, Answer};
use super::layout::is_below;
use super::names::{Lookup, Names};
use super::redirects::Listed;
use super::relay::{cut, relay};
use super::{Connection, ConnectionEnd, Destination, Layout, Observer, dial};
use crate::limits;
use crate::notes::Notes;

/// A message over UDP, and over TCP: more than any question needs.
const QUERY_BYTES: usize = 4_096;

/// Sockets of the Cell's network, made by its helper.
pub(crate) struct Sockets {
    /// None where datagrams are denied.
    pub(crate) names_udp: Option<UdpSocket>,
    pub(crate) names_tcp: TcpListener,
    pub(crate) listeners: Vec<Listener>,
    /// Where the host's network is shared: for all that the gate redirects. Anybody on the machine can connect to it and to the one
    /// for names, so only peers are let in that the gate has announced.
    pub(crate) forwarded: Option<(TcpListener, Arc<[Listed]>)>,
}

#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    /// An index into the destinations.
    pub(crate) destination: usize,
    pub(crate) socket: TcpListener,
}

/// Makes a listener inside, for a name that was not known at the start.
pub(crate) type Listen = Box<dyn Fn(SocketAddr) -> io::Result<TcpListener> + Send + Sync>;

/// Dropping it ends every connection; the observer has heard of each by then.
#[derive(Debug)]
pub(crate) struct Gateway {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    destinations: Vec<Destination>,
    names: Mutex<Names>,
    state: Mutex<State>,
    /// A connection has ended.
    ended: Condvar,
    waker: PipeWriter,
    /// Whether listeners are made inside for new names.
    listens: bool,
    listen: Listen,
    observer: Observer,
}

#[derive(Default)]
struct State {
    stopped: bool,
    next: u64,
    /// Each with its two ends once there are two.
    connections: BTreeMap<u64, Option<(TcpStream, TcpStream)>>,
    /// Connections of which the program may have said something that was not passed on yet.
    unsent: usize,
    /// Made by a lookup, not yet waited at.
    new_listeners: Vec<Listener>,
    made_listeners: usize,
    /// Of the commands' gates.
    notes: Vec<Watched>,
    denied_told: usize,
}

struct Watched {
    notes: Arc<Notes>,
    /// How many of the refused ones were told of.
    told: usize,
}

impl Gateway {
    pub(crate) fn start(
        destinations: Vec<Destination>,
        sockets: Sockets,
        listen: Listen,
        observer: Observer,
    ) -> io::Result<Self> {
        let (reader, waker) = io::pipe()?;
        let names = Names::new(Layout::new(&destinations).names);
        let shared = Arc::new(Shared {
            destinations,
            names: Mutex::new(names),
            state: Mutex::default(),
            ended: Condvar::new(),
            waker,
            listens: sockets.forwarded.is_none(),
            listen,
            observer,
        });
        if let Some(names_udp) = &sockets.names_udp {
            names_udp.set_nonblocking(true)?;
        }
        for listener in [
            Some(&sockets.names_tcp),
            sockets.forwarded.as_ref().map(|(listener, _)| listener),
        ]
        .into_iter()
        .flatten()
        {
            listener.set_nonblocking(true)?;
        }
        let serving = shared.clone();
        let thread = thread("network").spawn(move || serve(&serving, sockets, reader))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Before the command's program can have begun.
    pub(crate) fn watch(&self, notes: Arc<Notes>) {
        self.shared.state().notes.push(Watched { notes, told: 0 });
        // Without it they are looked at later.
        let _ = (&self.shared.waker).write_all(b"x");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        {
            // The programs have ended: what they said last is still to come out.
            let state = self.shared.state();
            let unsent = |state: &mut State| state.unsent > 0;
            let waited = self.shared.ended.wait_timeout_while(state, limits::FLUSH_TIME, unsent);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            state.stopped = true;
            for (program, outside) in state.connections.values().flatten() {
                cut(program, outside);
            }
        }
        // The thread ends by itself if this fails: it is woken by nothing else then, so it is not waited for.
        if (&self.shared.waker).write_all(b"x").is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
        let connected = |state: &mut State| !state.connections.is_empty();
        let state = self.shared.state();
        // What takes longer is in a call that nothing interrupts, and has no effect any more.
        let _ = self.shared.ended.wait_timeout_while(state, limits::END_TIME, connected);
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("destinations", &self.destinations)
            .finish_non_exhaustive()
    }
}

fn serve(shared: &Arc<Shared>, sockets: Sockets, mut waker: PipeReader) {
    let Sockets {
        names_udp,
        names_tcp,
        mut listeners,
        forwarded,
    } = sockets;
    listeners.retain(|listener| listener.socket.set_nonblocking(true).is_ok());
    loop {
        let notes = shared.watched();
        let mut waited = vec![
            PollFd::new(&waker, PollFlags::IN),
            PollFd::new(&names_tcp, PollFlags::IN),
        ];
        waited.extend(names_udp.iter().map(|socket| PollFd::new(socket, PollFlags::IN)));
        waited.extend(forwarded.iter().map(|(socket, _)| PollFd::new(socket, PollFlags::IN)));
        waited.extend(
            listeners
                .iter()
                .map(|listener| PollFd::new(&listener.socket, PollFlags::IN)),
        );
        waited.extend(notes.iter().map(|notes| PollFd::new(notes, PollFlags::IN)));
        if let Err(error) = poll(&mut waited, None) {
            if error != rustix::io::Errno::INTR {
                // The machine has no memory for it now.
                std::thread::sleep(Duration::from_millis(10));
            }
            continue;
        }
        let mut ready = waited
            .iter()
            .map(|one| !one.revents().is_empty())
            .collect::<Vec<_>>()
            .into_iter();
        let mut is_ready = || ready.next().unwrap_or(false);
        if is_ready() {
            let _ = waker.read(&mut [0; 64]);
            if shared.state().stopped {
                shared.tell_refused();
                return;
            }
        }
        if is_ready()
            && let Ok((stream, peer)) = names_tcp.accept()
        {
            shared.spawn(move |shared, _| {
                if shared.listens || shared.asked_for(peer).is_some() {
                    answer_stream(shared, stream);
                }
            });
        }
        if let Some(names_udp) = &names_udp
            && is_ready()
        {
            answer_datagram(shared, names_udp);
        }
        if let Some((forwarded, listed)) = &forwarded
            && is_ready()
            && let Ok((program, peer)) = forwarded.accept()
        {
            let listed = listed.clone();
            shared.spawn(move |shared, id| {
                if let Some(asked) = shared.asked_for(peer)
                    && let Some((destination, host)) = shared.destination(asked, &listed)
                {
                    shared.connect(id, program, asked.port(), destination, host);
                }
            });
        }
        for listener in &listeners {
            if is_ready()
                && let Ok((program, _)) = listener.socket.accept()
            {
                let (address, destination) = (listener.address, listener.destination);
                let host = shared.host(address.ip(), destination);
                shared.spawn(move |shared, id| shared.connect(id, program, address.port(), destination, host));
            }
        }
        shared.tell_refused();
        listeners.append(&mut shared.state().new_listeners);
    }
}

fn answer_datagram(shared: &Shared, socket: &UdpSocket) {
    let mut query = [0; QUERY_BYTES];
    if let Ok((length, from)) = socket.recv_from(&mut query)
        && let Some(reply) = dns::answer(&query[..length], |name| shared.look_up(name))
    {
        // Whoever asked may be gone.
        let _ = socket.send_to(&reply, from);
    }
}

/// Queries over TCP: each with its length before it (RFC 1035, 4.2.2).
fn answer_stream(shared: &Shared, mut stream: TcpStream) {
    let deadline = Instant::now() + limits::QUERIES_TIME;
    let mut next = || -> io::Result<()> {
        let mut length = [0; 2];
        read_until(deadline, &mut stream, &mut length)?;
        let mut query = vec![0; u16::from_be_bytes(length).into()];
        read_until(deadline, &mut stream, &mut query)?;
        let reply = dns::answer(&query, |name| shared.look_up(name)).ok_or(io::ErrorKind::InvalidData)?;
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &reply].concat())
    };
    while next().is_ok() {}
}

/// All of `buffer`, however slowly it comes, but not after the deadline.
fn read_until(deadline: Instant, stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    let mut read = 0;
    while read < buffer.len() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left.min(limits::QUERY_TIME)))?;
        match stream.read(&mut buffer[read..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => read += length,
        }
    }
    Ok(())
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watched(&self) -> Vec<Arc<Notes>> {
        self.state().notes.iter().map(|watched| watched.notes.clone()).collect()
    }

    /// What a peer of ours has asked its gate for. A gate knows the peer's address when it has connected, and tells it then.
    fn asked_for(&self, peer: SocketAddr) -> Option<SocketAddr> {
        let deadline = Instant::now() + limits::ANNOUNCE_TIME;
        loop {
            let asked = self.watched().iter().find_map(|notes| notes.take_asked(peer));
            if asked.is_some() || Instant::now() >= deadline || self.state().stopped {
                return asked;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The destination that an address stands for, and the name that is meant.
    fn destination(&self, asked: SocketAddr, listed: &[Listed]) -> Option<(usize, String)> {
        if let Some(listed) = listed.iter().find(|listed| listed.address == asked) {
            return Some((listed.destination, listed.name.clone()));
        }
        let layout = Layout::new(&self.destinations);
        let laid_out = layout.listeners.iter().find(|(address, _)| *address == asked);
        let destination = match laid_out {
            Some((_, destination)) => *destination,
            None => {
                let names = self.names();
                let name = names.name_of(asked.ip())?;
                let port = asked.port();
                self.destinations
                    .iter()
                    .position(|destination| is_below(name, destination) && destination.port() == port)?
            }
        };
        Some((destination, self.host(asked.ip(), destination)))
    }

    /// Tells of what the gates have refused since the last time, and lets go of those that have ended.
    fn tell_refused(&self) {
        let mut refused = Vec::new();
        self.state().notes.retain_mut(|watched| {
            let ended = watched.notes.has_ended();
            let all = watched.notes.refused();
            let count = all.len();
            refused.extend(all.into_iter().skip(watched.told));
            watched.told = count;
            !ended
        });
        for refused in refused {
            if let Some(to) = self.missed(refused.to) {
                let end = ConnectionEnd::Denied;
                (self.observer)(Connection { to, end });
            }
        }
    }

    /// What a program missed, as it is granted. None where there is nothing to be missed: nobody listens, inside or outside.
    fn missed(&self, to: String) -> Option<String> {
        let Ok(address) = to.parse::<SocketAddr>() else {
            return Some(to);
        };
        let (ip, port) = (address.ip().to_canonical(), address.port());
        if let Some(name) = self.names().name_of(ip) {
            return Some(format!("{name}:{port}"));
        }
        if !ip.is_loopback() {
            return Some(to);
        }
        has_listener(port).then(|| format!("host-loopback:{port}"))
    }

    /// Runs something for one connection of a program, unless there are too many or the end has come.
    fn spawn(self: &Arc<Self>, work: impl FnOnce(&Self, u64) + Send + 'static) {
        let id = {
            let mut state = self.state();
            if state.stopped || state.connections.len() >= limits::CONNECTIONS {
                // Dropping what `work` holds is the answer: the connection ends.
                return;
            }
            state.next += 1;
            let id = state.next;
            state.connections.insert(id, None);
            id
        };
        let shared = self.clone();
        let spawned = thread("connection").spawn(move || {
            work(&shared, id);
            shared.forget(id);
        });
        if spawned.is_err() {
            self.forget(id);
        }
    }

    fn forget(&self, id: u64) {
        self.state().connections.remove(&id);
        self.ended.notify_all();
    }

    fn connect(&self, id: u64, program: TcpStream, port: u16, destination: usize, host: String) {
        let destination = &self.destinations[destination];
        let to = match destination {
            Destination::HostLoopback { .. } => destination.to_string(),
            _ if host.contains(':') => format!("[{host}]:{port}"),
            _ => format!("{host}:{port}"),
        };
        let end = match dial::dial(destination, &host, &|| !self.state().stopped) {
            Ok(outside) if self.hold(id, &program, &outside) => {
                let (sent, received) = relay(&program, &outside, || {
                    self.state().unsent -= 1;
                    self.ended.notify_all();
                });
                ConnectionEnd::Closed { sent, received }
            }
            Ok(_) => ConnectionEnd::Closed { sent: 0, received: 0 },
            Err(why) => {
                // The program sees an error and not an empty answer.
                let _ = rustix::net::sockopt::set_socket_linger(&program, Some(Duration::ZERO));
                ConnectionEnd::Failed(why)
            }
        };
        drop(program);
        (self.observer)(Connection { to, end });
    }

    /// Keeps both ends where `drop` finds them. False when it has been there already.
    fn hold(&self, id: u64, program: &TcpStream, outside: &TcpStream) -> bool {
        let Ok(ends) = program
            .try_clone()
            .and_then(|program| Ok((program, outside.try_clone()?)))
        else {
            return false;
        };
        let mut state = self.state();
        state.connections.insert(id, Some(ends));
        if !state.stopped {
            state.unsent += 1;
        }
        !state.stopped
    }

    /// What a program meant by an address.
    fn host(&self, address: IpAddr, destination: usize) -> String {
        match &self.destinations[destination] {
            Destination::Host { host, .. } => host.clone(),
            _ => self
                .names()
                .name_of(address)
                .map_or_else(|| address.to_string(), str::to_owned),
        }
    }

    fn look_up(&self, name: &str) -> Answer {
        let found = self.names().look_up(name, &self.destinations);
        match found {
            Lookup::Known(address) => Answer::Address(address),
            Lookup::New(address, destinations) => match self.listen_at(address.into(), destinations) {
                Ok(()) => Answer::Address(address),
                Err(_) => Answer::Failed,
            },
            Lookup::Denied { address, new } => {
                if new {
                    self.tell_denied(name);
                }
                address.map_or(Answer::Missing, Answer::Address)
            }
            Lookup::Missing => Answer::Missing,
        }
    }

    fn listen_at(&self, address: IpAddr, destinations: Vec<usize>) -> io::Result<()> {
        if !self.listens {
            return Ok(());
        }
        for destination in destinations {
            let address = SocketAddr::new(address, self.destinations[destination].port());
            {
                let mut state = self.state();
                if state.made_listeners >= limits::NEW_LISTENERS {
                    return Err(io::Error::other("too many names below granted domains"));
                }
                state.made_listeners += 1;
            }
            let socket = (self.listen)(address)?;
            socket.set_nonblocking(true)?;
            self.state().new_listeners.push(Listener {
                address,
                destination,
                socket,
            });
        }
        (&self.waker).write_all(b"x")
    }

    fn tell_denied(&self, name: &str) {
        let told = {
            let mut state = self.state();
            state.denied_told += 1;
            state.denied_told
        };
        if told <= limits::DENIED_TOLD {
            (self.observer)(Connection {
                to: name.to_owned(),
                end: ConnectionEnd::Denied,
            });
        }
    }
}

/// Whether anybody on the machine listens at a port. It is looked up, and nobody is asked.
fn has_listener(port: u16) -> bool {
    /// TCP_LISTEN.
    const LISTENS: &str = "0A";
    let port = format!(":{port:04X}");
    ["/proc/self/net/tcp", "/proc/self/net/tcp6"].iter().any(|table| {
        let table = std::fs::read_to_string(table).unwrap_or_default();
        table.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let at = fields.next().is_some_and(|address| address.ends_with(&port));
            at && fields.nth(1) == Some(LISTENS)
        })
    })
}

fn thread(name: &str) -> std::thread::Builder {
    std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(limits::RELAY_STACK_BYTES)
}
