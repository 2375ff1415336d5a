//! A plan that runs: one dispatcher, which alone owns the run's state, and one executor for each attempt of a stage.

mod artifacts;
mod broker;
mod capture;
mod connections;
mod dispatcher;
mod executor;
mod files;
mod ignore_rules;
mod intake;
mod leftovers;
mod message;
mod obstacles;
mod outputs;
mod process;
mod processes;
mod scratch;
mod setup;
mod source;
mod ssh;

pub use dispatcher::{Canceller, run};
pub use leftovers::remove_leftovers;
pub use setup::{Components, RunSetup};
