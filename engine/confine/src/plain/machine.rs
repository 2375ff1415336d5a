//! What this machine offers for confining programs: nothing.

use std::path::Path;

use crate::failure::{StartError, Why};

/// The answer of `probe`, with the same parts as on Linux.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The release, as `uname -r` shows it.
    pub kernel: String,
    pub user_namespaces: Result<(), Why>,
    pub file_system: Result<(), Why>,
    pub programs: Result<(), Why>,
}

impl Machine {
    /// What stands in the way of the full level.
    pub fn full(&self) -> Result<(), &Why> {
        self.user_namespaces.as_ref().map(|_| ())
    }
}

pub fn probe(_helper: &Path, _workspace: &Path, _scratch: &Path) -> Machine {
    let why = Why {
        what: StartError::Unsupported.to_string(),
        fix: "run stages that start programs on Linux".to_owned(),
    };
    Machine {
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        user_namespaces: Err(why.clone()),
        file_system: Err(why.clone()),
        programs: Err(why),
    }
}
