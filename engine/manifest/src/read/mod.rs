//! From the document's values to the model, collecting every mistake on the way.

mod config;
mod document;
mod fields;
mod grants;
mod manifest;
mod merge;
mod node;
mod order;
mod stage;
mod target;
mod user_config;

pub use manifest::{Parsed, parse, parse_in_part};
pub use user_config::parse_user_config;

/// The mistakes found so far.
type Problems = Vec<crate::Diagnostic>;
