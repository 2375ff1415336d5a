//! A number of bytes, written with its unit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `512KiB`, `256 MiB`, `2GiB`, `100B`; decimal units (`kB`, `MB`, `GB`) count in thousands. A bare number has no unit and is
/// refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected a size with its unit, such as `256MiB`")]
pub struct InvalidByteSize;

const UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

impl FromStr for ByteSize {
    type Err = InvalidByteSize;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?.trim_end(), *factor)))
            .ok_or(InvalidByteSize)?;
        let number: u64 = number.parse().map_err(|_| InvalidByteSize)?;
        number.checked_mul(factor).map(Self).ok_or(InvalidByteSize)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (factor, unit) = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
            .into_iter()
            .find(|(factor, _)| self.0 >= *factor)
            .unwrap_or((1, "B"));
        match (self.0 / factor, self.0 % factor) {
            (whole, 0) => write!(f, "{whole} {unit}"),
            _ => write!(f, "{:.1} {unit}", self.0 as f64 / factor as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_and_refuses_bare_numbers() {
        assert_eq!("256MiB".parse(), Ok(ByteSize(256 << 20)));
        assert_eq!("2 GiB".parse(), Ok(ByteSize(2 << 30)));
        assert_eq!("3MB".parse(), Ok(ByteSize(3_000_000)));
        assert_eq!("7B".parse(), Ok(ByteSize(7)));
        for wrong in ["", "256", "MiB", "-1MiB", "1.5GiB", "1TiB", "99999999999GiB"] {
            assert_eq!(wrong.parse::<ByteSize>(), Err(InvalidByteSize), "{wrong}");
        }
    }

    #[test]
    fn prints_the_largest_unit() {
        assert_eq!(ByteSize(256 << 20).to_string(), "256 MiB");
        assert_eq!(ByteSize(1536).to_string(), "1.5 KiB");
        assert_eq!(ByteSize(12).to_string(), "12 B");
    }
}
