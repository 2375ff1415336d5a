//! What happens in a run. Terminal, JSON lines, journal and reports all read this one enum; none has a side channel.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_manifest::StageName;
use tidegate_sandbox::{Level, Location, Severity, TestOutcome};

use crate::{Outcome, RunId};

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub time: Timestamp,
    pub kind: EventKind,
}

impl Event {
    /// One line of `--format json`, without the line break: `event` and `time` first.
    pub fn to_json(&self) -> String {
        let mut fields = match serde_json::to_value(&self.kind) {
            Ok(Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let event = fields.remove("event").unwrap_or_default();
        let rest = Value::Object(fields).to_string();
        format!("{{\"event\":{event},\"time\":\"{}\",{}", self.time, &rest[1..])
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    RunStarted {
        run: RunId,
        pipeline: String,
        stages: Vec<StageName>,
        dry_run: bool,
        commit: Option<String>,
        branch: Option<String>,
        /// What this version or this machine does not enforce, in plain words.
        not_enforced: Vec<String>,
    },
    StageStarted {
        stage: StageName,
        attempt: u32,
        plugin: String,
        /// How its native programs are confined: `full`, `degraded`, `unconfined`, or `none` when it runs none.
        confinement: Confinement,
    },
    Log {
        stage: StageName,
        level: Level,
        source: LogSource,
        message: String,
    },
    Finding {
        stage: StageName,
        severity: Severity,
        code: String,
        message: String,
        location: Option<Location>,
        help: Option<String>,
        extra: Value,
    },
    Test {
        stage: StageName,
        suite: String,
        name: String,
        outcome: TestOutcome,
        duration_us: u64,
        message: Option<String>,
        location: Option<Location>,
        extra: Value,
    },
    Progress {
        stage: StageName,
        done: u64,
        total: Option<u64>,
        what: String,
    },
    Metric {
        stage: StageName,
        name: String,
        value: f64,
        unit: String,
    },
    Summary {
        stage: StageName,
        markdown: String,
    },
    Output {
        stage: StageName,
        key: String,
        value: Value,
    },
    Artifact {
        stage: StageName,
        name: String,
        media_type: String,
        /// `sha256:…` of the content.
        digest: String,
        bytes: u64,
    },
    SecretRead {
        stage: StageName,
        name: String,
    },
    /// A program's connection, at its end, or its attempt to make one.
    Connection {
        stage: StageName,
        /// `host:port` as it is granted; a name alone where it was looked up and is not granted.
        to: String,
        result: ConnectionResult,
        /// Bytes from the program.
        sent: u64,
        /// Bytes to the program.
        received: u64,
        /// Why it failed.
        message: Option<String>,
    },
    StageFinished {
        stage: StageName,
        attempt: u32,
        outcome: Outcome,
        message: Option<String>,
        duration_ms: u64,
    },
    RunFinished {
        run: RunId,
        outcome: Outcome,
        exit_code: u8,
        duration_ms: u64,
    },
}

impl EventKind {
    /// The stage that it is about.
    pub fn stage(&self) -> Option<&StageName> {
        match self {
            Self::RunStarted { .. } | Self::RunFinished { .. } => None,
            Self::StageStarted { stage, .. }
            | Self::Log { stage, .. }
            | Self::Finding { stage, .. }
            | Self::Test { stage, .. }
            | Self::Progress { stage, .. }
            | Self::Metric { stage, .. }
            | Self::Summary { stage, .. }
            | Self::Output { stage, .. }
            | Self::Artifact { stage, .. }
            | Self::SecretRead { stage, .. }
            | Self::Connection { stage, .. }
            | Self::StageFinished { stage, .. } => Some(stage),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionResult {
    Closed,
    /// Granted, and not reached.
    Failed,
    Denied,
}

impl ConnectionResult {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Failed => "failed",
            Self::Denied => "denied",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confinement {
    None,
    Full,
    Degraded,
    Unconfined,
}

impl Confinement {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Full => "full",
            Self::Degraded => "degraded",
            Self::Unconfined => "unconfined",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogSource {
    /// The component.
    Stage,
    /// Standard output of a native program or of a remote command.
    Stdout,
    Stderr,
    /// The engine itself.
    Engine,
}

/// Whoever wants to know what happens. Called in order, on the dispatcher's thread.
pub trait Observer: Send {
    fn observe(&mut self, event: &Event) -> Result<(), ObserverError>;
}

/// An observer that can't go on, such as a journal on a full disk. The run is stopped: what happened must be kept.
#[derive(Debug, thiserror::Error)]
#[error("failed to {what}: {error}")]
pub struct ObserverError {
    pub what: String,
    pub error: String,
}
