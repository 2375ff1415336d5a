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

/// What `read` gives, and whether it met an error.
fn with_gap<T>(problems: &mut Problems, read: impl FnOnce(&mut Problems) -> T) -> (T, bool) {
    let before = problems.len();
    let value = read(problems);
    let has_gap = problems[before..].iter().any(crate::Diagnostic::is_error);
    (value, has_gap)
}
