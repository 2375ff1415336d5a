use std::fmt;

use crate::bindings::tidegate::stage::process as host;

/// How a program ended. Displayed as the end of a sentence: "was killed by signal 9 (SIGKILL)".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// The command's own time limit.
    TimedOut,
    /// The limit of `grant.program-memory`.
    OutOfMemory,
    /// By the engine, because the run is being stopped.
    Stopped,
    Other(String),
}

impl Exit {
    pub fn success(&self) -> bool {
        *self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(number) => match signal_name(*number) {
                Some(name) => write!(f, "was killed by signal {number} ({name})"),
                None => write!(f, "was killed by signal {number}"),
            },
            Self::TimedOut => f.write_str("did not end in time"),
            Self::OutOfMemory => f.write_str("used more memory than it may"),
            Self::Stopped => f.write_str("was stopped with the run"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl From<host::Exit> for Exit {
    fn from(exit: host::Exit) -> Self {
        match exit {
            host::Exit::Code(code) => Self::Code(code),
            host::Exit::Signal(number) => Self::Signal(number),
            host::Exit::TimedOut => Self::TimedOut,
            host::Exit::OutOfMemory => Self::OutOfMemory,
            host::Exit::Stopped => Self::Stopped,
            host::Exit::Other(text) => Self::Other(text),
        }
    }
}

/// Signals that programs die of, numbered as on Linux (x86-64 and arm64) and, but for SIGBUS, macOS.
fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_zero_is_a_success() {
        assert!(Exit::Code(0).success());
        for exit in [
            Exit::Code(1),
            Exit::Signal(0),
            Exit::TimedOut,
            Exit::Stopped,
            Exit::Other(String::new()),
        ] {
            assert!(!exit.success(), "{exit:?}");
        }
    }

    #[test]
    fn an_exit_reads_as_the_end_of_a_sentence() {
        assert_eq!(Exit::Code(2).to_string(), "ended with exit code 2");
        assert_eq!(Exit::Signal(11).to_string(), "was killed by signal 11 (SIGSEGV)");
        assert_eq!(Exit::Signal(40).to_string(), "was killed by signal 40");
    }
}
