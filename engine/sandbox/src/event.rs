//! What a stage tells while it runs and needs no answer to.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// Where a stage's events go. Bounded: `emit` waits while the receiver is behind, and so the guest does.
#[async_trait]
pub trait EventSink: Send + Sync + 'static {
    async fn emit(&self, event: StageEvent);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageEvent {
    Log {
        level: Level,
        message: String,
    },
    Finding(Finding),
    Test(TestCase),
    Progress {
        done: u64,
        total: Option<u64>,
        what: String,
    },
    Metric {
        name: String,
        value: f64,
        unit: String,
    },
    /// Markdown for the run's report.
    Summary {
        markdown: String,
    },
}

impl StageEvent {
    /// What its texts take where they are shown and kept.
    pub fn text_bytes(&self) -> u64 {
        let extra = |extra: &[(String, String)]| {
            extra
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum::<usize>()
        };
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let place = |location: &Option<Location>| location.as_ref().map_or(0, |location| location.path.len());
        let bytes = match self {
            Self::Log { message, .. } => message.len(),
            Self::Finding(finding) => {
                finding.code.len()
                    + finding.message.len()
                    + optional(&finding.help)
                    + place(&finding.location)
                    + extra(&finding.extra)
            }
            Self::Test(test) => {
                test.suite.len()
                    + test.name.len()
                    + optional(&test.message)
                    + place(&test.location)
                    + extra(&test.extra)
            }
            Self::Progress { what, .. } => what.len(),
            Self::Metric { name, unit, .. } => name.len() + unit.len(),
            Self::Summary { markdown } => markdown.len(),
        };
        bytes as u64
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Note,
    Warning,
    Error,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Relative to the workspace where the file lies in it.
    pub path: String,
    /// From 1.
    pub line: Option<u32>,
    /// From 1.
    pub column: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub severity: Severity,
    pub code: String,
    pub message: String,
    pub location: Option<Location>,
    pub help: Option<String>,
    /// Name and JSON value.
    pub extra: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestOutcome {
    Passed,
    Failed,
    Errored,
    Skipped,
    ExpectedFailure,
    UnexpectedPass,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCase {
    pub suite: String,
    pub name: String,
    pub outcome: TestOutcome,
    pub duration_us: u64,
    pub message: Option<String>,
    pub location: Option<Location>,
    /// Name and JSON value.
    pub extra: Vec<(String, String)>,
}
