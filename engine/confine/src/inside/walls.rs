//! What every command gives itself up to, last of all: made once for a Cell.

use std::io;

use landlock::RulesetCreated;

use super::landlock::Landlock;
use super::system_calls::SystemCalls;
use crate::failure::{During, Failure, Step};
use crate::spec::{CellSpec, Level};

/// Nothing at the unconfined level.
#[derive(Debug, Clone)]
pub(super) struct Walls(Option<(Landlock, SystemCalls)>);

impl Walls {
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// At the full level.
    pub(super) fn behind_mounts(spec: &CellSpec) -> Result<Self, Failure> {
        let calls = calls(spec.level)?;
        let files = Landlock::new(spec).during(Step::Landlock, "can't make rules for files")?;
        Ok(Self(Some((files, calls))))
    }

    /// At the degraded level.
    pub(super) fn alone(spec: &CellSpec, rules: RulesetCreated) -> Result<Self, Failure> {
        Ok(Self(Some((Landlock::alone(rules), calls(spec.level)?))))
    }

    /// The filter comes last: the other needs calls that it denies.
    pub(super) fn close(&self) -> io::Result<()> {
        if let Some((files, calls)) = &self.0 {
            files.apply()?;
            calls.apply()?;
        }
        Ok(())
    }
}

fn calls(level: Level) -> Result<SystemCalls, Failure> {
    SystemCalls::filtered(level)
        .map_err(io::Error::other)
        .during(Step::SystemCalls, "can't make the filter of system calls")
}
