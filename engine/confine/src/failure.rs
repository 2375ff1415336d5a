//! Why a Cell did not start, precisely enough to say what to do about it.

use std::io;

use serde::{Deserialize, Serialize};

/// The parts of making a Cell that can fail each for reasons of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// The specification itself can't be met.
    Spec,
    Namespaces,
    Identity,
    Network,
    Mounts,
    Overlay,
    Proc,
    /// Finding what is hidden.
    Masks,
    Landlock,
    /// The newer Landlock without which there is no degraded level.
    LandlockAlone,
    /// The filter of system calls.
    SystemCalls,
    /// The helper process itself.
    Helper,
}

/// One failed step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{text}")]
pub struct Failure {
    pub step: Step,
    pub text: String,
    /// The error number of the operating system, if it was one of its calls.
    pub errno: Option<i32>,
}

/// What a machine lacks, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{what}")]
pub struct Why {
    pub what: String,
    /// A command to run or a setting to change.
    pub fix: String,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The machine does not offer what the level needs.
    #[error("{why}")]
    Machine { step: Step, why: Why },
    /// The specification can't be met: a path is missing, a folder leaves the workspace, too much is hidden.
    #[error("{0}")]
    Spec(String),
    #[error("{0}")]
    Failed(Failure),
    #[error("failed to start the helper: {0}")]
    Helper(#[source] io::Error),
    #[error("native programs can't be confined on this system yet; only Linux is supported")]
    Unsupported,
}

impl Failure {
    pub(crate) fn spec(text: impl Into<String>) -> Self {
        Self {
            step: Step::Spec,
            text: text.into(),
            errno: None,
        }
    }

    pub(crate) fn new(step: Step, what: impl std::fmt::Display, error: impl Into<io::Error>) -> Self {
        let error = error.into();
        Self {
            step,
            text: format!("{what}: {error}"),
            errno: error.raw_os_error(),
        }
    }
}

/// Adds to an error of the operating system which step it stopped, and at what.
pub(crate) trait During<T> {
    fn during(self, step: Step, what: impl std::fmt::Display) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> During<T> for Result<T, E> {
    fn during(self, step: Step, what: impl std::fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(step, what, error))
    }
}
