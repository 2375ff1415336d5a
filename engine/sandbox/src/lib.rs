//! Runs one stage: the only user of wasmtime. It links the interfaces of the contract, sets every limit, and talks to the
//! rest through two traits, [`EventSink`] and [`Broker`].

mod attempt;
mod bindings;
mod broker;
mod clip;
mod code;
mod code_cache;
mod component;
mod denied;
mod digest;
#[cfg(target_os = "linux")]
mod entries;
mod event;
mod fault;
mod feed;
mod guest_state;
mod interfaces;
mod limiter;
pub mod limits;
mod link;
mod load_error;
mod log_stream;
mod outcome;
mod preflight;
mod preopen;
mod probe;
mod run;
mod sandbox;
mod spec;
mod stop;
mod ticker;

pub use broker::*;
pub use code::codes;
pub use code_cache::CodeCacheError;
pub use component::Component;
pub use digest::{Digest, InvalidDigest};
pub use event::*;
pub use limits::DEFAULT_LIMITS;
pub use load_error::LoadError;
pub use outcome::AttemptEnd;
pub use preflight::imports;
pub use preopen::Preopen;
pub use probe::{Description, ProbeError, Request};
pub use run::RunError;
pub use sandbox::{Sandbox, SandboxError};
pub use spec::{Interface, StageLimits, StageSpec};
pub use stop::{Stop, StopSource};
