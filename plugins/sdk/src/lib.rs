#![doc = include_str!("../README.md")]

pub mod bindings;
pub mod context;
mod export;
pub mod failure;
pub mod files;
pub mod http;
mod net_hint;
mod period;
pub mod process;
pub mod report;
mod request;
pub mod secrets;
pub mod source;
pub mod ssh;
mod stage;
pub mod state;

pub use failure::Failure;
pub use net_hint::net_hint;
pub use period::{Period, PeriodError};
pub use request::Request;
pub use stage::Stage;

/// What `export_stage!` calls; not for stages.
#[doc(hidden)]
pub mod entry {
    pub use crate::export::{describe, requests, run};
}
