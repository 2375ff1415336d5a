//! The run that this stage is part of.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

use crate::bindings::tidegate::stage::context;
use crate::failure::{Failure, misconfigured};

/// The stage's `with` table; [`crate::Stage::run`] gets it already. `Misconfigured` when it does not fit the type.
pub fn config<T: DeserializeOwned>() -> Result<T, Failure> {
    // By way of a `Value`, as `requests` has one too: a second way to read the same type would make each component larger.
    serde_json::from_str(&context::config())
        .and_then(serde_json::from_value::<T>)
        .map_err(|error| misconfigured(format!("`with`: {error}")))
}

/// What the manifest calls this stage.
pub fn stage_name() -> String {
    context::stage_name()
}

pub fn run_id() -> String {
    context::run_id()
}

/// 1 for the first attempt. With the run's id and the stage's name it makes a key for effects that must happen once.
pub fn attempt() -> u32 {
    context::attempt()
}

/// An output of a stage that this one `needs`; none when that stage set no such output.
pub fn input<T: DeserializeOwned>(stage: &str, output: &str) -> Result<Option<T>, Failure> {
    let Some(json) = context::input(stage, output) else {
        return Ok(None);
    };
    serde_json::from_str(&json)
        .map(Some)
        .map_err(|error| misconfigured(format!("output `{output}` of stage `{stage}`: {error}")))
}

/// The file or folder of an artifact of a stage that this one `needs`; read-only.
pub fn artifact(stage: &str, name: &str) -> Option<PathBuf> {
    context::artifact(stage, name).map(PathBuf::from)
}

/// Absolute, and the same for native programs.
pub fn workspace() -> PathBuf {
    PathBuf::from(context::workspace())
}

/// A folder of this attempt's own. Absolute, and the same for native programs.
pub fn scratch() -> PathBuf {
    PathBuf::from(context::scratch())
}

/// Say what would be done, and have no effect.
pub fn dry_run() -> bool {
    context::dry_run()
}

/// True once the run is cancelled or timed out: blocking calls return early, and what is left is the grace period.
pub fn stop_requested() -> bool {
    context::stop_requested()
}
