//! How an attempt ended. A guest's fault is an outcome, never an error of the host.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptEnd {
    Passed,
    /// The stage did its work and the answer is no.
    Failed(String),
    /// The stage can't work with this config or project.
    Misconfigured(String),
    /// The world was not there, or the stage could not do its work for another reason: it gave no answer. A retry may help.
    Unavailable(String),
    /// The stage gave up after an answer `not-granted`, and says so.
    Denied(String),
    /// With what the stage said, if it did in its grace: how it left things.
    TimedOut(String),
    LimitExceeded(String),
    /// The component trapped; the text has the frames.
    Trapped(String),
    /// With what the stage said, if it did in its grace: how it left things.
    Cancelled(Option<String>),
}
