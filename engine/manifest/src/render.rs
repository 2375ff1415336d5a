//! Diagnostics as text for people.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::{Diagnostic, Severity, Source, Span};

/// Narrower terminals get lines of this width all the same: below it nothing can be told.
const MIN_WIDTH: usize = 40;

/// More than anybody reads at once; most of them are gone when the first are corrected.
const MAX_SHOWN: usize = 50;

/// In front of every help line: the gutter of a three-digit line number and `= help: `.
const HELP_INDENT: usize = 13;

/// In front of every source line: a three-digit line number and the rule.
const GUTTER: usize = 6;

/// Characters under which a marker stands. The renderer cuts long lines, but not long markers.
const MAX_MARKED: usize = 60;

/// As the renderer shows a tab.
const TAB_WIDTH: usize = 4;

/// A paste block's lines stand apart from the rest.
const PASTE_INDENT: &str = "    ";

/// How to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
}

/// The diagnostics in their order, then a line that counts them. Ends with a line break; empty where there is nothing to say.
pub fn render(diagnostics: &[Diagnostic], source: &Source, style: Style) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let width = style.width.max(MIN_WIDTH);
    let renderer = if style.color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.term_width(width);
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(MAX_SHOWN) {
        text += &one(diagnostic, source, &renderer, width);
        text.push('\n');
    }
    if diagnostics.len() > MAX_SHOWN {
        text += &format!("{} more are not shown\n\n", diagnostics.len() - MAX_SHOWN);
    }
    text + &summary(diagnostics, &source.path) + "\n"
}

fn one(diagnostic: &Diagnostic, source: &Source, renderer: &Renderer, width: usize) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let help = |line: &String| wrapped(line, width - HELP_INDENT);
    let below = |line: &str| renderer.render(&[Group::with_title(Level::HELP.secondary_title(line))]) + "\n";
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()).id(diagnostic.code));
    let mut text = String::new();
    if let Some(label) = &diagnostic.label {
        group = with_snippet(group, label, &diagnostic.related, source, width);
        group = group.elements(diagnostic.help.iter().map(|line| Level::HELP.message(help(line))));
        text += &renderer.render(&[group]);
        text.push('\n');
    } else {
        // Without a snippet there is no gutter that the help could hang on.
        text += &renderer.render(&[group]);
        text.push('\n');
        text.extend(diagnostic.help.iter().map(|line| below(&help(line))));
    }
    if let Some(paste) = &diagnostic.paste {
        text += &format!("\n{}\n", below(&format!("lines to paste into {}:", source.path)));
        for line in paste.lines() {
            text += format!("{PASTE_INDENT}{line}").trim_end();
            text.push('\n');
        }
    }
    text
}

fn with_snippet<'a>(
    group: Group<'a>,
    primary: &'a (Span, String),
    related: &'a [(Span, String)],
    source: &'a Source,
    width: usize,
) -> Group<'a> {
    let mut snippet = Snippet::source(source.text.as_str()).path(source.path.as_str());
    let mut notes = Vec::new();
    let primary = std::iter::once((AnnotationKind::Primary, primary));
    let related = related.iter().map(|place| (AnnotationKind::Context, place));
    for (kind, (span, label)) in primary.chain(related) {
        let span = visible(&source.text, span);
        let fits = label_fits(&source.text, &span, label, width);
        if !fits && !label.is_empty() {
            notes.push(Level::NOTE.message(wrapped(label, width - HELP_INDENT)));
        }
        let label = (fits && !label.is_empty()).then_some(label.as_str());
        snippet = snippet.annotation(kind.span(span).label(label));
    }
    group.element(snippet).elements(notes)
}

/// Whether a label has room beside its marker. Where it has not, it goes below as a note.
fn label_fits(text: &str, span: &Span, label: &str, width: usize) -> bool {
    let line_start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let columns: usize = text[line_start..span.end]
        .chars()
        .map(|c| if c == '\t' { TAB_WIDTH } else { 1 })
        .sum();
    GUTTER + columns + 1 + label.chars().count() <= width
}

