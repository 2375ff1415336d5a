//! The last words about a run.

use std::path::Path;

use tidegate_manifest::StageName;
use tidegate_runner::{Outcome, RunId};
use tidegate_sandbox::{Location, Severity, TestOutcome};

use super::duration;
use super::hang;
use super::palette::{BOLD, DIM, RED, RESET, YELLOW, mark, outcome_style};

/// Problems that the summary names; `tidegate show` has all.
const MAX_PROBLEMS: usize = 30;

#[derive(Default)]
pub(super) struct Summary {
    stages: Vec<(StageName, Outcome, Option<String>, u64)>,
    tests: u64,
    bad_tests: u64,
    skipped_tests: u64,
    errors: u64,
    warnings: u64,
    problems: Vec<Problem>,
    pub(super) not_enforced: Vec<String>,
    columns: Option<usize>,
    /// What a command needs to find the same project.
    options: String,
}

/// What is worth saying again at the end.
struct Problem {
    /// 0 comes first.
    rank: u8,
    stage: StageName,
    text: String,
    is_finding: bool,
}

impl Summary {
    pub(super) fn new(columns: Option<usize>, manifest: Option<&Path>) -> Self {
        Self {
            columns,
            options: manifest.map_or_else(String::new, |path| format!(" --manifest {}", path.display())),
            ..Self::default()
        }
    }

    pub(super) fn add_stage(&mut self, stage: &StageName, outcome: Outcome, message: Option<&str>, duration_ms: u64) {
        let first = message.and_then(|message| message.lines().next()).map(str::to_owned);
        self.stages.push((stage.clone(), outcome, first, duration_ms));
    }

    pub(super) fn add_test(
        &mut self,
        stage: &StageName,
        test: &str,
        outcome: TestOutcome,
        location: Option<&Location>,
    ) {
        self.tests += 1;
        match outcome {
            TestOutcome::Failed | TestOutcome::Errored | TestOutcome::UnexpectedPass => self.bad_tests += 1,
            TestOutcome::Skipped => {
                self.skipped_tests += 1;
                return;
            }
            TestOutcome::Passed | TestOutcome::ExpectedFailure => return,
        }
        let text = format!("{}{test} failed", place(location));
        self.problems.push(Problem {
            rank: 0,
            stage: stage.clone(),
            text,
            is_finding: false,
        });
    }

    pub(super) fn add_finding(
        &mut self,
        stage: &StageName,
        severity: Severity,
        code: &str,
        message: &str,
        location: Option<&Location>,
    ) {
        let rank = match severity {
            Severity::Error => 0,
            Severity::Warning => 1,
            Severity::Note => return,
        };
        if rank == 0 {
            self.errors += 1
        } else {
            self.warnings += 1
        }
        let first = message.lines().next().unwrap_or_default();
        let text = format!("{}{first} [{code}]", place(location));
        self.problems.push(Problem {
            rank,
            stage: stage.clone(),
            text,
            is_finding: true,
        });
    }

    /// Errors and failed tests before warnings, each with its place.
    fn problem_lines(&self) -> Vec<String> {
        // A stage that tells of its failed tests by findings, which know more, has told all of them.
        let has_findings = |stage: &StageName| {
            self.problems
                .iter()
                .any(|other| other.is_finding && other.stage == *stage)
        };
        let is_told = |problem: &&Problem| problem.is_finding || !has_findings(&problem.stage);
        let mut told: Vec<_> = self.problems.iter().filter(is_told).collect();
        told.sort_by_key(|problem| problem.rank);
        let rest = told.len().saturating_sub(MAX_PROBLEMS);
        let mut lines: Vec<_> = told
            .iter()
            .take(MAX_PROBLEMS)
            .map(|problem| {
                let (style, word) = if problem.rank == 0 {
                    (RED, "error")
                } else {
                    (YELLOW, "warning")
                };
                let lead = format!("  {style}{word}{RESET}: ");
                hang(&lead, &format!("{}: {}", problem.stage, problem.text), self.columns)
            })
            .collect();
        if rest > 0 {
            lines.push(format!("  and {rest} more: tidegate show{}", self.options));
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines
    }

    /// The message stands on the stage's line, or below it where there is no room.
    fn stage_lines(&self, line: &str, message: &str) -> Vec<String> {
        let whole = hang(line, &format!("  {message}"), None);
        let fits = |columns| textwrap::core::display_width(&whole) <= columns;
        if self.columns.is_none_or(fits) {
            return vec![whole];
        }
        vec![line.trim_end().to_owned(), hang("      ", message, self.columns)]
    }

    pub(super) fn text(&self, outcome: Outcome, duration_ms: u64, run: &RunId) -> String {
        let width = self
            .stages
            .iter()
            .map(|(stage, ..)| stage.as_str().len())
            .max()
            .unwrap_or(0);
        let mut lines = self.problem_lines();
        for (stage, outcome, message, duration_ms) in &self.stages {
            let (style, mark) = (outcome_style(*outcome), mark(*outcome));
            let stage = stage.as_str();
            let time = match outcome {
                Outcome::Skipped => String::new(),
                _ => duration(*duration_ms),
            };
            let line = format!("  {style}{mark}{RESET} {stage:<width$}  {style}{outcome:<14}{RESET} {time:>10}");
            lines.extend(self.stage_lines(&line, message.as_deref().unwrap_or_default()));
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
        let verdict = format!("{BOLD}{style}{outcome}{RESET} in {}{counts}", duration(duration_ms));
        lines.push(hang("", &verdict, self.columns));
        if outcome != Outcome::Passed {
            lines.push(format!(
                "{DIM}the whole log: tidegate logs{} {run}{RESET}",
                self.options
            ));
        }
        lines.extend(
            self.not_enforced
                .iter()
                .map(|gap| hang(&format!("{YELLOW}not enforced{RESET}: "), gap, self.columns)),
        );
        lines.join("\n")
    }
}

/// `path:line: `, or nothing.
pub(super) fn place(location: Option<&Location>) -> String {
    match location {
        Some(Location {
            path, line: Some(line), ..
        }) => format!("{path}:{line}: "),
        Some(Location { path, .. }) => format!("{path}: "),
        None => String::new(),
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
