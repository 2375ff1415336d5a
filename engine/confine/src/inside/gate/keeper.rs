//! Who keeps the gate of one command, in a thread of the command's first process: programs that share a socket with it can make a
//! call of it wait, which then holds up what they ask of it themselves and nothing else. A connection that takes its time is waited for
//! together with everything else.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::net::{SendFlags, SocketFlags, SocketType, sockopt};

use super::address::{ADDRESS_BYTES, Address};
use super::caller::{Caller, Descriptor};
use super::listener::{Answer, Call, Listener, Slot};
use super::listeners;
use super::policy::{Policy, Target, Verdict};
use crate::connection::{Forwarded, Refused};
use crate::inside::system_calls;
use crate::limits;
use crate::wire::Note;

#[derive(Debug)]
pub(in crate::inside) struct Keeper {
    /// None once no process is left that could call.
    listener: Option<Listener>,
    policy: Policy,
    /// To the engine.
    notes: OwnedFd,
    noted: BTreeSet<String>,
    denied: BTreeSet<&'static str>,
    waiting: Vec<Waiting>,
}

/// A connection that a caller waits for.
#[derive(Debug)]
struct Waiting {
    call: u64,
    socket: Socket,
    /// A Unix socket whose queue is full: it does not say when it has room.
    again: Option<Target>,
}

#[derive(Debug)]
struct Socket {
    opened: OwnedFd,
    /// A socket of ours that takes the place of the caller's, where the caller's can't be had.
    instead: Option<(i32, Descriptor)>,
}

impl Keeper {
    pub(in crate::inside) fn new(listener: OwnedFd, policy: Policy, notes: OwnedFd) -> Self {
        Self {
            listener: Some(Listener::new(listener)),
            policy,
            notes,
            noted: BTreeSet::new(),
            denied: BTreeSet::new(),
            waiting: Vec::new(),
        }
    }

    /// Until no process is left that could call.
    pub(in crate::inside) fn keep(mut self) {
        while self.listener.is_some() {
            let pause = self.pause();
            let mut waited = self.waited();
            if rustix::event::poll(&mut waited, pause.as_ref()).is_err() {
                // Interrupted.
                continue;
            }
            let events: Vec<_> = waited.iter().map(PollFd::revents).collect();
            self.serve(&events);
        }
    }

