//! From a pipeline to a plan: what is selected, what is asked and granted, and which files the programs are.

mod capability;
mod missing;
mod planning;
mod selection;
mod stop_grace;
mod targets;

pub use capability::net_text;
pub(crate) use missing::toml_key;
pub use planning::{Planned, Planner};
pub use selection::Selection;