/// The part of a span that is shown: inside the text, on whole characters, on its first line, and not too wide a part of it.
fn visible(text: &str, span: &Span) -> Span {
    let start = text.floor_char_boundary(span.start);
    let end = text.ceil_char_boundary(span.end).max(start);
    let first_line = text[start..end].lines().next().unwrap_or_default();
    let shown = first_line
        .char_indices()
        .nth(MAX_MARKED)
        .map_or(first_line.len(), |(end, _)| end);
    start..start + shown
}

/// Breaks at spaces; a longer word stays whole. Columns are counted as characters, which is right for our own texts.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

fn summary(diagnostics: &[Diagnostic], path: &str) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let counts = [(errors, "error"), (diagnostics.len() - errors, "warning")];
    let counts: Vec<_> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
        .collect();
    format!("{} in {path}", counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style {
        color: false,
        width: 80,
    };

    fn rendered(text: &str, span: Span) -> String {
        let problem = Diagnostic::error("manifest/empty", "something").at(&span, "here");
        render(&[problem], &Source::new("t.toml", text), PLAIN)
    }

    /// The columns, counted from the gutter, of the first and last marker.
    fn marked(text: &str) -> (usize, usize) {
        let line = text.lines().find(|line| line.contains('^')).unwrap();
        (line.find('^').unwrap() - 4, line.rfind('^').unwrap() - 4)
    }

    #[test]
    fn tabs_wide_characters_and_carriage_returns_keep_the_markers_in_place() {
        assert_eq!(marked(&rendered("a = 12\n", 4..6)), (4, 5));
        assert_eq!(marked(&rendered("\ta = 12\n", 5..7)), (8, 9));
        // Two characters of three bytes and two columns each.
        assert_eq!(marked(&rendered("\"日本\" = 12\n", 11..13)), (9, 10));
        let text = rendered("a = 1\r\nb = 12\r\n", 11..13);
        assert_eq!(marked(&text), (4, 5));
        assert!(!text.contains('\r'), "{text:?}");
        assert!(text.contains("t.toml:2:5"), "{text}");
    }

    #[test]
    fn impossible_places_are_shown_somewhere() {
        for span in [0..0, 5..5, 99..120, 1..2, Span { start: 2, end: 1 }] {
            assert!(rendered("ä = 1", span).contains("t.toml:1:"));
        }
        assert!(rendered("", 0..0).contains("t.toml:1:1"));
    }

    #[test]
    fn without_a_place_there_is_still_the_text() {
        let problem = Diagnostic::error("manifest/no-stages", "no stage")
            .help("do this")
            .paste("[a]\n\nb = 1");
        let text = render(&[problem], &Source::new("t.toml", ""), PLAIN);
        assert_eq!(
            text,
            "error[manifest/no-stages]: no stage\nhelp: do this\n\nhelp: lines to paste into t.toml:\n\n    \
             [a]\n\n    b = 1\n\n1 error in t.toml\n"
        );
    }

    #[test]
    fn counts_errors_and_warnings() {
        let (error, warning) = (Diagnostic::error("a/b", "x"), Diagnostic::warning("a/c", "y"));
        assert_eq!(
            summary(&[error.clone(), warning.clone(), error], "t"),
            "2 errors, 1 warning in t"
        );
        assert_eq!(summary(&[warning], "t"), "1 warning in t");
        assert_eq!(render(&[], &Source::new("t", ""), PLAIN), "");
    }

    #[test]
    fn shows_the_first_and_counts_all() {
        let problems = vec![Diagnostic::error("manifest/empty", "something"); 70];
        let text = render(&problems, &Source::new("t", ""), PLAIN);
        assert_eq!(text.matches("something").count(), MAX_SHOWN);
        assert!(text.ends_with("20 more are not shown\n\n70 errors in t\n"), "{text}");
    }

    #[test]
    fn colours_only_where_they_are_wanted() {
        let problem = [Diagnostic::error("manifest/empty", "something").at(&(0..1), "here")];
        let source = Source::new("t.toml", "a = 1");
        assert!(!render(&problem, &source, PLAIN).contains('\x1b'));
        assert!(render(&problem, &source, Style { color: true, ..PLAIN }).contains("\x1b["));
    }

    #[test]
    fn help_is_wrapped() {
        assert_eq!(wrapped("aa bb cc", 5), "aa bb\ncc");
        assert_eq!(wrapped("aaaaaaaa b", 5), "aaaaaaaa\nb");
    }
}
