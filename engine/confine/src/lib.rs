//! Where native programs run and what a stage sees of the files. Usable on its own: see `README.md` and the `confine` program.
//!
//! Confining needs Linux. On macOS there is a View that checks names, and a Cell at [`Level::Unconfined`] only; every other level
//! is [`StartError::Unsupported`] there.

mod always_hidden;
mod command;
mod connection;
mod failure;
mod ids;
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "elsewhere there is nothing to switch off")
)]
mod layers;
mod limit;
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "elsewhere no namespace is made that has limits")
)]
mod limits;
mod masks;
mod network;
mod offer;
mod program_limits;
mod resolve;
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "elsewhere there is no overlay")
)]
mod spec;
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "elsewhere nothing is bound"))]
mod system_set;

#[cfg(target_os = "linux")]
mod cell;
#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod helper;
#[cfg(target_os = "linux")]
mod inside;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod notes;
#[cfg(target_os = "linux")]
mod open;
#[cfg(target_os = "linux")]
mod parts;
#[cfg(target_os = "linux")]
mod unmasked;
#[cfg(target_os = "linux")]
mod view;
#[cfg(target_os = "linux")]
mod wire;

#[cfg(any(not(target_os = "linux"), test))]
#[cfg_attr(
    target_os = "linux",
    expect(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "here only its own tests use it"
    )
)]
mod plain;

pub use always_hidden::is_always_hidden;
pub use command::{Command, Exit, SpawnError, Stdio};
pub use connection::{Forwarded, Refused};
pub use failure::{Failure, StartError, Step, Why};
pub use ids::Ids;
#[doc(hidden)]
pub use layers::{Layer, Layers};
pub use limit::Limit;
pub use network::{Connection, ConnectionEnd, Destination, is_public};
pub use offer::{Holds, Machine};
pub use program_limits::{Held, HeldLimits, Precision, ProgramLimits};
pub use spec::{CellSpec, Level, Redirect};
pub use system_set::{SystemSet, system_set};

#[cfg(target_os = "linux")]
pub use {
    cell::Cell,
    child::Child,
    helper::Helpers,
    inside::run_helper_if_asked,
    machine::{probe, try_level},
    view::View,
};

#[cfg(not(target_os = "linux"))]
pub use plain::{Cell, Child, Helpers, View, probe, run_helper_if_asked, try_level};
