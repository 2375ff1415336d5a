//! What became of a program's connections, where a gate stands in their way.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// A connection that the gate did not make. Both texts come from the program and may hold anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// `ADDRESS:PORT`, `unix:PATH`, or `unix:@NAME` for a socket without a file.
    pub to: String,
    /// The name of the process, as the kernel keeps it: at most 15 bytes.
    pub program: String,
}

/// A connection that the gate made to the other end of a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    /// The program's end, which whoever listens at the other end sees as its peer.
    pub peer: SocketAddr,
    /// What the program asked for.
    pub to: SocketAddr,
}
