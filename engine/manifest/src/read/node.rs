//! One value of the document, under the name that people know it by.

use std::fmt::Display;
use std::time::Duration;

use toml::de::DeValue;

use super::Problems;
use crate::code;
use crate::{ByteSize, Diagnostic, Span, Spanned, parse_duration};

/// A value and its key. Each reading method reports a wrong type and then returns nothing.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    /// The key; for an entry of a list the list's key.
    pub(super) name: &'a str,
    pub(super) key: Span,
    pub(super) value: &'a DeValue<'a>,
    pub(super) span: Span,
}

/// Entries of one list are compared with each other; a longer list was not written by a person.
const MAX_ENTRIES: usize = 1_000;

/// A bare number is a likely slip for a duration or a size, and gets the unit as its help.
const USUAL_UNITS: [&str; 2] = ["s", "MiB"];

impl<'a> Node<'a> {
    pub(super) fn string(&self, problems: &mut Problems) -> Option<Spanned<String>> {
        match self.value {
            DeValue::String(text) if text.contains('\0') => {
                let message = format!("`{}` has a NUL character", self.name);
                let label = "the operating system would end the text there";
                problems.push(Diagnostic::error(code::NUL, message).at(&self.span, label));
                None
            }
            DeValue::String(text) => Some(Spanned::new(text.to_string(), self.span.clone())),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {
                let written = scalar_text(self.value);
                let problem = self.wrong_type("a string");
                problems.push(problem.help(format!("put it in quotes: `\"{written}\"`")));
                None
            }
            _ => {
                problems.push(self.wrong_type("a string"));
                None
            }
        }
    }

    /// A string with content.
    pub(super) fn text(&self, problems: &mut Problems) -> Option<Spanned<String>> {
        let text = self.string(problems)?;
        if text.trim().is_empty() {
            let message = format!("`{}` is empty", self.name);
            problems.push(Diagnostic::error(code::EMPTY, message).at(&self.span, "expected a text here"));
            return None;
        }
        Some(text)
    }