    /// The listener, then each connection that says when it is decided.
    fn waited(&self) -> Vec<PollFd<'_>> {
        let listener = self
            .listener
            .iter()
            .map(|listener| PollFd::new(listener, PollFlags::IN));
        let sockets = self.waiting.iter().filter(|waiting| waiting.again.is_none());
        let sockets = sockets.map(|waiting| PollFd::new(&waiting.socket.opened, PollFlags::OUT));
        listener.chain(sockets).collect()
    }

    /// How long to wait for events at most.
    fn pause(&self) -> Option<Timespec> {
        let again = self.waiting.iter().any(|waiting| waiting.again.is_some());
        again.then(|| Timespec::try_from(limits::CONNECT_PAUSE).ok())?
    }

    fn serve(&mut self, events: &[PollFlags]) {
        let Some(listener) = self.listener.take() else {
            return;
        };
        let (own, sockets) = events
            .split_first()
            .map_or((PollFlags::empty(), events), |(own, rest)| (*own, rest));
        let mut sockets = sockets.iter();
        for waiting in std::mem::take(&mut self.waiting) {
            let happened = waiting.again.is_none() && sockets.next().is_some_and(|events| !events.is_empty());
            match waiting.result(happened) {
                Some(result) => waiting.socket.finish(&listener, waiting.call, result),
                None => self.waiting.push(waiting),
            }
        }
        if own.contains(PollFlags::IN) {
            match listener.receive() {
                Ok(Some(call)) => self.attend(&listener, call),
                Ok(None) => {}
                Err(_) => return,
            }
        } else if !own.is_empty() {
            // Its last process has ended.
            return;
        }
        self.listener = Some(listener);
    }

    fn attend(&mut self, listener: &Listener, call: Call) {
        if let Some(name) = system_calls::name_of_told(call.number) {
            // Before the program goes on, and so before its end.
            self.note_denied(name);
            listener.answer(call.id, Answer::Error(Errno::PERM));
            return;
        }
        let attended = match call.number {
            libc::SYS_connect => self.connect(listener, call),
            libc::SYS_bind => bind(listener, call),
            libc::SYS_listen => self.listen(listener, call),
            _ => {
                if !self.list(listener, call) {
                    listener.answer(call.id, Answer::GoOn);
                }
                Ok(())
            }
        };
        if let Err(error) = attended {
            listener.answer(call.id, Answer::Error(error));
        }
    }

    /// Answers, unless it returns an error. For all kinds of sockets: between the look and the call the caller can exchange what
    /// its descriptor stands for.
    fn listen(&mut self, listener: &Listener, call: Call) -> Result<(), Errno> {
        let caller = Caller::find(call.thread)?;
        let socket = caller.shared(call.arguments[0] as i32)?;
        let at = rustix::net::getsockname(&socket)?;
        let program = caller.program();
        if !listener.is_waiting(call.id) {
            return Ok(());
        }
        if let Ok(at) = SocketAddr::try_from(at)
            && !at.ip().to_canonical().is_loopback()
        {
            self.note_refused(format!("listen:{at}"), program);
            return Err(Errno::ACCESS);
        }
        rustix::net::listen(&socket, call.arguments[1] as i32)?;
        // Another thread may have taken its address away meanwhile.
        let now = rustix::net::getsockname(&socket)?;
        if SocketAddr::try_from(now).is_ok_and(|now| !now.ip().to_canonical().is_loopback()) {
            let _ = rustix::net::shutdown(&socket, rustix::net::Shutdown::Both);
            return Err(Errno::ACCESS);
        }
        listener.answer(call.id, Answer::Done);
        Ok(())
    }

    /// Answers, unless it returns an error.
    fn connect(&mut self, listener: &Listener, call: Call) -> Result<(), Errno> {
        let caller = Caller::find(call.thread)?;
        // The kernel reads the lower halves of both.
        let (descriptor, length) = (call.arguments[0] as i32, call.arguments[2] as i32);
        let length = usize::try_from(length).ok().filter(|length| *length <= ADDRESS_BYTES);
        let address = caller.bytes(call.arguments[1], length.ok_or(Errno::INVAL)?)?;
        let shared = match caller.shared(descriptor) {
            Err(Errno::BADF) => return Err(Errno::BADF),
            Err(error) if self.policy.shares => return Err(error),
            // Denied, as in containers without CAP_SYS_PTRACE.
            Err(_) => Err(caller.socket(descriptor)?),
            Ok(socket) => {
                sockopt::socket_domain(&socket)?;
                Ok(socket)
            }
        };
        let address = Address::parse(&address).ok_or(Errno::AFNOSUPPORT)?;
        if shared.is_err() && self.policy.trusts_the_network() && matches!(address, Address::Internet(_)) {
            // A new socket in its place might be of another kind.
            listener.answer(call.id, Answer::GoOn);
            return Ok(());
        }
        let is_stream = |socket: &OwnedFd| sockopt::socket_type(socket) == Ok(SocketType::STREAM);
        if self.policy.is_outside(&address) && shared.as_ref().is_ok_and(is_stream) {
            self.note_refused(address.to_string(), caller.program());
        }
        let verdict = self.policy.judge(&address, &caller);
        let program = caller.program();
        if !listener.is_waiting(call.id) {
            return Ok(());
        }
        let target = match verdict {
            Verdict::Connect(target) => target,
            Verdict::Nothing(error) => return Err(error),
            Verdict::Refuse(error) => {
                self.note_refused(address.to_string(), program);
                return Err(error);
            }
        };
        let (socket, non_blocking, result) = match shared {
            Ok(opened) => {
                let (non_blocking, result) = connect_at_once(&opened, &target)?;
                (Socket { opened, instead: None }, non_blocking, result)
            }
            Err(found) => {
                let (opened, result) = connect_new(&target)?;
                let instead = Some((descriptor, found));
                (Socket { opened, instead }, found.non_blocking, result)
            }
        };
        if let Address::Internet(to) = address
            && self.policy.has_own_loopback(&address)
            && is_stream(&socket.opened)
            && was_refused(&socket.opened, result)
            && !listeners::has_tcp_listener(to)
        {
            self.note_refused(address.to_string(), program);
        }
        let begun = matches!(result, Ok(()) | Err(Errno::INPROGRESS));
        if begun && !self.announce(&socket.opened, &target) {
            // Nobody would take it at the other end.
            let _ = rustix::net::connect_unspec(&socket.opened);
            return Err(Errno::CONNREFUSED);
        }
        let again = match result {
            Err(Errno::INPROGRESS) if !non_blocking => None,
            Err(Errno::AGAIN) if !non_blocking => Some(target),
            result => {
                socket.finish(listener, call.id, result);
                return Ok(());
            }
        };
        self.make_room(listener)?;
        self.waiting.push(Waiting {
            call: call.id,
            socket,
            again,
        });
        Ok(())
    }

    /// False: the kernel is to decide.
    fn list(&self, listener: &Listener, call: Call) -> bool {
        let [first, second, third, ..] = call.arguments;
        let (from, path, flags) = if call.number == libc::SYS_openat {
            (first as i32, second, third)
        } else {
            (libc::AT_FDCWD, first, second)
        };
        let flags = OFlags::from_bits_retain(flags as u32);
        let reads = flags & OFlags::RWMODE == OFlags::RDONLY;
        if !reads || flags.intersects(OFlags::CREATE | OFlags::PATH | (OFlags::TMPFILE - OFlags::DIRECTORY)) {
            return false;
        }
        let folder = Caller::find(call.thread).and_then(|caller| {
            let path = caller.text(path)?;
            let opened = self.policy.open_listed(&caller, from, &path, flags & OFlags::NOFOLLOW);
            opened.ok_or(Errno::NOENT)
        });
        folder.is_ok_and(|folder| {
            let close_on_exec = flags.contains(OFlags::CLOEXEC);
            let given = listener.give(call.id, std::os::fd::AsFd::as_fd(&folder), Slot::Result, close_on_exec);
            if let Err(error) = given {
                listener.answer(call.id, Answer::Error(error));
            }
            true
        })
    }

    fn make_room(&mut self, listener: &Listener) -> Result<(), Errno> {
        if self.waiting.len() >= limits::WAITING_CONNECTS {
            self.waiting.retain(|waiting| listener.is_waiting(waiting.call));
        }
        if self.waiting.len() >= limits::WAITING_CONNECTS {
            return Err(Errno::AGAIN);
        }
        Ok(())
    }

    fn note_refused(&mut self, to: String, program: String) {
        if self.noted.len() < limits::REFUSED_NOTES && self.noted.insert(to.clone()) {
            self.note(&Note::Refused(Refused { to, program }));
        }
    }

    fn note_denied(&mut self, call: &'static str) {
        if self.denied.insert(call) {
            self.note(&Note::Denied(call.to_owned()));
        }
    }

    /// Before anything can come through: the other end takes connections from announced peers only. False when it can't be told.
    fn announce(&self, socket: &OwnedFd, target: &Target) -> bool {
        let Target::Internet {
            redirected: Some(to), ..
        } = *target
        else {
            return true;
        };
        let own = rustix::net::getsockname(socket)
            .ok()
            .and_then(|own| SocketAddr::try_from(own).ok());
        own.is_some_and(|own| {
            let peer = SocketAddr::new(own.ip().to_canonical(), own.port());
            self.note(&Note::Forwarded(Forwarded { peer, to }))
        })
    }

    /// False when the engine does not read.
    fn note(&self, note: &Note) -> bool {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        serde_json::to_vec(note).is_ok_and(|note| rustix::net::send(&self.notes, &note, flags).is_ok())
    }
}

