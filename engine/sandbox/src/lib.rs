//! Runs one stage: the only user of wasmtime. It links the interfaces of the contract, sets every limit, and talks to the
//! rest through two traits, [`EventSink`] and [`Broker`].

mod broker;
mod digest;
mod event;
mod outcome;
mod spec;
mod stop;

pub use broker::*;
pub use digest::{Digest, InvalidDigest};
pub use event::*;
pub use outcome::AttemptEnd;
pub use spec::{Interface, StageLimits, StageSpec};
pub use stop::{Stop, StopSource};
