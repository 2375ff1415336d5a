//! Files of the workspace, as far as this stage may see them. `std::fs` shows the same ones.

use thiserror::Error;

use crate::bindings::tidegate::stage::files as host;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    #[error("not granted: {0}")]
    NotGranted(String),
    #[error("{0}: no such file")]
    NotFound(String),
    #[error("{path}: too large to read at once ({bytes} bytes)")]
    TooLarge { path: String, bytes: u64 },
    #[error("{0}: not UTF-8 text")]
    NotText(String),
    #[error("{0}")]
    Other(String),
}

/// Paths relative to the workspace, sorted. Patterns are written as in a `.gitignore`; ignored and hidden files are left out.
pub fn glob(patterns: &[&str]) -> Result<Vec<String>, Error> {
    let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
    host::glob(&patterns).map_err(|error| from_host(error, &patterns.join(" ")))
}

pub fn read(path: &str) -> Result<Vec<u8>, Error> {
    host::read(path).map_err(|error| from_host(error, path))
}

/// A leading byte order mark is taken off.
pub fn read_to_string(path: &str) -> Result<String, Error> {
    let text = String::from_utf8(read(path)?).map_err(|_| Error::NotText(path.to_owned()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The same as [`read_to_string`], and none when there is no such file.
pub fn read_if_present(path: &str) -> Result<Option<String>, Error> {
    match read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Only under a folder that `grant.write` names; missing folders are made.
pub fn write(path: &str, content: &[u8]) -> Result<(), Error> {
    host::write(path, content).map_err(|error| from_host(error, path))
}

fn from_host(error: host::Error, path: &str) -> Error {
    match error {
        host::Error::NotGranted(text) => Error::NotGranted(text),
        host::Error::NotFound(_) => Error::NotFound(path.to_owned()),
        host::Error::TooLarge(bytes) => Error::TooLarge {
            path: path.to_owned(),
            bytes,
        },
        host::Error::Other(text) => Error::Other(text),
    }
}
