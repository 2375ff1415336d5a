//! "Did you mean": the known word that a mistaken one most likely stands for.

/// A longer word is no slip of the finger, and the distance is quadratic in its length.
const MAX_WORD_BYTES: usize = 64;

/// The candidate nearest to `word`, or nothing where none is near enough to be meant: about one slip in three letters.
/// Case does not count, nor does `_` for `-`; the first of equally near candidates wins.
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > MAX_WORD_BYTES {
        return None;
    }
    let plain = fold(word);
    let farthest = (plain.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_WORD_BYTES)
        .map(|candidate| (strsim::damerau_levenshtein(&plain, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= farthest && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> String {
    word.to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["needs", "timeout", "stop-grace", "net"];

    #[test]
    fn finds_slips_and_other_spellings() {
        assert_eq!(suggest("need", KEYS), Some("needs"));
        assert_eq!(suggest("tiemout", KEYS), Some("timeout"));
        assert_eq!(suggest("stop_grace", KEYS), Some("stop-grace"));
        assert_eq!(suggest("Timeout", KEYS), Some("timeout"));
    }

    #[test]
    fn says_nothing_rather_than_something_far() {
        assert_eq!(suggest("image", KEYS), None);
        assert_eq!(suggest("", KEYS), None);
        assert_eq!(suggest("a", ["b"]), None);
        assert_eq!(suggest(&"needs".repeat(20), KEYS), None);
    }
}
