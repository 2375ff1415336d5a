//! What a stage tells while it runs. Always granted; every call counts against the engine's output limits.

mod finding;
mod test;

use std::path::Path;

use serde::Serialize;

use crate::bindings::tidegate::stage::report as host;
use crate::failure::{Failure, other};

pub use finding::{Finding, Severity};
pub use test::{Test, TestOutcome};

pub fn debug(message: impl AsRef<str>) {
    host::log(host::Level::Debug, message.as_ref());
}

pub fn info(message: impl AsRef<str>) {
    host::log(host::Level::Info, message.as_ref());
}

pub fn warn(message: impl AsRef<str>) {
    host::log(host::Level::Warning, message.as_ref());
}

pub fn error(message: impl AsRef<str>) {
    host::log(host::Level::Error, message.as_ref());
}

/// `what` is what is being done, as in "tests".
pub fn progress(done: u64, total: Option<u64>, what: &str) {
    host::progress(done, total, what);
}

pub fn metric(name: &str, value: f64, unit: &str) {
    host::metric(name, value, unit);
}

/// A result for later stages: `${stages.NAME.outputs.KEY}`.
pub fn output(key: &str, value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string(value).map_err(|error| other(format!("output `{key}`: {error}")))?;
    host::set_output(key, &json).map_err(|error| other(format!("output `{key}`: {error}")))
}

/// Keeps a file or a folder of the workspace or of scratch with the run.
pub fn keep(name: &str, path: &Path, media_type: &str) -> Result<(), Failure> {
    let path = path
        .to_str()
        .ok_or_else(|| other(format!("artifact `{name}`: its path is not UTF-8")))?;
    host::keep_artifact(name, path, media_type).map_err(|error| other(format!("artifact `{name}`: {error}")))
}

/// Markdown for the run's report.
pub fn summary(markdown: impl AsRef<str>) {
    host::summary(markdown.as_ref());
}

fn location(path: String, line: Option<u32>, column: Option<u32>) -> host::Location {
    host::Location { path, line, column }
}

/// A value that has no JSON form is left out: an extra is a help for tools, never the message itself.
fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}
