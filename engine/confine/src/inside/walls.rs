//! What every command gives itself up to, last of all: made once for a Cell.

use std::io;
use std::os::fd::OwnedFd;

use landlock::RulesetCreated;

use super::gate::Filter;
use super::landlock::Landlock;
use super::system_calls::SystemCalls;
use crate::failure::{During, Failure, Step};
use crate::spec::{CellSpec, Level};

/// Nothing at the unconfined level.
#[derive(Debug, Clone)]
pub(super) struct Walls(Option<Closed>);

#[derive(Debug, Clone)]
struct Closed {
    files: Landlock,
    calls: SystemCalls,
    gate: Option<Filter>,
}

impl Walls {
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// At the full level.
    pub(super) fn behind_mounts(spec: &CellSpec) -> Result<Self, Failure> {
        let calls = calls(spec.level)?;
        let files = Landlock::new(spec).during(Step::Landlock, "can't make rules for files")?;
        Ok(Self(Some(Closed {
            files,
            calls,
            gate: None,
        })))
    }

    /// At the degraded level.
    pub(super) fn alone(spec: &CellSpec, rules: RulesetCreated, gate: Filter) -> Result<Self, Failure> {
        Ok(Self(Some(Closed {
            files: Landlock::alone(rules),
            calls: calls(spec.level)?,
            gate: Some(gate),
        })))
    }

    /// The filters come last: Landlock needs calls that they deny. Returns the listener of the gate, if there is one.
    pub(super) fn close(&self) -> io::Result<Option<OwnedFd>> {
        let Some(closed) = &self.0 else {
            return Ok(None);
        };
        closed.files.apply()?;
        closed.calls.apply()?;
        closed.gate.as_ref().map(Filter::install).transpose()
    }
}

fn calls(level: Level) -> Result<SystemCalls, Failure> {
    SystemCalls::filtered(level)
        .map_err(io::Error::other)
        .during(Step::SystemCalls, "can't make the filter of system calls")
}
