//! A table whose keys are known.

use super::Problems;
use super::node::{Node, quote};
use crate::code;
use crate::foreign::foreign_help;
use crate::keys::Keys;
use crate::{Diagnostic, Span, suggest};

/// The entries of one table. Keys that it can't have are reported when it is opened.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    entries: Vec<Node<'a>>,
    /// As people know it: `[stages.test]`, `grant`.
    title: String,
    /// The table's header, or the inline table.
    pub(super) span: Span,
}

impl<'a> Fields<'a> {
    pub(super) fn open(node: &Node<'a>, title: &str, keys: &Keys, problems: &mut Problems) -> Option<Self> {
        let entries = node.entries(problems)?;
        Some(Self::new(entries, title, node.span.clone(), keys, problems))
    }

    pub(super) fn new(entries: Vec<Node<'a>>, title: &str, span: Span, keys: &Keys, problems: &mut Problems) -> Self {
        for entry in &entries {
            if !keys.names.contains(&entry.name) {
                problems.push(unknown_key(entry, title, keys));
            }
        }
        let title = title.into();
        Self { entries, title, span }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.entries.iter().find(|entry| entry.name == key)
    }

    /// The entries of the list under `key`; none where there is no such key.
    pub(super) fn list(&self, key: &str, of: &str, problems: &mut Problems) -> Vec<Node<'a>> {
        self.get(key).map(|node| node.list(of, problems)).unwrap_or_default()
    }

    /// Reports a missing key with the line to write, and what its value means.
    pub(super) fn required(&self, key: &str, line: &str, means: &str, problems: &mut Problems) -> Option<&Node<'a>> {
        let found = self.get(key);
        if found.is_none() {
            let message = format!("{} has no `{key}`", self.title);
            let problem = Diagnostic::error(code::MISSING_KEY, message).at(&self.span, format!("`{key}` is missing"));
            problems.push(problem.help(format!("add `{line}`, {means}")));
        }
        found
    }
}

fn unknown_key(entry: &Node<'_>, title: &str, keys: &Keys) -> Diagnostic {
    let message = format!("{title} has no key {}", quote(entry.name));
    let problem = Diagnostic::error(code::UNKNOWN_KEY, message);
    if let Some(help) = foreign_help(keys.foreign, entry.name) {
        return problem.at(&entry.key, "unknown key").help(help);
    }
    match suggest(entry.name, keys.names.iter().copied()) {
        Some(meant) => problem.at(&entry.key, format!("did you mean `{meant}`?")),
        None => problem
            .at(&entry.key, "unknown key")
            .help(format!("known keys: {}", listed(keys.names))),
    }
}

/// `a`, `b` and `c`, each in backticks.
pub(super) fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => format!("`{only}`"),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|word| format!("`{word}`")).collect();
            format!("{} and `{last}`", first.join(", "))
        }
    }
}
