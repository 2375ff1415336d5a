//! Files of the workspace, through the broker's View.

use crate::FilesError;
use crate::attempt::Attempt;
use crate::bindings::files::{Error, Host};
use crate::limits::FILE_BYTES;

impl Attempt {
    fn files_error(&mut self, error: FilesError) -> Error {
        match error {
            FilesError::NotGranted(text) => {
                self.note_denial(&text);
                Error::NotGranted(text)
            }
            FilesError::NotFound(text) => Error::NotFound(text),
            FilesError::TooLarge(bytes) => Error::TooLarge(bytes),
            FilesError::Other(text) => Error::Other(text),
        }
    }
}

impl Host for Attempt {
    async fn glob(&mut self, patterns: Vec<String>) -> wasmtime::Result<Result<Vec<String>, Error>> {
        let found = self.broker.files_glob(patterns).await;
        Ok(found.map_err(|error| self.files_error(error)))
    }

    async fn read(&mut self, path: String) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let read = self.broker.files_read(path).await;
        Ok(match read {
            Ok(content) if content.len() > FILE_BYTES => Err(Error::TooLarge(content.len() as u64)),
            Ok(content) => Ok(content),
            Err(error) => Err(self.files_error(error)),
        })
    }

    async fn write(&mut self, path: String, content: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        if content.len() > FILE_BYTES {
            return Ok(Err(Error::TooLarge(content.len() as u64)));
        }
        let written = self.broker.files_write(path, content).await;
        Ok(written.map_err(|error| self.files_error(error)))
    }
}
