//! What the stage tells while it runs, and what it leaves for later.

use crate::attempt::Attempt;
use crate::bindings::report::{self, Host};
use crate::limits::{KEY_BYTES, KIB, MEDIA_TYPE_BYTES, OUTPUT_BYTES};
use crate::{Finding, Level, Location, Severity, TestCase, TestOutcome};

impl Host for Attempt {
    async fn log(&mut self, level: report::Level, message: String) -> wasmtime::Result<()> {
        self.feed.log(level.into(), message).await;
        Ok(())
    }

    async fn add_finding(&mut self, finding: report::Finding) -> wasmtime::Result<()> {
        self.feed.finding(finding.into()).await;
        Ok(())
    }

    async fn add_test(&mut self, test: report::TestCase) -> wasmtime::Result<()> {
        self.feed.test(test.into()).await;
        Ok(())
    }

    async fn progress(&mut self, done: u64, total: Option<u64>, what: String) -> wasmtime::Result<()> {
        self.feed.progress(done, total, what).await;
        Ok(())
    }

    async fn metric(&mut self, name: String, value: f64, unit: String) -> wasmtime::Result<()> {
        self.feed.metric(name, value, unit).await;
        Ok(())
    }

    async fn set_output(&mut self, key: String, value: String) -> wasmtime::Result<Result<(), String>> {
        if key.is_empty() || key.len() > KEY_BYTES {
            return Ok(Err(format!("an output's key has 1 to {KEY_BYTES} bytes")));
        }
        if value.len() > OUTPUT_BYTES {
            return Ok(Err(format!(
                "an output has at most {} KiB; keep an artifact instead",
                OUTPUT_BYTES / KIB
            )));
        }
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&value) {
            return Ok(Err(format!("the output `{key}` is not JSON: {error}")));
        }
        self.feed.settle().await;
        Ok(self.broker.set_output(key, value).await)
    }

    async fn keep_artifact(
        &mut self,
        name: String,
        path: String,
        media_type: String,
    ) -> wasmtime::Result<Result<(), String>> {
        if name.is_empty() || name.len() > KEY_BYTES || media_type.len() > MEDIA_TYPE_BYTES {
            return Ok(Err(format!(
                "an artifact's name has 1 to {KEY_BYTES} bytes, its media type at most {MEDIA_TYPE_BYTES}"
            )));
        }
        self.feed.settle().await;
        Ok(self.broker.keep_artifact(name, path, media_type).await)
    }

    async fn summary(&mut self, markdown: String) -> wasmtime::Result<()> {
        self.feed.summary(markdown).await;
        Ok(())
    }
}

impl From<report::Level> for Level {
    fn from(level: report::Level) -> Self {
        match level {
            report::Level::Debug => Self::Debug,
            report::Level::Info => Self::Info,
            report::Level::Warning => Self::Warning,
            report::Level::Error => Self::Error,
        }
    }
}

impl From<report::Severity> for Severity {
    fn from(severity: report::Severity) -> Self {
        match severity {
            report::Severity::Note => Self::Note,
            report::Severity::Warning => Self::Warning,
            report::Severity::Error => Self::Error,
        }
    }
}

impl From<report::Location> for Location {
    fn from(location: report::Location) -> Self {
        Self {
            path: location.path,
            line: location.line,
            column: location.column,
        }
    }
}

impl From<report::Finding> for Finding {
    fn from(finding: report::Finding) -> Self {
        Self {
            severity: finding.severity.into(),
            code: finding.code,
            message: finding.message,
            location: finding.location.map(Into::into),
            help: finding.help,
            extra: finding.extra,
        }
    }
}

impl From<report::TestOutcome> for TestOutcome {
    fn from(outcome: report::TestOutcome) -> Self {
        match outcome {
            report::TestOutcome::Passed => Self::Passed,
            report::TestOutcome::Failed => Self::Failed,
            report::TestOutcome::Errored => Self::Errored,
            report::TestOutcome::Skipped => Self::Skipped,
            report::TestOutcome::ExpectedFailure => Self::ExpectedFailure,
            report::TestOutcome::UnexpectedPass => Self::UnexpectedPass,
        }
    }
}

impl From<report::TestCase> for TestCase {
    fn from(test: report::TestCase) -> Self {
        Self {
            suite: test.suite,
            name: test.name,
            outcome: test.outcome.into(),
            duration_us: test.duration_us,
            message: test.message,
            location: test.location.map(Into::into),
            extra: test.extra,
        }
    }
}
