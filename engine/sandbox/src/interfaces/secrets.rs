//! Secrets by the stage's own names.

use crate::SecretError;
use crate::attempt::Attempt;
use crate::bindings::secrets::{Error, Host};

impl Host for Attempt {
    async fn reveal(&mut self, name: String) -> wasmtime::Result<Result<String, Error>> {
        self.feed.settle().await;
        let revealed = self.broker.reveal(name).await;
        Ok(revealed.map_err(|error| match error {
            SecretError::NotGranted(text) => {
                self.note_denial(&text);
                Error::NotGranted(text)
            }
            SecretError::Unavailable(text) => Error::Unavailable(text),
            SecretError::Other(text) => Error::Other(text),
        }))
    }
}
