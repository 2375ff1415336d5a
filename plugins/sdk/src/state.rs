//! Small memory between runs, per pipeline and stage.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::tidegate::stage::state;
use crate::failure::{Failure, other};

/// None when nothing was put, or what was put is of another shape: memory is a help, never a need.
pub fn get<T: DeserializeOwned>(key: &str) -> Option<T> {
    serde_json::from_str(&state::get(key)?).ok()
}

pub fn put(key: &str, value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string(value).map_err(|error| other(format!("state `{key}`: {error}")))?;
    state::put(key, &json).map_err(|error| other(format!("state `{key}`: {error}")))
}
