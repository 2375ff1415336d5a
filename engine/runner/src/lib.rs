//! Pipeline to Plan to Run. Only a [`plan::Plan`] can run, and the broker decides from it alone.
//!
//! Nothing in here prints, or reads the environment: [`Host`] comes in from outside.

mod artifact_store;
mod catalog;
mod code;
mod enforcement;
mod expression;
mod file_tree;
mod git;
mod hidden;
mod host;
mod interrupt;
mod line_buffer;
mod masker;
mod neutral;
mod open_folder;
mod outcome;
mod python_index;
mod run_id;
mod secrets;

pub mod event;
pub mod http;
pub mod journal;
pub mod pipeline;
pub mod plan;
pub mod planner;
pub mod program;
pub mod run;
pub mod ssh;

pub use catalog::{Catalog, CatalogError, Origin, StandardStage};
pub use code::codes;
pub use enforcement::not_enforced;
pub use git::{Git, Seen};
pub use host::Host;
pub use masker::Masker;
pub use neutral::{neutralise_lines, one_line};
pub use outcome::Outcome;
pub use run_id::RunId;
pub use secrets::{SecretError, Secrets};
