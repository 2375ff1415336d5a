//! Messages between the engine and a Cell's helper: a length, JSON, and descriptors beside it.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::command::{Exit, SpawnError};
use crate::connection::{Forwarded, Refused};
use crate::failure::Failure;
use crate::ids::Ids;
use crate::limits;
use crate::program_limits::HeldLimits;
use crate::spec::CellSpec;

/// The engine to the helper.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// The first one, and only the first.
    Start(Box<CellSpec>),
    /// With three descriptors: standard input, output and error.
    Spawn(CommandLine),
    /// For a listener at this address of the Cell.
    Listen(SocketAddr),
}

/// The helper to the engine.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// With the descriptors that `Started` tells of.
    Started(Started),
    /// With the listener.
    Listening,
    NotListening(String),
    /// With the command's status socket, the socket of its notes where there is a gate, and at the full level a pidfd of its first
    /// process.
    Spawned,
    NotStarted(Failure),
    NotSpawned(SpawnError),
}

/// A Cell that is ready.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) ids: Ids,
    pub(crate) limits: HeldLimits,
    /// The View's descriptors, which come first: its root, one for each `write` folder in the specification's order, then scratch,
    /// which is missing where the engine can as well open it itself.
    pub(crate) views: usize,
    /// Where there is a network of its own: the name server's sockets, UDP and TCP, then one for each of these listeners of the
    /// layout.
    pub(crate) listeners: Vec<usize>,
    /// At the degraded level what the View has to refuse by itself, relative to the workspace. As bytes: names need not be text.
    pub(crate) hidden: Vec<OsString>,
}

/// A command's first process to the engine, over the status socket.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    Running,
    NotRunning(SpawnError),
    Ended(Exit),
}

/// The same, over a socket of its own, so that a flood of them holds up no report.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Note {
    Refused(Refused),
    Forwarded(Forwarded),
    /// A system call that the filter denies, by its name.
    Denied(String),
}

/// A program's process to the command's first process, before `exec`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Handover {
    /// With the listener of its gate.
    Gate,
    NotRunning(SpawnError),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CommandLine {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) cwd: PathBuf,
}

/// A report fits into this many bytes: it holds at most a path and a short text.
pub(crate) const REPORT_BYTES: usize = 16 * 1024;

/// More than any message carries: the View's root, its `write` folders and scratch, the name server and two listeners a
/// destination. The kernel allows 253 (SCM_MAX_FD).
const DESCRIPTORS: usize = limits::WRITE_FOLDERS + 2 + 2 + 2 * limits::DESTINATIONS;

pub(crate) fn send(socket: &UnixStream, message: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len())
        .ok()
        .filter(|length| *length <= limits::MESSAGE_BYTES)
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "arguments and environment are larger than a program can get",
            )
        })?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "too many descriptors for one message",
        ));
    }
    // The descriptors travel with the first byte of the length, so the receiver gets them by reading the length.
    let length = length.to_le_bytes();
    let sent = rustix::net::sendmsg(socket, &[IoSlice::new(&length)], &mut control, SendFlags::NOSIGNAL)?;
    let mut socket = socket;
    socket.write_all(&length[sent..])?;
    socket.write_all(&body)
}

/// None when the other side is gone.
pub(crate) fn receive<M: DeserializeOwned>(socket: &UnixStream) -> io::Result<Option<(M, Vec<OwnedFd>)>> {
    let mut length = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut length)];
    let received = rustix::net::recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if received.bytes == 0 {
        return Ok(None);
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other("no room for more open files (see `ulimit -n`)"));
    }
    let mut socket = socket;
    socket.read_exact(&mut length[received.bytes..])?;
    let length = u32::from_le_bytes(length);
    if length > limits::MESSAGE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a message is larger than any can be",
        ));
    }
    let mut body = vec![0; length as usize];
    socket.read_exact(&mut body)?;
    Ok(Some((serde_json::from_slice(&body)?, descriptors)))
}

/// One message of a socket that keeps them apart. None at the end; `WouldBlock` while there is nothing.
pub(crate) fn receive_packet<M: DeserializeOwned>(socket: &OwnedFd) -> io::Result<Option<M>> {
    let mut message = [0; REPORT_BYTES];
    let (length, _) = rustix::io::retry_on_intr(|| rustix::net::recv(socket, &mut message, RecvFlags::DONTWAIT))?;
    if length == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&message[..length])?))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn descriptors_arrive_with_their_own_message() {
        let (one, two) = UnixStream::pair().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        send(&one, &"first", &[]).unwrap();
        send(&one, &"second", &[writer.as_fd()]).unwrap();
        drop((one, writer));
        let (text, descriptors) = receive::<String>(&two).unwrap().unwrap();
        assert_eq!((text.as_str(), descriptors.len()), ("first", 0));
        let (text, mut descriptors) = receive::<String>(&two).unwrap().unwrap();
        assert_eq!((text.as_str(), descriptors.len()), ("second", 1));
        std::fs::File::from(descriptors.remove(0))
            .write_all(b"through")
            .unwrap();
        let mut got = String::new();
        reader.read_to_string(&mut got).unwrap();
        assert_eq!(got, "through");
        assert!(receive::<String>(&two).unwrap().is_none());
    }
}
