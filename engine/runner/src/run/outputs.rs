//! What an attempt gives to later stages.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tidegate_sandbox::limits::{KEY_BYTES, KIB, OUTPUT_BYTES, OUTPUTS};

/// Key to value. A key may be set again; the last value wins.
#[derive(Default)]
pub(super) struct Outputs(Mutex<BTreeMap<String, Value>>);

impl Outputs {
    /// The value of a text that a stage wants to set, not kept yet. The error is a text for the stage.
    pub(super) fn read(key: &str, text: &str) -> Result<Value, String> {
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if key.is_empty() || key.len() > KEY_BYTES || !key.bytes().all(good) {
            return Err(format!(
                "an output's key has letters, digits, `-` and `_`, {KEY_BYTES} at most"
            ));
        }
        if text.len() > OUTPUT_BYTES {
            let limit = OUTPUT_BYTES / KIB;
            return Err(format!(
                "an output has at most {limit} KiB; keep larger things as artifacts"
            ));
        }
        serde_json::from_str(text).map_err(|error| format!("the value is not JSON: {error}"))
    }

    pub(super) fn set(&self, key: String, value: Value) -> Result<(), String> {
        let mut outputs = self.lock();
        if outputs.len() >= OUTPUTS && !outputs.contains_key(&key) {
            return Err(format!("a stage has at most {OUTPUTS} outputs"));
        }
        outputs.insert(key, value);
        Ok(())
    }

    pub(super) fn all(&self) -> BTreeMap<String, Value> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        // Nothing panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_have_bounds() {
        let long = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
        assert!(Outputs::read("coverage_a-b", &long(OUTPUT_BYTES)).is_ok());
        assert!(Outputs::read(&"k".repeat(KEY_BYTES), "1").is_ok());
        assert_eq!(
            Outputs::read("a", &long(OUTPUT_BYTES + 1)).unwrap_err(),
            "an output has at most 64 KiB; keep larger things as artifacts"
        );
        for key in ["", "a b", "a.b", "ü", &"k".repeat(KEY_BYTES + 1)] {
            assert!(Outputs::read(key, "1").is_err(), "{key}");
        }
        assert!(
            Outputs::read("a", "{")
                .unwrap_err()
                .starts_with("the value is not JSON")
        );
    }

    #[test]
    fn what_is_there_may_be_set_again() {
        let outputs = Outputs::default();
        for number in 0..OUTPUTS {
            outputs.set(number.to_string(), Value::Null).unwrap();
        }
        outputs.set("0".into(), Value::from(1)).unwrap();
        assert_eq!(
            outputs.set("one-more".into(), Value::Null).unwrap_err(),
            "a stage has at most 200 outputs"
        );
        assert_eq!(outputs.all()["0"], 1);
    }
}
