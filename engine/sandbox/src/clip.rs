//! Bounds a text that a guest chose.

const MARK: &str = " … (cut)";

/// The text itself if it has at most `limit_bytes`; else its start, cut at a character, with a mark.
pub(crate) fn clip(mut text: String, limit_bytes: usize) -> String {
    if text.len() > limit_bytes {
        text.truncate(text.floor_char_boundary(limit_bytes));
        text.push_str(MARK);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(clip("abc".into(), 3), "abc");
        assert_eq!(clip("aéb".into(), 2), format!("a{MARK}"));
    }
}
