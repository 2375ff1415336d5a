//! Why a command did not do what it was asked, and the exit code that says so.

use std::fmt;

use tidegate_manifest::{Diagnostic, Source};
use tidegate_runner::journal::JournalError;

/// What is printed on stderr before the exit.
pub(crate) enum Failure {
    /// `error: …`, then `hint: …` lines.
    Text {
        exit_code: u8,
        message: String,
        hints: Vec<String>,
    },
    /// Mistakes of a file, each with its place.
    Diagnostics {
        exit_code: u8,
        diagnostics: Vec<Diagnostic>,
        source: Source,
    },
    /// Everything was said already.
    Quiet { exit_code: u8 },
}

pub(crate) const FAILED: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const DENIED: u8 = 3;
pub(crate) const INTERNAL: u8 = 70;

impl Failure {
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::Text {
            exit_code: USAGE,
            message: message.to_string(),
            hints: Vec::new(),
        }
    }

    pub(crate) fn internal(message: impl fmt::Display) -> Self {
        Self::Text {
            exit_code: INTERNAL,
            message: message.to_string(),
            hints: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn hint(mut self, line: impl Into<String>) -> Self {
        if let Self::Text { hints, .. } = &mut self {
            hints.push(line.into());
        }
        self
    }

    pub(crate) fn no_runs() -> Self {
        Self::usage("this project has had no run").hint("`tidegate run` makes one")
    }

    /// The exit code of the gravest: a grant that is missing or a plugin that is invalid is 3, everything else 2.
    pub(crate) fn diagnostics(diagnostics: Vec<Diagnostic>, source: Source) -> Self {
        let denied = diagnostics.iter().any(|diagnostic| {
            let code = diagnostic.code;
            code == "grant/missing" || code.starts_with("component/")
        });
        Self::Diagnostics {
            exit_code: if denied { DENIED } else { USAGE },
            diagnostics,
            source,
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Text { exit_code, .. } | Self::Diagnostics { exit_code, .. } | Self::Quiet { exit_code } => {
                *exit_code
            }
        }
    }
}

impl From<JournalError> for Failure {
    /// A run that is not there is the user's mistake, and a journal that may not be read or written has another owner; what
    /// else goes wrong with it, such as a full disk, is the machine's fault.
    fn from(error: JournalError) -> Self {
        match &error {
            JournalError::NoRuns => Self::no_runs(),
            JournalError::NoSuchRun(_) => Self::usage(error).hint("`tidegate runs` lists them"),
            JournalError::Ambiguous(_) => Self::usage(error).hint("write more of its id; `tidegate runs` lists them"),
            JournalError::Newer { .. } => {
                Self::usage(error).hint("use that version here, or move .tidegate away to begin a new journal")
            }
            JournalError::Read { .. } | JournalError::Open { .. } => {
                Self::usage(error).hint("the files of .tidegate have to be readable for your user")
            }
            JournalError::Link { .. } => {
                Self::usage(error).hint("a repository should not bring a .tidegate of its own")
            }
            _ if error.is_not_allowed() => Self::usage(format!("failed to keep the run's journal: {error}"))
                .hint("a run is kept in .tidegate of the project, which has to be writable for your user"),
            JournalError::Write { .. } | JournalError::Database(_) => Self::Text {
                exit_code: INTERNAL,
                message: format!("failed to keep the run's journal: {error}"),
                hints: Vec::new(),
            },
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // A reader that has seen enough (`| head`) is no fault of anyone.
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::Quiet { exit_code: 0 };
        }
        Self::Text {
            exit_code: INTERNAL,
            message: format!("failed to write the output: {error}"),
            hints: Vec::new(),
        }
    }
}
