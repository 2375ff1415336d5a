//! Secrets never leave the engine in readable form by accident. (What stops theft is that a stage has nowhere to send.)

use aho_corasick::{AhoCorasick, MatchKind};
use zeroize::Zeroizing;

use crate::Secrets;

/// What stands in a secret's place.
pub(crate) const MASK: &str = "•••";
/// Shorter values, and shorter lines of a longer value, would mask ordinary words.
const MIN_LENGTH: usize = 4;

/// Replaces every secret's value, and every line of a value with several lines.
pub struct Masker {
    finder: Option<AhoCorasick>,
    needles: Vec<Zeroizing<String>>,
    /// Bytes of the longest secret that has no line break.
    longest: usize,
}

impl Masker {
    pub fn new(secrets: &Secrets) -> Self {
        let mut needles: Vec<&str> = secrets
            .iter()
            .flat_map(|(_, value)| value.lines().map(str::trim).chain([value]))
            .filter(|needle| needle.len() >= MIN_LENGTH)
            .collect();
        needles.sort_unstable();
        needles.dedup();
        let longest = needles
            .iter()
            .filter(|needle| !needle.contains('\n'))
            .map(|needle| needle.len())
            .max()
            .unwrap_or(0);
        let finder = (!needles.is_empty()).then(|| {
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(&needles)
                .expect("the automaton's bounds lie far above the number of secrets times their largest size")
        });
        let needles = needles
            .into_iter()
            .map(|needle| Zeroizing::new(needle.to_owned()))
            .collect();
        Self {
            finder,
            needles,
            longest,
        }
    }

    /// Names of secrets that are too short to be masked.
    pub fn unmaskable(secrets: &Secrets) -> Vec<String> {
        secrets
            .iter()
            .filter(|(_, value)| value.trim().len() < MIN_LENGTH)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    pub fn mask(&self, text: String) -> String {
        match &self.finder {
            Some(finder) if finder.is_match(&text) => {
                let mut masked = String::with_capacity(text.len());
                finder.replace_all_with(&text, &mut masked, |_, _, out| {
                    out.push_str(MASK);
                    true
                });
                masked
            }
            _ => text,
        }
    }

    /// Masks what may be the beginning of a secret at the end of a text that goes on elsewhere.
    pub fn mask_end(&self, text: String) -> String {
        let part = |needle: &str| {
            let parts = (MIN_LENGTH..needle.len())
                .rev()
                .filter(|at| needle.is_char_boundary(*at));
            parts
                .map(|at| &needle[..at])
                .find(|part| text.ends_with(part))
                .map(str::len)
        };
        match self.needles.iter().filter_map(|needle| part(needle)).max() {
            Some(length) => format!("{}{MASK}", &text[..text.len() - length]),
            None => text,
        }
    }

    /// Masks what may be the end of a secret at the start of a text that began elsewhere.
    pub fn mask_start(&self, text: String) -> String {
        let part = |needle: &str| {
            let last = needle.len().saturating_sub(MIN_LENGTH);
            let parts = (1..=last).filter(|at| needle.is_char_boundary(*at));
            parts
                .map(|at| &needle[at..])
                .find(|part| text.starts_with(part))
                .map(str::len)
        };
        match self.needles.iter().filter_map(|needle| part(needle)).max() {
            Some(length) => format!("{MASK}{}", &text[length..]),
            None => text,
        }
    }

    /// Bytes of the longest secret that has no line break; 0 without secrets.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Where an unfinished line may be cut so that no secret is split: everything behind it must be held back. It is more than 0
    /// where the line is longer than the longest secret.
    pub fn safe_cut(&self, line: &[u8]) -> usize {
        let cut = line.len().saturating_sub(self.longest.saturating_sub(1));
        let straddling = self
            .finder
            .iter()
            .flat_map(|finder| finder.find_iter(line))
            .find(|found| found.end() > cut);
        straddling.map_or(cut, |found| match found.start() {
            // It is there as a whole.
            0 => found.end(),
            start => start.min(cut),
        })
    }

    /// True where a text that was cut at both ends may be the middle of a secret.
    pub fn is_inside_a_secret(&self, text: &str) -> bool {
        self.needles
            .iter()
            .any(|needle| needle.len() > text.len() && needle.contains(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_each_of_their_lines() {
        let secrets = Secrets::of([("token", "hunter22"), ("key", "-----BEGIN\nAAAABBBB\nxy\n")]);
        let masker = Masker::new(&secrets);
        assert_eq!(masker.mask("a hunter22 b hunter2".into()), "a ••• b hunter2");
        assert_eq!(masker.mask("AAAABBBB and xy".into()), "••• and xy");
    }

    #[test]
    fn a_line_is_never_cut_in_a_secret() {
        let masker = Masker::new(&Secrets::of([("token", "hunter22")]));
        assert_eq!(masker.safe_cut(b"0123456789"), 3);
        assert_eq!(masker.safe_cut(b"01hunter22"), 2);
        assert_eq!(masker.safe_cut(b"0123456hun"), 3);
        assert_eq!(Masker::new(&Secrets::default()).safe_cut(b"0123"), 4);
    }

    #[test]
    fn halves_of_a_secret_where_a_text_was_cut() {
        let masker = Masker::new(&Secrets::of([("token", "hunter22-é-horse")]));
        assert_eq!(masker.mask_end("it is hunter22-".into()), "it is •••");
        assert_eq!(masker.mask_start("é-horse!".into()), "•••!");
        assert_eq!(masker.mask_start("horse!".into()), "•••!");
        assert_eq!(masker.mask_end("no hun".into()), "no hun");
        assert_eq!(masker.mask_start("rse".into()), "rse");
    }

    #[test]
    fn no_secret_no_work() {
        assert_eq!(Masker::new(&Secrets::default()).mask("plain".into()), "plain");
    }

    #[test]
    fn short_values_are_named() {
        assert_eq!(
            Masker::unmaskable(&Secrets::of([("pin", "123"), ("token", "long enough")])),
            ["pin"]
        );
    }
}