impl Waiting {
    /// None while it is not decided.
    fn result(&self, happened: bool) -> Option<Result<(), Errno>> {
        match &self.again {
            Some(target) => match connect_at_once(&self.socket.opened, target) {
                Ok((_, Err(Errno::AGAIN))) => None,
                Ok((_, result)) => Some(result),
                Err(error) => Some(Err(error)),
            },
            None if happened => Some(sockopt::socket_error(&self.socket.opened).unwrap_or_else(Err)),
            None => None,
        }
    }
}

impl Socket {
    /// Puts a new socket into its place, where it is one that can still become connected, and answers.
    fn finish(&self, listener: &Listener, call: u64, result: Result<(), Errno>) {
        let mut result = result;
        if let (Some((descriptor, found)), Ok(()) | Err(Errno::INPROGRESS)) = (self.instead, result) {
            let put = fcntl_getfl(&self.opened)
                .and_then(|flags| match found.non_blocking {
                    true => Ok(()),
                    false => fcntl_setfl(&self.opened, flags - OFlags::NONBLOCK),
                })
                .and_then(|()| {
                    let opened = std::os::fd::AsFd::as_fd(&self.opened);
                    listener.give(call, opened, Slot::Over(descriptor), found.close_on_exec)
                });
            result = put.and(result);
        }
        let answer = match result {
            Ok(()) => Answer::Done,
            Err(error) => Answer::Error(error),
        };
        listener.answer(call, answer);
    }
}