    /// A string with content that `rule` takes; its error text stands at the place.
    pub(super) fn parsed<T, E: Display>(
        &self,
        code: crate::Code,
        what: &str,
        problems: &mut Problems,
        rule: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Spanned<T>> {
        let text = self.text(problems)?;
        match rule(&text) {
            Ok(value) => Some(Spanned::new(value, text.span)),
            Err(error) => {
                let message = format!("{} is not {what}", quote(&text.value));
                problems.push(Diagnostic::error(code, message).at(&text.span, error.to_string()));
                None
            }
        }
    }

    pub(super) fn boolean(&self, problems: &mut Problems) -> Option<Spanned<bool>> {
        match self.value {
            DeValue::Boolean(value) => Some(Spanned::new(*value, self.span.clone())),
            _ => {
                problems.push(self.wrong_type("true or false"));
                None
            }
        }
    }

    /// A whole number from 1 to `most`.
    pub(super) fn count(&self, most: u64, problems: &mut Problems) -> Option<Spanned<u64>> {
        let DeValue::Integer(written) = self.value else {
            problems.push(self.wrong_type("a whole number"));
            return None;
        };
        match u64::from_str_radix(written.as_str(), written.radix()) {
            Ok(number) if (1..=most).contains(&number) => Some(Spanned::new(number, self.span.clone())),
            _ => {
                let message = format!("`{}` is out of bounds", self.name);
                let label = format!("expected a whole number from 1 to {most}");
                problems.push(Diagnostic::error(code::INVALID_NUMBER, message).at(&self.span, label));
                None
            }
        }
    }

    pub(super) fn duration(&self, least: Duration, problems: &mut Problems) -> Option<Spanned<Duration>> {
        if let Some(problem) = self.without_unit(code::INVALID_DURATION, "a duration", USUAL_UNITS[0]) {
            problems.push(problem);
            return None;
        }
        let duration = self.parsed(code::INVALID_DURATION, "a duration", problems, parse_duration)?;
        if duration.value < least {
            let message = format!("`{}` is too short", self.name);
            let label = format!("expected at least {} ms", least.as_millis());
            problems.push(Diagnostic::error(code::INVALID_DURATION, message).at(&self.span, label));
            return None;
        }
        Some(duration)
    }

    /// More than nothing.
    pub(super) fn size(&self, problems: &mut Problems) -> Option<Spanned<ByteSize>> {
        if let Some(problem) = self.without_unit(code::INVALID_SIZE, "a size", USUAL_UNITS[1]) {
            problems.push(problem);
            return None;
        }
        let size = self.parsed(code::INVALID_SIZE, "a size", problems, str::parse::<ByteSize>)?;
        if size.value == ByteSize(0) {
            let message = format!("`{}` is nothing at all", self.name);
            problems.push(Diagnostic::error(code::INVALID_SIZE, message).at(&self.span, "expected at least `1B`"));
            return None;
        }
        Some(size)
    }

    fn without_unit(&self, code: crate::Code, what: &str, unit: &str) -> Option<Diagnostic> {
        let number = match self.value {
            DeValue::Integer(_) => scalar_text(self.value),
            DeValue::String(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => text.to_string(),
            _ => return None,
        };
        let message = format!("`{}` has no unit", self.name);
        let problem = Diagnostic::error(code, message).at(&self.span, format!("expected {what} with its unit"));
        Some(problem.help(format!("write `{} = \"{number}{unit}\"`, or another unit", self.name)))
    }

    /// The entries of a list; `of` says of what, in the plural.
    pub(super) fn list(&self, of: &str, problems: &mut Problems) -> Vec<Node<'a>> {
        let DeValue::Array(items) = self.value else {
            let problem = self.wrong_type(&format!("a list of {of}"));
            problems.push(match self.value {
                DeValue::String(text) => problem.help(format!("write `{} = [{}]`", self.name, toml_quote(text))),
                _ => problem,
            });
            return Vec::new();
        };
        if items.len() > MAX_ENTRIES {
            let message = format!("`{}` has more than {MAX_ENTRIES} entries", self.name);
            problems.push(Diagnostic::error(code::TOO_LARGE, message).at(&self.span, "this list"));
            return Vec::new();
        }
        let entry = |item: &'a toml::Spanned<DeValue<'a>>| Node {
            name: self.name,
            key: item.span(),
            value: item.get_ref(),
            span: item.span(),
        };
        items.iter().map(entry).collect()
    }

    /// The entries of a table, in the order in which they are written. `None` (reported) where it is no table.
    pub(super) fn entries(&self, problems: &mut Problems) -> Option<Vec<Node<'a>>> {
        let DeValue::Table(table) = self.value else {
            let problem = self.wrong_type("a table");
            problems.push(match self.value {
                DeValue::Array(items) if items.first().is_some_and(|item| item.get_ref().is_table()) => {
                    problem.help("write the header with one pair of brackets, and a name for each: `[stages.NAME]`")
                }
                _ => problem,
            });
            return None;
        };
        Some(entries_of(table))
    }

    pub(super) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    pub(super) fn wrong_type(&self, expected: &str) -> Diagnostic {
        let message = format!("`{}` must be {expected}, not {}", self.name, kind(self.value));
        Diagnostic::error(code::WRONG_TYPE, message).at(&self.span, format!("expected {expected}"))
    }
}

pub(super) fn entries_of<'a>(table: &'a toml::de::DeTable<'a>) -> Vec<Node<'a>> {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| Node {
            name: key.get_ref(),
            key: key.span(),
            value: value.get_ref(),
            span: value.span(),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key.start);
    entries
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn scalar_text(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        _ => String::new(),
    }
}

/// A text for the middle of a message: short, on one line.
pub(super) fn quote(text: &str) -> String {
    const MAX_CHARS: usize = 24;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("`{}…`", &line[..end]),
        None if line.len() < text.len() => format!("`{line}…`"),
        None => format!("`{line}`"),
    }
}

/// As it would be written in a manifest.
pub(super) fn toml_quote(text: &str) -> String {
    toml::Value::String(text.into()).to_string()
}
