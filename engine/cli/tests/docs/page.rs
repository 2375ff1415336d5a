//! A Markdown page, as far as its commands and tables matter.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the clone.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// README.md and everything in docs/, by their paths in the clone; sorted.
pub(crate) fn pages() -> Vec<Page> {
    let mut names: Vec<String> = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()))
        .filter(|name| name.ends_with(".md"))
        .collect();
    names.push("README.md".into());
    names.sort();
    names.iter().map(|name| Page::read(name)).collect()
}

pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A line of a `console` block that begins with `$ `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) line: usize,
    pub(crate) command: String,
    /// 0, or what `# exits with N` behind it says.
    pub(crate) exits: i32,
}

/// Commands that stand together, or why nobody runs them: `<!-- not run: REASON -->` in the line above.
#[derive(Debug)]
pub(crate) enum Block {
    Run(Vec<Typed>),
    NotRun(String),
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        let text = fs::read_to_string(root().join(name)).unwrap();
        Self {
            name: name.into(),
            text,
        }
    }

    pub(crate) fn console_blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut reason = None;
        let mut open: Option<Vec<Typed>> = None;
        for (line, text) in (1..).zip(self.text.lines()) {
            match &mut open {
                Some(commands) if text.starts_with("```") => {
                    blocks.push(match reason.take() {
                        Some(reason) => Block::NotRun(reason),
                        None => Block::Run(std::mem::take(commands)),
                    });
                    open = None;
                }
                Some(commands) => commands.extend(text.strip_prefix("$ ").map(|typed| Typed::read(line, typed))),
                None if text == "```console" => open = Some(Vec::new()),
                None => {
                    reason = text
                        .strip_prefix("<!-- not run: ")
                        .and_then(|rest| rest.strip_suffix(" -->"))
                        .map(str::to_owned);
                }
            }
        }
        blocks
    }

    /// The text under `## title`, up to the next heading of that level.
    pub(crate) fn section(&self, title: &str) -> &str {
        let heading = format!("\n## {title}\n");
        let start = self
            .text
            .find(&heading)
            .unwrap_or_else(|| panic!("{}: no section {title}", self.name));
        let rest = &self.text[start + heading.len()..];
        rest.split("\n## ").next().unwrap_or(rest)
    }

    /// Contents of the blocks of one language.
    pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
        let opening = format!("```{language}\n");
        text.split(&opening)
            .skip(1)
            .map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
            .collect()
    }

    /// The rows of the first table whose first column is called `first`, without the head.
    pub(crate) fn table<'a>(text: &'a str, first: &str) -> Vec<Vec<&'a str>> {
        let head = format!("| {first} |");
        let rows = text.lines().skip_while(|line| !line.starts_with(&head)).skip(2);
        rows.take_while(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect()
    }
}

impl Typed {
    fn read(line: usize, text: &str) -> Self {
        let (command, exits) = match text.split_once("# exits with ") {
            Some((command, code)) => (command, code.trim().parse().unwrap()),
            None => (text, 0),
        };
        Self {
            line,
            command: command.trim().into(),
            exits,
        }
    }
}
