//! What the gate of one command tells the engine.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::connection::{Forwarded, Refused};
use crate::limits;
use crate::wire::{Note, receive_packet};

/// For the command's `Child` and for the Cell's network, each of which reads what has come for both.
#[derive(Debug)]
pub(crate) struct Notes {
    socket: OwnedFd,
    read: Mutex<Read>,
}

#[derive(Debug, Default)]
struct Read {
    refused: Vec<Refused>,
    forwarded: VecDeque<Forwarded>,
    denied: Vec<String>,
    ended: bool,
}

impl Notes {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            read: Mutex::default(),
        }
    }

    /// All so far.
    pub(crate) fn refused(&self) -> Vec<Refused> {
        self.read().refused.clone()
    }

    /// All so far.
    pub(crate) fn denied(&self) -> Vec<String> {
        self.read().denied.clone()
    }

    /// Since this was called last.
    pub(crate) fn take_forwarded(&self) -> Vec<Forwarded> {
        self.read().forwarded.drain(..).collect()
    }

    /// What the program asked for whose end this is, if it is one of this command's.
    pub(crate) fn take_asked(&self, peer: SocketAddr) -> Option<SocketAddr> {
        let mut read = self.read();
        // An older one of this peer belongs to a connection that came to nothing.
        let newest = read.forwarded.iter().rev().find(|forwarded| forwarded.peer == peer)?.to;
        read.forwarded.retain(|forwarded| forwarded.peer != peer);
        Some(newest)
    }

    /// True when the gate is gone and everything it told is taken: nothing more will come.
    pub(crate) fn has_ended(&self) -> bool {
        let read = self.read();
        read.ended && read.forwarded.is_empty()
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        // Nothing that holds it can panic half-way.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match receive_packet(&self.socket) {
                Ok(Some(Note::Refused(refused))) => read.refused.push(refused),
                Ok(Some(Note::Denied(call))) => read.denied.push(call),
                Ok(Some(Note::Forwarded(forwarded))) => {
                    if read.forwarded.len() == limits::FORWARDED_KEPT {
                        read.forwarded.pop_front();
                    }
                    read.forwarded.push_back(forwarded);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return read,
                Ok(None) | Err(_) => {
                    read.ended = true;
                    return read;
                }
            }
        }
    }
}

/// Readable when there is something new, and at the end.
impl AsFd for Notes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
