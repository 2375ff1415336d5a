//! The last words about a run.

use tidegate_manifest::StageName;
use tidegate_runner::{Outcome, RunId};
use tidegate_sandbox::{Severity, TestOutcome};

use super::duration;
use super::palette::{BOLD, DIM, RESET, YELLOW, mark, outcome_style};

#[derive(Default)]
pub(super) struct Summary {
    stages: Vec<(StageName, Outcome, Option<String>, u64)>,
    tests: u64,
    bad_tests: u64,
    skipped_tests: u64,
    errors: u64,
    warnings: u64,
    pub(super) not_enforced: Vec<String>,
}

impl Summary {
    pub(super) fn add_stage(&mut self, stage: &StageName, outcome: Outcome, message: Option<&str>, duration_ms: u64) {
        let first = message.and_then(|message| message.lines().next()).map(str::to_owned);
        self.stages.push((stage.clone(), outcome, first, duration_ms));
    }

    pub(super) fn count_test(&mut self, outcome: TestOutcome) {
        self.tests += 1;
        match outcome {
            TestOutcome::Failed | TestOutcome::Errored | TestOutcome::UnexpectedPass => self.bad_tests += 1,
            TestOutcome::Skipped => self.skipped_tests += 1,
            TestOutcome::Passed | TestOutcome::ExpectedFailure => {}
        }
    }

    pub(super) fn count_finding(&mut self, severity: Severity) {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Note => {}
        }
    }

    pub(super) fn text(&self, outcome: Outcome, duration_ms: u64, run: &RunId) -> String {
        let width = self
            .stages
            .iter()
            .map(|(stage, ..)| stage.as_str().len())
            .max()
            .unwrap_or(0);
        let mut lines: Vec<String> = Vec::new();
        for (stage, outcome, message, duration_ms) in &self.stages {
            let (style, mark) = (outcome_style(*outcome), mark(*outcome));
            let stage = stage.as_str();
            let time = match outcome {
                Outcome::Skipped => String::new(),
                _ => duration(*duration_ms),
            };
            let message = message
                .as_ref()
                .map(|message| format!("  {message}"))
                .unwrap_or_default();
            let line =
                format!("  {style}{mark}{RESET} {stage:<width$}  {style}{outcome:<14}{RESET} {time:>10}{message}");
            lines.push(line.trim_end().to_owned());
        }
        let mut counts = Vec::new();
        if self.tests > 0 {
            let skipped = if self.skipped_tests > 0 {
                format!(", {} skipped", self.skipped_tests)
            } else {
                String::new()
            };
            counts.push(format!(
                "{}, {} failed{skipped}",
                counted(self.tests, "test"),
                self.bad_tests
            ));
        }
        if self.errors + self.warnings > 0 {
            counts.push(format!(
                "{}, {}",
                counted(self.errors, "error"),
                counted(self.warnings, "warning")
            ));
        }
        let style = outcome_style(outcome);
        let counts = if counts.is_empty() {
            String::new()
        } else {
            format!(" · {}", counts.join(" · "))
        };
        lines.push(format!(
            "{BOLD}{style}{outcome}{RESET} in {}{counts}",
            duration(duration_ms)
        ));
        if outcome != Outcome::Passed {
            lines.push(format!("{DIM}the whole log: tidegate logs {run}{RESET}"));
        }
        lines.extend(
            self.not_enforced
                .iter()
                .map(|gap| format!("{YELLOW}not enforced{RESET}: {gap}")),
        );
        lines.join("\n")
    }
}

/// `1 test`, `2 tests`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}
