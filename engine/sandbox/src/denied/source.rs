//! `source` without a repository to tell of.

use super::Denied;
use crate::bindings::source;

impl source::Host for Denied<'_> {
    async fn commit(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }

    async fn branch(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }

    async fn tag(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }

    async fn changed_since(
        &mut self,
        _base: Option<String>,
    ) -> wasmtime::Result<Result<Vec<source::Change>, source::Error>> {
        Ok(Err(source::Error::NotGranted(self.refuse("source", "source", "true"))))
    }
}
