//! How the programs of a Cell reach what they were granted: their network namespace has a loopback and nothing else. For each
//! granted destination it has a name, an address and a listener that the engine holds; the engine dials out.
//!
//! `Layout` is the same on both sides of the helper's socket. Everything else runs in the engine.

mod address;
mod connection;
mod destination;

#[cfg(target_os = "linux")]
mod dial;
#[cfg(target_os = "linux")]
mod dns;
#[cfg(target_os = "linux")]
mod gateway;
#[cfg(target_os = "linux")]
mod layout;
#[cfg(target_os = "linux")]
mod names;
#[cfg(target_os = "linux")]
mod redirects;
#[cfg(target_os = "linux")]
mod relay;

pub use address::is_public;
pub use connection::{Connection, ConnectionEnd};
pub use destination::Destination;

#[cfg(target_os = "linux")]
pub(crate) use {
    connection::Observer,
    gateway::{Gateway, Listener, Sockets},
    layout::{Layout, NAME_SERVER},
    names::is_denied,
    redirects::{listed, redirects},
};
