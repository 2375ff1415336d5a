//! Native programs: which file a granted name is, and what has to be visible for it to start.

mod lookup;
mod pip;
mod python;
mod search_path;
mod toolchain;
mod workspace;

pub(crate) use lookup::is_python;
pub use lookup::{LookupError, look_up};
pub(crate) use pip::default_index;
pub(crate) use search_path::search_path;
pub use toolchain::Toolchain;
pub use workspace::{NotConfinable, check_workspace_program};

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a granted program name is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// Fixed at plan time; absolute. `toolchains` is what it needs beside the system set.
    Host { path: PathBuf, toolchains: Vec<Toolchain> },
    /// Looked up when the stage starts, because an earlier stage may make it; relative to the workspace.
    Workspace { path: PathBuf },
}
