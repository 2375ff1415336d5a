//! The name of a stage.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A lower-case letter, then lower-case letters, digits and `-`; at most 63 bytes, so that it is also a host name label and a
/// file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StageName(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected a lower-case letter, then lower-case letters, digits and `-`, at most 63 in all")]
pub struct InvalidStageName;

impl StageName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StageName {
    type Err = InvalidStageName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        let rest = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if first && rest && text.len() <= 63 {
            Ok(Self(text.into()))
        } else {
            Err(InvalidStageName)
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for StageName {
    type Error = InvalidStageName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<StageName> for String {
    fn from(name: StageName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_host_name_label() {
        for good in ["a", "deploy-2", &"a".repeat(63)] {
            assert_eq!(good.parse::<StageName>().unwrap().as_str(), good);
        }
        for wrong in ["", "2a", "-a", "A", "a_b", "a.b", "a/b", "ä", &"a".repeat(64)] {
            assert_eq!(wrong.parse::<StageName>(), Err(InvalidStageName), "{wrong}");
        }
    }
}
