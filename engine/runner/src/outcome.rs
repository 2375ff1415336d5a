//! How a stage ended, and how a run did.

use std::fmt;

use serde::{Deserialize, Serialize};
use tidegate_sandbox::AttemptEnd;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Passed,
    /// Not started: its `when` said no, it was left out, or a stage that it needs did not pass.
    Skipped,
    /// The stage did its work and the answer is no.
    Failed,
    /// The world was not there, or the stage gave no answer for another reason; a retry may help.
    Unavailable,
    /// The stage can't work with this config or project.
    Misconfigured,
    TimedOut,
    LimitExceeded,
    Denied,
    /// The component crashed.
    Trapped,
    Cancelled,
    /// The engine's own fault. Never blamed on a stage.
    Internal,
}

impl Outcome {
    pub const ALL: [Self; 11] = [
        Self::Passed,
        Self::Skipped,
        Self::Failed,
        Self::Unavailable,
        Self::Misconfigured,
        Self::TimedOut,
        Self::LimitExceeded,
        Self::Denied,
        Self::Trapped,
        Self::Cancelled,
        Self::Internal,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
            Self::TimedOut => "timed-out",
            Self::LimitExceeded => "limit-exceeded",
            Self::Denied => "denied",
            Self::Trapped => "trapped",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }

    /// What the whole run is when its stages ended so: the gravest, in the order of the exit codes.
    pub fn of_run(stages: impl IntoIterator<Item = Self>) -> Self {
        stages
            .into_iter()
            .max_by_key(|outcome| outcome.gravity())
            .map_or(Self::Passed, |gravest| match gravest {
                Self::Skipped => Self::Passed,
                other => other,
            })
    }

    /// Documented in docs/events.md; the first that applies, from above: 70 internal, 130 cancelled, 3 denied or an
    /// invalid plugin, 4 a timeout or a limit, 2 usage or misconfigured, 1 failed or unavailable, 0 passed.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed | Self::Skipped => 0,
            Self::Failed | Self::Unavailable => 1,
            Self::Misconfigured => 2,
            Self::Denied | Self::Trapped => 3,
            Self::TimedOut | Self::LimitExceeded => 4,
            Self::Cancelled => 130,
            Self::Internal => 70,
        }
    }

    fn gravity(self) -> u8 {
        match self {
            Self::Skipped => 0,
            Self::Passed => 1,
            Self::Unavailable => 2,
            Self::Failed => 3,
            Self::Misconfigured => 4,
            Self::LimitExceeded => 5,
            Self::TimedOut => 6,
            Self::Trapped => 7,
            Self::Denied => 8,
            Self::Cancelled => 9,
            Self::Internal => 10,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Outcome {
    /// The outcome and what is to be said about it.
    pub(crate) fn of_attempt(end: AttemptEnd) -> (Self, Option<String>) {
        match end {
            AttemptEnd::Passed => (Outcome::Passed, None),
            AttemptEnd::Failed(text) => (Outcome::Failed, Some(text)),
            AttemptEnd::Misconfigured(text) => (Outcome::Misconfigured, Some(text)),
            AttemptEnd::Unavailable(text) => (Outcome::Unavailable, Some(text)),
            AttemptEnd::Denied(text) => (Outcome::Denied, Some(text)),
            AttemptEnd::TimedOut(text) => (Outcome::TimedOut, Some(text)),
            AttemptEnd::LimitExceeded(text) => (Outcome::LimitExceeded, Some(text)),
            AttemptEnd::Trapped(text) => (Outcome::Trapped, Some(text)),
            AttemptEnd::Cancelled(text) => (Outcome::Cancelled, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_follow_the_documented_order() {
        let order = [70, 130, 3, 4, 2, 1, 0];
        let rank = |outcome: Outcome| order.iter().position(|code| *code == outcome.exit_code()).unwrap();
        for first in Outcome::ALL {
            for second in Outcome::ALL {
                let run = Outcome::of_run([first, second]);
                assert_eq!(
                    rank(run),
                    rank(first).min(rank(second)),
                    "{first} and {second} gave {run}"
                );
            }
        }
        assert_eq!(Outcome::of_run([]), Outcome::Passed);
        assert_eq!(Outcome::of_run([Outcome::Skipped]), Outcome::Passed);
    }

    #[test]
    fn texts_and_back() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
        }
    }
}
