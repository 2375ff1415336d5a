//! The text as a TOML document, and what is left to say when it is not quite one.

use toml::de::{DeTable, DeValue};

use super::Problems;
use crate::code;
use crate::{Diagnostic, Severity, Source, Span};

/// The largest pipelines that people write by hand have some thousand lines; beyond this it is not a manifest.
const MAX_TEXT_BYTES: usize = 256 << 10;

/// What follows the first few syntax errors are mostly their echoes.
const MAX_SYNTAX_ERRORS: usize = 5;

/// What the parser says when a list runs on into the next header or key.
const MISSING_COMMA: &str = "missing comma between array elements";

/// Behind such a bracket nothing is what it seems to be.
const OPEN_LIST: &str = "a list is not closed";

/// Absences can be a consequence of a text that did not parse, so they are not reported beside syntax errors.
const ABSENCES: [&str; 7] = [
    code::MISSING_KEY,
    code::NO_STAGES,
    code::HOST_KEYS,
    code::SECRET_SOURCE,
    code::UNKNOWN_STAGE,
    code::UNKNOWN_GRANT_SET,
    code::UNKNOWN_TARGET,
];

/// Parses the text as far as possible and lets `read` walk it. Returns what `read` made of it, and all problems in the order
/// of their places; those without a place come first.
pub(super) fn read_document<T>(
    source: &Source,
    read: impl FnOnce(&DeTable<'_>, &mut Problems) -> T,
) -> (Option<T>, Problems) {
    if source.text.len() > MAX_TEXT_BYTES {
        let message = format!("{} is longer than 256 KiB", source.path);
        return (None, vec![Diagnostic::error(code::TOO_LARGE, message)]);
    }
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    let mut syntax = syntax_problems(&source.text, table.get_ref(), &errors);
    let mut problems = Problems::new();
    let value = read(table.get_ref(), &mut problems);
    if !syntax.is_empty() {
        let sound = syntax
            .iter()
            .filter(|problem| problem.message == OPEN_LIST)
            .filter_map(start_of)
            .min();
        let broken: Vec<_> = syntax
            .iter()
            .filter_map(|problem| line_of(&source.text, problem))
            .collect();
        problems.retain(|problem| {
            problem.severity == Severity::Error
                && !ABSENCES.contains(&problem.code)
                && line_of(&source.text, problem).is_some_and(|line| !broken.contains(&line))
                && start_of(problem) < sound.or(Some(usize::MAX))
        });
        problems.append(&mut syntax);
    }
    problems.sort_by_key(start_of);
    (Some(value), problems)
}

fn syntax_problems(text: &str, table: &DeTable<'_>, errors: &[toml::de::Error]) -> Problems {
    let mut problems = Problems::new();
    for error in errors {
        // An error at the end of the text would be shown on an empty line behind it.
        let last = text.trim_end().len();
        let span = error
            .span()
            .filter(|span| span.start < text.len())
            .unwrap_or(last..last);
        let line = line_start(text, span.start);
        // One broken line can raise several errors; the first says it best.
        if problems.iter().any(|problem| line_of(text, problem) == Some(line)) {
            continue;
        }
        if problems.len() == MAX_SYNTAX_ERRORS {
            break;
        }
        if error.message() == "duplicate key" {
            problems.push(duplicate_key(text, table, &span));
            continue;
        }
        if let Some(open) = open_list(text, span.start).filter(|_| error.message().starts_with(MISSING_COMMA)) {
            let problem = Diagnostic::error(code::SYNTAX, OPEN_LIST).at(&open, "opened here");
            problems.push(
                problem
                    .also(&span, "this can't be a part of it")
                    .help("close it with `]`"),
            );
            // The rest of the text was read as a part of the list.
            break;
        }
        problems.push(syntax_problem(text, &span, error.message()));
    }
    problems
}

/// The parser's text, or a clearer one for the slips that people make.
fn syntax_problem(text: &str, span: &Span, message: &str) -> Diagnostic {
    let problem = |message: &str| Diagnostic::error(code::SYNTAX, message);
    if message.starts_with("string values must be quoted") {
        return match text.get(span.clone()).unwrap_or_default().trim() {
            "" => problem("the value is missing").at(span, "expected a value before the line ends"),
            word => problem("a text without quotes")
                .at(span, "expected a text in quotes")
                .help(format!("write `\"{word}\"`")),
        };
    }
    let problem = match message.split_once(", expected ") {
        Some((message, expected)) => problem(message).at(span, format!("expected {expected}")),
        None => problem(message).at(span, ""),
    };
    let line = text[line_start(text, span.start)..].lines().next().unwrap_or_default();
    match line.trim().split_once(": ") {
        Some((key, _)) if key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) => {
            problem.help(format!("TOML writes `{key} = VALUE`, with texts in quotes"))
        }
        _ => problem,
    }
}

/// The bracket that opens a list on a line before `end` and is not closed on that line: where a list that swallowed a
/// header or a key began.
fn open_list(text: &str, end: usize) -> Option<Span> {
    let start = line_start(text, end);
    let line = text[start..].lines().next()?;
    if !line.trim_start().starts_with('[') && !line.contains('=') {
        return None;
    }
    let mut offset = start;
    for line in text[..start].split_inclusive('\n').rev() {
        offset -= line.len();
        // Blank lines and entries of the list stand between.
        let Some((_, value)) = line.split_once('=') else {
            continue;
        };
        let value_start = offset + line.len() - value.len();
        if value.matches('[').count() > value.matches(']').count() {
            let open = value_start + value.find('[')?;
            return Some(open..open + 1);
        }
    }
    None
}

fn duplicate_key(text: &str, table: &DeTable<'_>, span: &Span) -> Diagnostic {
    let key = text.get(span.clone()).unwrap_or_default();
    let problem = Diagnostic::error(code::DUPLICATE_KEY, format!("`{key}` is written twice")).at(span, "again here");
    match first_header(text, span).or_else(|| nearest_key(table, key, span.start)) {
        Some(first) => problem.also(&first, "first here"),
        None => problem,
    }
}

/// The same table header on an earlier line. The document keeps the last of equal headers only.
fn first_header(text: &str, span: &Span) -> Option<Span> {
    let start = line_start(text, span.start);
    let header = text[start..].lines().next()?.trim();
    header.starts_with('[').then_some(())?;
    let mut offset = 0;
    for line in text[..start].split_inclusive('\n') {
        if line.trim() == header {
            let indent = line.len() - line.trim_start().len();
            return Some(offset + indent..offset + indent + header.len());
        }
        offset += line.len();
    }
    None
}

/// The last key of this name before `end`: the first one of the same table, as the second is not in the document.
fn nearest_key(table: &DeTable<'_>, name: &str, end: usize) -> Option<Span> {
    let mut nearest: Option<Span> = None;
    for (key, value) in table {
        let own = (key.get_ref() == name).then(|| key.span());
        let inner = match value.get_ref() {
            DeValue::Table(inner) => nearest_key(inner, name, end),
            _ => None,
        };
        for span in own.into_iter().chain(inner).filter(|span| span.start < end) {
            if nearest.as_ref().is_none_or(|nearest| nearest.start < span.start) {
                nearest = Some(span);
            }
        }
    }
    nearest
}

fn start_of(problem: &Diagnostic) -> Option<usize> {
    problem.label.as_ref().map(|(span, _)| span.start)
}

fn line_of(text: &str, problem: &Diagnostic) -> Option<usize> {
    start_of(problem).map(|start| line_start(text, start))
}

fn line_start(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |newline| newline + 1)
}
