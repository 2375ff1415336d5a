//! The contract's interfaces as a running stage has them: each asks the broker or tells the event sink.

mod context;
mod files;
mod http;
mod process;
mod report;
mod secrets;
mod source;
mod ssh;
mod state;
