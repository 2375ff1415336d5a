//! Colours and marks. Every colour says what a word says too: without colours nothing is lost.

use tidegate_runner::Outcome;

pub(crate) const RESET: &str = "\x1b[0m";
pub(crate) const BOLD: &str = "\x1b[1m";
pub(crate) const DIM: &str = "\x1b[2m";
pub(crate) const RED: &str = "\x1b[31m";
pub(crate) const GREEN: &str = "\x1b[32m";
pub(crate) const YELLOW: &str = "\x1b[33m";
pub(crate) const CYAN: &str = "\x1b[36m";

pub(crate) fn outcome_style(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => GREEN,
        Outcome::Skipped => DIM,
        Outcome::Cancelled | Outcome::Unavailable => YELLOW,
        _ => RED,
    }
}

pub(crate) fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "✓",
        Outcome::Skipped => "-",
        _ => "✗",
    }
}
