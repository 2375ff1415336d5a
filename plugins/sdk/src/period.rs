use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A length of time as people write it in a manifest: `500ms`, `90s`, `10m`, `1h30m`. A bare number is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period(Duration);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a length of time; write it as in `90s`, `10m` or `1h30m`")]
pub struct PeriodError(String);

/// Milliseconds per unit, from the largest: the order in which they may be written.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Period {
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub fn duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Period {
    type Error = PeriodError;

    fn try_from(text: String) -> Result<Self, PeriodError> {
        let mut rest = text.as_str();
        let mut units = UNITS.iter();
        let mut milliseconds: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = rest.split_at(digits);
            let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
            let (unit, after) = after.split_at(letters);
            let amount = units
                .find(|(name, _)| *name == unit)
                .and_then(|(_, factor)| number.parse::<u64>().ok()?.checked_mul(*factor));
            milliseconds = amount
                .and_then(|amount| milliseconds.checked_add(amount))
                .ok_or_else(|| PeriodError(text.clone()))?;
            rest = after;
        }
        if text.is_empty() {
            Err(PeriodError(text))
        } else {
            Ok(Self(Duration::from_millis(milliseconds)))
        }
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, factor) in UNITS {
            if rest >= factor {
                write!(f, "{}{name}", rest / factor)?;
                rest %= factor;
            }
        }
        Ok(())
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^(\d+(h|m|s|ms))+$", "examples": ["90s", "10m", "1h30m"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(text: &str) -> Option<u128> {
        Period::try_from(text.to_owned())
            .ok()
            .map(|period| period.duration().as_millis())
    }

    #[test]
    fn units_add_up() {
        assert_eq!(milliseconds("500ms"), Some(500));
        assert_eq!(milliseconds("10m"), Some(600_000));
        assert_eq!(milliseconds("1h30m5s"), Some(5_405_000));
        assert_eq!(Period::from_secs(5_405).to_string(), "1h30m5s");
    }

    #[test]
    fn what_could_be_misread_is_refused() {
        for text in [
            "",
            "10",
            "m",
            "1.5h",
            "-1s",
            "1 m",
            "5s10m",
            "1m1m",
            "10d",
            "99999999999999999999s",
            "30000000000000000h",
        ] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}
