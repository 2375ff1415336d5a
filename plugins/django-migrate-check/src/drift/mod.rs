//! Model changes that no migration has: asked of Django itself, in the project's own Python.

mod answer;
mod verdict;

pub use answer::{Answer, AnswerError, MissingInApp, MissingOperation, Problem};
pub use verdict::Verdict;

/// The program for `python -c`; its arguments are the path of manage.py and the settings module, either may be empty.
pub const SCRIPT: &str = include_str!("drift.py");
