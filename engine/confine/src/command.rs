//! What to run in a Cell, and how it can end.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::limit::Limit;

/// A program with everything that it gets: nothing is inherited.
#[derive(Debug)]
pub struct Command {
    /// Absolute, as seen inside.
    pub program: PathBuf,
    /// Without the program's own name.
    pub args: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Absolute, as seen inside.
    pub cwd: PathBuf,
    pub stdin: Stdio,
    pub stdout: Stdio,
    pub stderr: Stdio,
}

#[derive(Debug, Default)]
pub enum Stdio {
    #[default]
    Null,
    #[cfg(unix)]
    Fd(std::os::fd::OwnedFd),
}

/// How the main program ended. Everything else that it started is gone by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    Code(i32),
    /// Ended by this signal; 9 also when the Cell ended it.
    Signal(i32),
    /// Ended by the Cell, as all of its programs: together they took too much.
    OverLimit(Limit),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum SpawnError {
    #[error("`{0}` does not exist inside the cell")]
    NotFound(PathBuf),
    #[error("`{program}` can't be executed: {reason}")]
    NotExecutable { program: PathBuf, reason: String },
    #[error("can't work in `{cwd}`: {reason}")]
    BadCwd { cwd: PathBuf, reason: String },
    #[error("{0}")]
    Failed(String),
}

impl Command {
    /// No arguments, an empty environment, no input, and output that is thrown away.
    pub fn new(program: impl Into<PathBuf>, cwd: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: cwd.into(),
            stdin: Stdio::Null,
            stdout: Stdio::Null,
            stderr: Stdio::Null,
        }
    }
}
