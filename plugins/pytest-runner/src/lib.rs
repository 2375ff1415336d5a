//! The standard stage `pytest-runner`: runs a project's tests and reports each one as it ends.
//!
//! ```toml
//! [stages.test]
//! uses = "pytest-runner"
//! needs = ["env"]
//! with = { settings = "shop.settings", args = ["-n", "auto"], coverage = ["shop"] }
//! grant = { exec = { python = ".venv/bin/python" } }
//! ```
//!
//! pytest is started by a small launcher with a small plugin (`python/`), which write events into a file in the stage's
//! scratch folder. Nothing depends on what pytest prints: it is the stage's log. A run passes only when pytest said so, its
//! session reached its end, and every collected test was seen to end well.
//!
//! Outputs: `total`, `passed`, `failed`, `errored`, `skipped`, `expected-failures`, `unexpected-passes`, and `coverage` in
//! percent when pytest-cov measured it. Artifact: `junit`.

mod code;
mod config;
mod event;
mod event_file;
mod harness;
mod place;
mod session;
mod stage;
mod tell;
mod verdict;

use stage::PytestRunner;

tidegate_sdk::export_stage!(PytestRunner);

#[cfg(test)]
mod real_pytest;
