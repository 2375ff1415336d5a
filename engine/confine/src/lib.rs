//! Where native programs run and what a stage sees of the files. Usable on its own: see `README.md` and the `confine` program.
//!
//! The work needs Linux. Elsewhere everything compiles, and starting a Cell answers [`StartError::Unsupported`].

mod always_hidden;
mod command;
mod connection;
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "elsewhere nothing gets as far as a failure")
)]
mod failure;
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "elsewhere nothing is made from it")
)]
mod spec;
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "elsewhere nothing is bound"))]
mod system_set;

#[cfg(target_os = "linux")]
mod cell;
#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod inside;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod masks;
#[cfg(target_os = "linux")]
mod parts;
#[cfg(target_os = "linux")]
mod resolve;
#[cfg(target_os = "linux")]
mod unmasked;
#[cfg(target_os = "linux")]
mod view;
#[cfg(target_os = "linux")]
mod wire;

#[cfg(not(target_os = "linux"))]
mod unsupported;

pub use always_hidden::is_always_hidden;
pub use command::{Command, Exit, SpawnError, Stdio};
pub use connection::{Forwarded, Refused};
pub use failure::{Failure, StartError, Step, Why};
pub use spec::{CellSpec, Level, Network, Redirect};
pub use system_set::{SystemSet, system_set};

#[cfg(target_os = "linux")]
pub use {
    cell::Cell,
    child::Child,
    inside::run_helper_if_asked,
    machine::{Machine, probe},
    view::View,
};

#[cfg(not(target_os = "linux"))]
pub use unsupported::{Cell, Child, Machine, View, probe, run_helper_if_asked};
