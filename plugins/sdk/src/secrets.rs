//! Secrets that the manifest binds to the stage's own names. Each reading is recorded.

use thiserror::Error;

use crate::bindings::tidegate::stage::secrets as host;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    #[error("not granted: {0}")]
    NotGranted(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Other(String),
}

/// The engine masks the value in whatever the stage says afterwards.
pub fn reveal(name: &str) -> Result<String, Error> {
    host::reveal(name).map_err(|error| match error {
        host::Error::NotGranted(text) => Error::NotGranted(text),
        host::Error::Unavailable(text) => Error::Unavailable(text),
        host::Error::Other(text) => Error::Other(text),
    })
}
