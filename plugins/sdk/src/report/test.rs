use std::time::Duration;

use serde::Serialize;

use super::{host, json, location};

/// A test that has ended. Told to the engine by [`Test::add`].
#[must_use = "a test is told by `add`"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    pub suite: String,
    pub name: String,
    pub outcome: TestOutcome,
    pub duration: Duration,
    pub message: Option<String>,
    /// Relative to the workspace.
    pub path: Option<String>,
    /// From 1; only with a path.
    pub line: Option<u32>,
    /// Names and JSON values.
    pub extra: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestOutcome {
    Passed,
    Failed,
    /// Something around the test failed, not what it asserts.
    Errored,
    Skipped,
    ExpectedFailure,
    UnexpectedPass,
}

impl Test {
    pub fn new(suite: impl Into<String>, name: impl Into<String>, outcome: TestOutcome) -> Self {
        Self {
            suite: suite.into(),
            name: name.into(),
            outcome,
            duration: Duration::ZERO,
            message: None,
            path: None,
            line: None,
            extra: Vec::new(),
        }
    }

    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Why it failed or was skipped.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Relative to the workspace.
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// From 1.
    pub fn line(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }

    pub fn extra(mut self, name: impl Into<String>, value: &impl Serialize) -> Self {
        self.extra.extend(json(value).map(|value| (name.into(), value)));
        self
    }

    pub fn add(self) {
        host::add_test(&host::TestCase {
            suite: self.suite,
            name: self.name,
            outcome: match self.outcome {
                TestOutcome::Passed => host::TestOutcome::Passed,
                TestOutcome::Failed => host::TestOutcome::Failed,
                TestOutcome::Errored => host::TestOutcome::Errored,
                TestOutcome::Skipped => host::TestOutcome::Skipped,
                TestOutcome::ExpectedFailure => host::TestOutcome::ExpectedFailure,
                TestOutcome::UnexpectedPass => host::TestOutcome::UnexpectedPass,
            },
            duration_us: u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX),
            message: self.message,
            location: self.path.map(|path| location(path, self.line, None)),
            extra: self.extra,
        });
    }
}
