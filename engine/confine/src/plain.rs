//! What there is where a kernel has neither namespaces nor Landlock (macOS): a View that looks at every name, and programs
//! without confinement for those who ask for it. On Linux only this module's own tests use it.

mod cell;
mod child;
mod free_folders;
mod group;
mod helpers;
mod machine;
mod rules;
mod view;
mod walk;

pub use cell::Cell;
pub use child::Child;
pub use helpers::Helpers;
pub use machine::{probe, try_level};
pub use view::View;

/// Nothing is started as a helper here.
pub fn run_helper_if_asked() {}
