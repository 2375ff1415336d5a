//! One thing that a hostile program tries.

use serde::Deserialize;

use crate::arena::Place;
use crate::wall::{Off, Wall};

pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// Those that stop it, each on its own as far as is known.
    pub(crate) walls: &'static [Wall],
    pub(crate) attempt: Attempt,
    /// What happens without a Cell.
    pub(crate) plain: Plain,
    /// The kernel may lack what it needs; then it proves nothing without a Cell.
    pub(crate) needs: Option<&'static str>,
    /// Also tried with single layers off.
    pub(crate) swept: bool,
    /// It succeeds, and why that is so.
    pub(crate) open: Option<&'static str>,
    pub(crate) degraded: Degraded,
}

/// What happens in a Cell of the degraded level.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Degraded {
    Stopped,
    /// As the documentation of that level says. Of an ordinary user only what is not root's.
    Succeeds,
    /// It needs what is not there, or all attempts of one Cell would end with it.
    NotTried,
}

#[derive(Clone, Copy)]
pub(crate) enum Attempt {
    /// The body of a Python function, see `hostile.py`. Its end means success.
    Program(&'static str),
    /// With the engine's part in it.
    Engine(fn(&Place) -> Outcome),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    Succeeds,
    /// An ordinary user may not.
    SucceedsAsRoot,
    /// It would do harm, or it can't work.
    Never,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) enum Outcome {
    Stopped(String),
    Breached(String),
    NotAttempted(String),
}

impl Attack {
    pub(crate) const fn program(name: &'static str, walls: &'static [Wall], body: &'static str) -> Self {
        Self {
            name,
            walls,
            attempt: Attempt::Program(body),
            plain: Plain::Succeeds,
            needs: None,
            swept: true,
            open: None,
            degraded: Degraded::Stopped,
        }
    }

    pub(crate) const fn engine(name: &'static str, walls: &'static [Wall], attempt: fn(&Place) -> Outcome) -> Self {
        Self {
            attempt: Attempt::Engine(attempt),
            swept: false,
            ..Self::program(name, walls, "")
        }
    }

    pub(crate) const fn root_only(self) -> Self {
        Self {
            plain: Plain::SucceedsAsRoot,
            ..self
        }
    }

    pub(crate) const fn never_unconfined(self) -> Self {
        Self {
            plain: Plain::Never,
            ..self
        }
    }

    pub(crate) const fn needs(self, what: &'static str) -> Self {
        Self {
            needs: Some(what),
            ..self
        }
    }

    /// Without a layer it would take memory or time.
    pub(crate) const fn not_swept(self) -> Self {
        Self { swept: false, ..self }
    }

    pub(crate) const fn succeeds_at_degraded(self) -> Self {
        Self {
            degraded: Degraded::Succeeds,
            ..self
        }
    }

    pub(crate) const fn not_tried_at_degraded(self) -> Self {
        Self {
            degraded: Degraded::NotTried,
            ..self
        }
    }

    pub(crate) const fn open(self, why: &'static str) -> Self {
        Self {
            open: Some(why),
            ..self
        }
    }

    /// What would do harm is not tried where less holds.
    pub(crate) fn at_degraded(&self) -> Degraded {
        if self.plain == Plain::Never {
            Degraded::NotTried
        } else {
            self.degraded
        }
    }

    /// The layer that alone stands in its way, of those that can be switched off.
    pub(crate) fn falls_without(&self, off: Off) -> bool {
        self.walls.iter().all(|wall| off.walls().contains(wall))
    }
}
