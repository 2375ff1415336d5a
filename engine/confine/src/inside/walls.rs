//! What every command gives itself up to, last of all: made once for a Cell.

use std::io;

use super::landlock::Landlock;
use super::system_calls::SystemCalls;
use crate::failure::{During, Failure, Step};
use crate::layers::{Layer, Layers};
use crate::spec::{CellSpec, Level};

/// Nothing at the unconfined level.
#[derive(Debug, Clone)]
pub(super) struct Walls(Option<(Landlock, SystemCalls)>, Layers);

impl Walls {
    pub(super) fn new(spec: &CellSpec) -> Result<Self, Failure> {
        if spec.level == Level::Unconfined {
            return Ok(Self(None, spec.layers));
        }
        let calls = SystemCalls::filtered()
            .map_err(io::Error::other)
            .during(Step::SystemCalls, "can't make the filter of system calls")?;
        let files = Landlock::new(spec).during(Step::Landlock, "can't make rules for files")?;
        Ok(Self(Some((files, calls)), spec.layers))
    }

    /// The filter comes last: the other needs calls that it denies.
    pub(super) fn close(&self) -> io::Result<()> {
        if let Some((files, calls)) = &self.0 {
            if self.1.has(Layer::Landlock) {
                files.apply()?;
            }
            if self.1.has(Layer::SystemCalls) {
                calls.apply()?;
            }
        }
        Ok(())
    }
}
