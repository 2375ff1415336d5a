//! What every command gives itself up to, last of all: made once for a Cell.

use std::io;
use std::os::fd::OwnedFd;

use landlock::RulesetCreated;

use super::gate::Filter;
use super::landlock::Landlock;
use super::system_calls::SystemCalls;
use crate::failure::{During, Failure, Step};
use crate::layers::{Layer, Layers};
use crate::spec::CellSpec;

/// Nothing at the unconfined level.
#[derive(Debug)]
pub(super) struct Walls(Option<Closed>);

#[derive(Debug)]
struct Closed {
    files: Landlock,
    calls: SystemCalls,
    gate: Filter,
    layers: Layers,
}

impl Walls {
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// At the full level.
    pub(super) fn behind_mounts(spec: &CellSpec, gate: Filter) -> Result<Self, Failure> {
        let files = Landlock::behind_mounts(spec).during(Step::Landlock, "can't make rules for files")?;
        Self::of(spec, files, gate)
    }

    /// At the degraded level.
    pub(super) fn alone(spec: &CellSpec, rules: RulesetCreated, gate: Filter) -> Result<Self, Failure> {
        Self::of(spec, Landlock::alone(rules), gate)
    }

    fn of(spec: &CellSpec, files: Landlock, gate: Filter) -> Result<Self, Failure> {
        let calls = SystemCalls::filtered(spec.level, spec.layers.has(Layer::Gate))
            .map_err(io::Error::other)
            .during(Step::SystemCalls, "can't make the filter of system calls")?;
        Ok(Self(Some(Closed {
            files,
            calls,
            gate,
            layers: spec.layers,
        })))
    }

    /// For the first process of a command, which connects for its program and shall reach no more than that could.
    pub(super) fn keep_first_process(&self) -> io::Result<()> {
        match &self.0 {
            Some(closed) if closed.layers.has(Layer::Landlock) => closed.files.apply(),
            _ => Ok(()),
        }
    }

    /// The filters come last: Landlock needs calls that they deny. Returns the listener of the gate, if there is one.
    pub(super) fn close(&self) -> io::Result<Option<OwnedFd>> {
        let Some(closed) = &self.0 else {
            return Ok(None);
        };
        if closed.layers.has(Layer::Landlock) {
            closed.files.apply()?;
        }
        if closed.layers.has(Layer::SystemCalls) {
            closed.calls.apply()?;
        }
        closed
            .layers
            .has(Layer::Gate)
            .then(|| closed.gate.install())
            .transpose()
    }
}
