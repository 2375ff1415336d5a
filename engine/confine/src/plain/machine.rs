//! What this machine offers for confining programs: nothing.

use std::path::Path;

use super::helpers::Helpers;
use crate::failure::{StartError, Why};
use crate::offer::Machine;
use crate::spec::Level;

pub fn probe(_helpers: &Helpers, _workspace: &Path, _scratch: &Path) -> Machine {
    Machine {
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        user_namespaces: Err(why()),
        file_system: Err(why()),
        programs: Err(why()),
        holds: None,
    }
}

/// Only at the unconfined level programs can run.
pub fn try_level(_helpers: &Helpers, _workspace: &Path, _scratch: &Path, level: Level) -> Result<(), Why> {
    match level {
        Level::Full | Level::Degraded => Err(why()),
        Level::Unconfined => Ok(()),
    }
}

fn why() -> Why {
    Why {
        what: StartError::Unsupported.to_string(),
        fix: "run stages that start programs on Linux".to_owned(),
    }
}
