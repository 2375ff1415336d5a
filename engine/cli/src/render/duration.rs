//! Durations for people.

/// `12 ms`, `3.4 s`, `2 min 05 s`, `1 h 02 min`.
pub(crate) fn duration(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{}.{} s", seconds, millis % 1_000 / 100),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        let texts: Vec<_> = [0, 999, 1_000, 59_990, 60_000, 3_599_999, 7_320_000]
            .map(duration)
            .into();
        assert_eq!(
            texts,
            [
                "0 ms",
                "999 ms",
                "1.0 s",
                "59.9 s",
                "1 min 00 s",
                "59 min 59 s",
                "2 h 02 min"
            ]
        );
    }
}
