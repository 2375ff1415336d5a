//! What a stage prints must not act: neither on a terminal nor as a command of the CI system that runs the engine.

use std::borrow::Cow;

/// Makes one line harmless.
///
/// - Control characters become visible (`\x1b` is shown as `␛`); colours are lost with them. Tabs stay.
/// - Bidirectional overrides, which make a line read differently from what it is, become `�`.
/// - Unicode's own line and paragraph separators, where some readers of JSON lines break a line, become `�`.
/// - Workflow commands: GitHub's runner acts on `::` at a line's start and on `##[` anywhere, Azure's on `##vso[`, TeamCity on
///   `##teamcity[`; a zero-width word joiner takes their effect away.
pub(crate) fn neutralise(line: &str) -> Cow<'_, str> {
    if !line.chars().any(is_suspicious) {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(line.len() + 8);
    for (index, character) in line.char_indices() {
        match character {
            '\t' => text.push('\t'),
            '\u{0}'..='\u{1f}' => text.push(control_picture(character)),
            '\u{7f}' => text.push('␡'),
            character if is_misleading(character) || ('\u{80}'..='\u{9f}').contains(&character) => {
                text.push('\u{fffd}')
            }
            ':' if line[index..].starts_with("::") && line[..index].trim().is_empty() => text.push_str(":\u{2060}"),
            '#' if is_command(&line[index..]) => text.push_str("#\u{2060}"),
            other => text.push(other),
        }
    }
    Cow::Owned(text)
}

/// The same for a text of several lines.
pub fn neutralise_lines(text: &str) -> String {
    text.split('\n').map(neutralise).collect::<Vec<_>>().join("\n")
}

/// The same for a text that is to be one line.
pub fn one_line(text: &str) -> String {
    neutralise(&text.replace(['\n', '\r'], " ")).into_owned()
}

fn is_suspicious(character: char) -> bool {
    (character.is_control() && character != '\t') || character == ':' || character == '#' || is_misleading(character)
}

/// `##`, perhaps the name of a CI system, and a bracket.
fn is_command(text: &str) -> bool {
    text.strip_prefix("##").is_some_and(|rest| {
        rest.trim_start_matches(|character: char| character.is_ascii_alphanumeric())
            .starts_with('[')
    })
}

fn is_misleading(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

fn control_picture(character: char) -> char {
    char::from_u32(0x2400 + character as u32).unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_kept() {
        for line in ["", "a\tb", "std::vec::Vec", "# heading", "ümläut 日本", "a ##b"] {
            assert_eq!(neutralise(line), line);
        }
    }

    #[test]
    fn escapes_commands_and_bidi_lose_their_effect() {
        assert_eq!(neutralise("\u{1b}[2Jx\r\u{7f}"), "␛[2Jx␍␡");
        assert_eq!(neutralise("\u{9b}31m"), "\u{fffd}31m");
        assert_eq!(neutralise("::set-output name=x::y"), ":\u{2060}:set-output name=x::y");
        assert_eq!(neutralise("  ::error::x"), "  :\u{2060}:error::x");
        assert_eq!(neutralise("x ##[command]y"), "x #\u{2060}#[command]y");
        assert_eq!(neutralise("##vso[task]"), "#\u{2060}#vso[task]");
        assert_eq!(neutralise("##teamcity[buildStop]"), "#\u{2060}#teamcity[buildStop]");
        assert_eq!(neutralise("a\u{202e}b\u{2028}c"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(neutralise_lines("a\n::b"), "a\n:\u{2060}:b");
        assert_eq!(one_line("a\r\n::b\u{1b}"), "a  ::b␛");
    }
}
