//! What reaches the dispatcher.

use std::collections::BTreeMap;

use serde_json::Value;
use tidegate_manifest::StageName;

use super::artifacts::KeptOfStage;
use crate::Outcome;
use crate::event::EventKind;

/// Events that wait for the dispatcher at most. A stage that prints faster than the observers write waits.
pub(super) const QUEUE: usize = 1_024;

pub(super) enum Message {
    Event(EventKind),
    Finished(Finished),
    /// The first stops gently, the second at once.
    Cancel,
}

pub(super) struct Finished {
    pub(super) stage: StageName,
    pub(super) outcome: Outcome,
    pub(super) message: Option<String>,
    pub(super) outputs: BTreeMap<String, Value>,
    pub(super) artifacts: KeptOfStage,
}
