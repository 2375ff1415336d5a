//! Text beside a label, broken between words.

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// `lead` and behind it `text`, whose further lines begin below its first word. Words that are longer than a line stay whole:
/// paths and commands are there to be copied. Without `columns` nothing is broken: in a file or a CI log a line is found as a
/// whole.
pub(crate) fn hang(lead: &str, text: &str, columns: Option<usize>) -> String {
    let words = text.trim_start_matches(' ');
    let lead = format!("{lead}{}", &text[..text.len() - words.len()]);
    let columns = match columns {
        Some(columns) if !words.is_empty() => columns,
        _ => return format!("{lead}{words}").trim_end().to_owned(),
    };
    let indent = " ".repeat(textwrap::core::display_width(&lead));
    let options = Options::new(columns)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .initial_indent(&lead)
        .subsequent_indent(&indent);
    let filled = textwrap::fill(words, options);
    // A word that now begins a line must not become a command of the CI system that reads it.
    let command = format!("\n{indent}::");
    filled
        .replace(&command, &format!("\n{indent}:\u{2060}:"))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_lines_begin_below_the_first_word() {
        assert_eq!(
            hang("  \x1b[2mreads\x1b[0m  ", "one two three four", Some(18)),
            "  \x1b[2mreads\x1b[0m  one two\n         three\n         four"
        );
        assert_eq!(hang("a ", "  with some more", Some(12)), "a   with\n    some\n    more");
    }

    #[test]
    fn words_stay_whole() {
        let path = "/srv/a-very-long/path.py:12:";
        assert_eq!(
            hang("", &format!("at {path} here"), Some(10)),
            format!("at\n{path}\nhere")
        );
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(hang("", "移行 移行 移行", Some(10)), "移行 移行\n移行");
    }

    #[test]
    fn a_broken_line_begins_no_command() {
        assert_eq!(hang("a ", "some ::error::x", Some(8)), "a some\n  :\u{2060}:error::x");
    }

    #[test]
    fn without_a_width_a_line_stays_one() {
        assert_eq!(hang("a ", "b c d", None), "a b c d");
        assert_eq!(hang("a ", "", None), "a");
        assert_eq!(hang("a ", "", Some(10)), "a");
    }
}
