//! A stage's memory between runs.

use crate::attempt::Attempt;
use crate::bindings::state::Host;
use crate::limits::{KEY_BYTES, KIB, STATE_VALUE_BYTES};

impl Host for Attempt {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        // It can't have been put.
        if key.len() > KEY_BYTES {
            return Ok(None);
        }
        Ok(self.broker.state_get(key).await)
    }

    async fn put(&mut self, key: String, value: String) -> wasmtime::Result<Result<(), String>> {
        if key.len() > KEY_BYTES || value.len() > STATE_VALUE_BYTES {
            return Ok(Err(format!(
                "a key has at most {KEY_BYTES} bytes, a value at most {} KiB",
                STATE_VALUE_BYTES / KIB
            )));
        }
        Ok(self.broker.state_put(key, value).await)
    }
}
