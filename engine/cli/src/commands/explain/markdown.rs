//! Markdown for a terminal: paragraphs filled to its width, examples indented, headings bold.

use crate::render::{BOLD, CYAN, RESET, hang};

/// `text` with a line break behind each line. Colours are in it; the stream that takes it removes them where nobody sees them.
pub(super) fn render(text: &str, width: usize) -> String {
    let mut page = Page {
        width,
        out: String::new(),
        paragraph: None,
    };
    let mut in_example = false;
    for line in text.lines() {
        if line.starts_with("```") {
            page.flush();
            in_example = !in_example;
        } else if in_example && line.is_empty() {
            page.out.push('\n');
        } else if in_example {
            page.out.push_str(&format!("    {CYAN}{line}{RESET}\n"));
        } else if line.trim().is_empty() {
            page.flush();
            page.out.push('\n');
        } else if line.starts_with('#') {
            page.flush();
            page.out
                .push_str(&format!("{BOLD}{}{RESET}\n", line.trim_start_matches('#').trim()));
        } else if line.starts_with("    ") {
            page.flush();
            page.out.push_str(&format!("{CYAN}{line}{RESET}\n"));
        } else {
            page.add(line);
        }
    }
    page.flush();
    page.out
}

struct Page {
    width: usize,
    out: String,
    /// The indent of its lines after the first, and its words so far.
    paragraph: Option<(usize, String)>,
}

impl Page {
    fn add(&mut self, line: &str) {
        if let Some(indent) = item_indent(line) {
            self.flush();
            self.paragraph = Some((indent, line.to_owned()));
            return;
        }
        let (_, words) = self.paragraph.get_or_insert((0, String::new()));
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(line.trim());
    }

    fn flush(&mut self) {
        if let Some((indent, words)) = self.paragraph.take() {
            let (lead, words) = words.split_at(indent);
            self.out.push_str(&hang(lead, words, Some(self.width)));
            self.out.push('\n');
        }
    }
}

/// The indent of an item's further lines, if `line` begins one: `- …`, `1. …`.
fn item_indent(line: &str) -> Option<usize> {
    let number = line.bytes().take_while(u8::is_ascii_digit).count();
    match number {
        0 if line.starts_with("- ") => Some(2),
        1.. if line[number..].starts_with(". ") => Some(number + 2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        let text = render(text, 20);
        text.replace(BOLD, "").replace(CYAN, "").replace(RESET, "")
    }

    #[test]
    fn paragraphs_and_items_are_filled() {
        assert_eq!(
            plain("one two three four\nfive\n\nsix\n"),
            "one two three four\nfive\n\nsix\n"
        );
        assert_eq!(
            plain("- one two three four five\n- six\n"),
            "- one two three four\n  five\n- six\n"
        );
        assert_eq!(
            plain("1. one two three\n   four five\n"),
            "1. one two three\n   four five\n"
        );
        assert_eq!(
            plain("a-word-that-is-longer-than-a-line b\n"),
            "a-word-that-is-longer-than-a-line\nb\n"
        );
    }

    #[test]
    fn examples_stay_as_they_are() {
        let text = "Right:\n\n```toml\n[a]\n\nb = \"a text that is longer than a line\"\n```\n\n    $ indented\n";
        assert_eq!(
            plain(text),
            "Right:\n\n    [a]\n\n    b = \"a text that is longer than a line\"\n\n    $ indented\n"
        );
    }
}
