use thiserror::Error as ThisError;

use crate::bindings::tidegate::stage::process as host;

/// A program did not start, or could not be followed to its end. A program that ended badly is an [`super::Exit`].
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum Error {
    #[error("not granted: {0}")]
    NotGranted(String),
    #[error("{0}: no such program")]
    NotFound(String),
    #[error("can't be confined: {0}")]
    NotConfinable(String),
    #[error("did not start: {0}")]
    FailedToStart(String),
    #[error("stopped, because the run is being stopped")]
    Stopping,
    #[error("{0}")]
    Other(String),
}

impl From<host::Error> for Error {
    fn from(error: host::Error) -> Self {
        match error {
            host::Error::NotGranted(text) => Self::NotGranted(text),
            host::Error::NotFound(text) => Self::NotFound(text),
            host::Error::NotConfinable(text) => Self::NotConfinable(text),
            host::Error::FailedToStart(text) => Self::FailedToStart(text),
            host::Error::Stopping => Self::Stopping,
            host::Error::Other(text) => Self::Other(text),
        }
    }
}
