//! A length of time, written with its units.

use std::time::Duration;

/// A longer wait is a slip, and shorter ones fit every clock that counts in milliseconds.
const MAX_DURATION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidDuration {
    #[error("expected a duration with its unit, such as `90s`, `10m` or `1h30m`")]
    Shape,
    #[error("expected at most 7 days (`168h`)")]
    TooLong,
}

/// From the largest unit to the smallest, each at most once.
const UNITS_MS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// `90s`, `10m`, `1h30m`, `500ms`: whole numbers, larger units first. A bare number has no unit and is refused.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let mut rest = text;
    let mut units = UNITS_MS.iter();
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after, |c| c.is_ascii_alphabetic());
        let factor = units.find(|(name, _)| *name == unit).ok_or(InvalidDuration::Shape)?.1;
        if number.is_empty() {
            return Err(InvalidDuration::Shape);
        }
        let part_ms = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        total_ms = part_ms
            .and_then(|part_ms| total_ms.checked_add(part_ms))
            .ok_or(InvalidDuration::TooLong)?;
        rest = after;
    }
    match Duration::from_millis(total_ms) {
        _ if text.is_empty() => Err(InvalidDuration::Shape),
        duration if duration > MAX_DURATION => Err(InvalidDuration::TooLong),
        duration => Ok(duration),
    }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_from_large_to_small() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("1m500ms"), Ok(Duration::from_millis(60_500)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("168h"), Ok(MAX_DURATION));
    }

    #[test]
    fn refuses_bare_numbers_fractions_and_mixed_orders() {
        for wrong in [
            "", "10", "m", "1.5h", "-1s", "10 m", "30m1h", "1m1m", "1d", "10m5", "10M", "١s",
        ] {
            assert_eq!(parse_duration(wrong), Err(InvalidDuration::Shape), "{wrong}");
        }
        for wrong in ["169h", "99999999999999999999h", "18446744073709551615s"] {
            assert_eq!(parse_duration(wrong), Err(InvalidDuration::TooLong), "{wrong}");
        }
    }
}
