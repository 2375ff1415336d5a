//! What one attempt of a stage is: everything the sandbox needs to know, and nothing that it must not know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// One attempt of one stage. Serialisable, so that the same attempt can run behind a process boundary: it holds no secret's
/// value and no path of a host program, only what the stage may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSpec {
    pub component: Digest,
    pub run: String,
    pub stage: String,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The stage's `with` table as JSON, already checked against the component's schema.
    pub config: String,
    /// Outputs of needed stages: stage, output, JSON.
    pub inputs: BTreeMap<String, BTreeMap<String, String>>,
    /// Artifacts of needed stages: stage, name, path in the View.
    pub artifacts: BTreeMap<String, BTreeMap<String, String>>,
    /// Absolute; the same path inside and outside.
    pub workspace: PathBuf,
    /// Absolute; the same path inside and outside.
    pub scratch: PathBuf,
    pub dry_run: bool,
    /// Interfaces that are linked to the broker; every other one is linked to its denier.
    pub granted: BTreeSet<Interface>,
    pub limits: StageLimits,
}

/// The interfaces of the contract that need a grant. `context`, `files`, `report` and `state` never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    Http,
    Process,
    Secrets,
    Source,
    Ssh,
}

/// Limits that a manifest may set for one stage. The fixed ones stand in `limits.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageLimits {
    /// Linear memory of the component, all its instances together.
    pub memory_bytes: u64,
    /// Wall time of the attempt.
    pub time: Duration,
    /// What the stage has, after a stop was requested, to leave things whole.
    pub stop_grace: Duration,
}
