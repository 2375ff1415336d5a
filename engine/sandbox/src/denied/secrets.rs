//! `secrets` without `grant.secrets`.

use super::{Denied, quoted};
use crate::bindings::secrets;

impl secrets::Host for Denied<'_> {
    async fn reveal(&mut self, name: String) -> wasmtime::Result<Result<String, secrets::Error>> {
        Ok(Err(secrets::Error::NotGranted(self.refuse(
            "secrets",
            "secrets",
            &format!("[{}]", quoted(&name)),
        ))))
    }
}
