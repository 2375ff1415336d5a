//! A stage's table as text.

use std::fmt::Write;

/// Lines longer than this are broken into a table of their own.
const WIDTH: usize = 100;

/// `[stages.NAME]` with its keys in the order in which people read them.
pub(super) struct StageTable<'a> {
    pub(super) name: &'a str,
    pub(super) uses: &'a str,
    pub(super) needs: &'a [&'a str],
    pub(super) when: Option<String>,
    pub(super) timeout: Option<&'a str>,
    /// Keys and values as TOML.
    pub(super) with: Vec<(&'a str, String)>,
    pub(super) grant: Vec<(&'a str, String)>,
}

impl StageTable<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = format!("[stages.{}]\nuses = {}\n", self.name, quoted(self.uses));
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        if !self.needs.is_empty() {
            line(format!("needs = {}", list(self.needs)));
        }
        if let Some(when) = &self.when {
            line(format!("when = {}", quoted(when)));
        }
        if let Some(timeout) = self.timeout {
            line(format!("timeout = {}", quoted(timeout)));
        }
        let with = format!("with = {}", inline(&self.with));
        let is_long = with.len() > WIDTH;
        if !is_long && !self.with.is_empty() {
            line(with);
        }
        line(format!("grant = {}", inline(&self.grant)));
        if is_long {
            let _ = write!(text, "\n[stages.{}.with]\n", self.name);
            for (key, value) in &self.with {
                let _ = writeln!(text, "{key} = {value}");
            }
        }
        text
    }
}

pub(super) fn inline(entries: &[(&str, String)]) -> String {
    let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", entries.join(", "))
}

pub(super) fn list<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// As a TOML string, whatever is in it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The text as comments, paragraph by paragraph as it is written.
pub(super) fn comment(text: &str) -> String {
    let line = |line: &str| {
        if line.is_empty() {
            "#\n".to_owned()
        } else {
            format!("# {line}\n")
        }
    };
    text.lines().map(line).collect()
}

/// A text that a file's name or a branch goes into: one line, so that it can't end a comment.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_texts_stay_texts() {
        for odd in ["a\"b", "a'b\"", "a\\b", "a\nb", "ü"] {
            let table: toml::Table = format!("a = {}", quoted(odd)).parse().unwrap();
            assert_eq!(table["a"].as_str(), Some(odd));
        }
        assert_eq!(one_line("a\nb"), "a\u{fffd}b");
    }
}
