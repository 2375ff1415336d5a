//! The name of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Ten characters of Crockford's base 32: six of the time in seconds, which sort, and four of chance. Unique enough to be an
/// idempotency key across machines, short enough to be typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RunId {
    /// `seconds`: Unix time. `chance`: 20 random bits.
    pub fn new(seconds: u64, chance: u32) -> Self {
        let bits = ((seconds & ((1 << 30) - 1)) << 20) | u64::from(chance & ((1 << 20) - 1));
        let text = (0..10)
            .rev()
            .map(|place| char::from(ALPHABET[(bits >> (place * 5) & 31) as usize]))
            .collect();
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for RunId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_by_time() {
        let (first, second) = (RunId::new(1_795_000_000, 0xfffff), RunId::new(1_795_000_001, 0));
        assert!(first < second);
        assert_eq!(first.as_str().len(), 10);
    }
}