/// All addresses become the loopback's, at which programs find what they listen at. Everything else is the kernel's, and what
/// became of it is seen at `listen`.
fn bind(listener: &Listener, call: Call) -> Result<(), Errno> {
    let caller = Caller::find(call.thread)?;
    let length = usize::try_from(call.arguments[2] as i32)
        .ok()
        .filter(|length| *length <= ADDRESS_BYTES);
    let address = length.and_then(|length| Address::parse(&caller.bytes(call.arguments[1], length).ok()?));
    let Some(Address::Internet(at)) = address.filter(Address::is_everywhere) else {
        listener.answer(call.id, Answer::GoOn);
        return Ok(());
    };
    let socket = caller.shared(call.arguments[0] as i32)?;
    if !listener.is_waiting(call.id) {
        return Ok(());
    }
    let ip = match at {
        SocketAddr::V6(_) if sockopt::ipv6_v6only(&socket)? => Ipv6Addr::LOCALHOST.into(),
        // One address only: the one that takes IPv4 as well, as the program wanted.
        SocketAddr::V6(_) => Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(),
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
    };
    rustix::net::bind(&socket, &SocketAddr::new(ip, at.port()))?;
    listener.answer(call.id, Answer::Done);
    Ok(())
}

/// Whether nobody listens, or whoever does has ended it already. On a loopback that is known at once, also to a connection in progress,
/// whose error is the program's to take.
fn was_refused(socket: &OwnedFd, result: Result<(), Errno>) -> bool {
    match result {
        Err(Errno::CONNREFUSED) => true,
        Err(Errno::INPROGRESS) => {
            let mut looked_at = [PollFd::new(socket, PollFlags::OUT)];
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            let _ = rustix::event::poll(&mut looked_at, Some(&now));
            looked_at[0].revents().contains(PollFlags::ERR)
        }
        _ => false,
    }
}

/// Whether the socket is a non-blocking one, and the result. One of the caller's that is not is made so for as long as the call
/// takes, and is the caller's again then.
fn connect_at_once(socket: &OwnedFd, target: &Target) -> Result<(bool, Result<(), Errno>), Errno> {
    let flags = fcntl_getfl(socket)?;
    if flags.contains(OFlags::NONBLOCK) {
        return Ok((true, target.connect(socket)));
    }
    fcntl_setfl(socket, flags | OFlags::NONBLOCK)?;
    let result = target.connect(socket);
    fcntl_setfl(socket, flags)?;
    Ok((false, result))
}

fn connect_new(target: &Target) -> Result<(OwnedFd, Result<(), Errno>), Errno> {
    let family = target.family().ok_or(Errno::INVAL)?;
    let connect = |kind| {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(family, kind, flags, None)?;
        let result = target.connect(&socket);
        Ok((socket, result))
    };
    match connect(SocketType::STREAM)? {
        // The kind of the caller's socket can't be asked for; the listener's has to be the same.
        (_, Err(Errno::PROTOTYPE)) => connect(SocketType::SEQPACKET),
        connected => Ok(connected),
    }
}
