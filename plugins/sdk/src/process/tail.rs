use std::collections::VecDeque;

/// As much as one screen shows beside the message.
const LINES: usize = 12;

/// The last lines of a program's output, for the failure's text: who reads it should not have to open the log.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    lines: VecDeque<String>,
}

impl Tail {
    /// Empty lines are left out.
    pub fn push(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line.trim_end().to_owned());
    }

    /// True when there was no output.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines, from the first kept one.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Each line indented, after an empty line; empty when there was no output.
    pub fn text(&self) -> String {
        if self.lines.is_empty() {
            return String::new();
        }
        let lines: Vec<String> = self.lines.iter().map(|line| format!("  {line}")).collect();
        format!("\n\n{}", lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_stay() {
        let mut tail = Tail::default();
        for number in 0..100 {
            tail.push(&format!("line {number}"));
            tail.push("  ");
        }
        let text = tail.text();
        assert_eq!(text.lines().count(), LINES + 2);
        assert!(
            text.starts_with("\n\n  line 88\n") && text.ends_with("\n  line 99"),
            "{text}"
        );
    }

    #[test]
    fn a_silent_program_adds_nothing() {
        assert_eq!(Tail::default().text(), "");
    }
}
