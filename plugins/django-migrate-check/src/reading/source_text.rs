use ruff_text_size::{Ranged, TextRange, TextSize};
use thiserror::Error;

/// A Python file as text, with the lines of its offsets.
#[derive(Debug)]
pub struct SourceText {
    text: String,
    line_starts: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EncodingError {
    /// Python itself refuses such a file.
    #[error("not UTF-8, and no other encoding is declared")]
    NotUtf8 { line: u32 },
    #[error("the declared encoding can't be read here")]
    Unknown { line: u32 },
}

impl SourceText {
    /// Decodes as Python does: UTF-8 with or without a mark, or the encoding that one of the first two lines declares.
    /// Of those other encodings it knows the Latin-1 family, which is what old files have.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, EncodingError> {
        let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => rest.to_vec(),
            None => bytes,
        };
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                let line = u32::try_from(bytes[..valid].iter().filter(|byte| **byte == b'\n').count() + 1);
                let line = line.unwrap_or(u32::MAX);
                match declared_encoding(&bytes).as_deref() {
                    None | Some("utf-8" | "utf8") => return Err(EncodingError::NotUtf8 { line }),
                    Some("latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "iso-8859-15" | "cp1252" | "ascii") => {
                        bytes.iter().copied().map(char::from).collect()
                    }
                    Some(_) => return Err(EncodingError::Unknown { line: 1 }),
                }
            }
        };
        Ok(Self::new(text))
    }

    pub fn new(text: String) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = ends.filter_map(|(at, _)| u32::try_from(at + 1).ok());
        let line_starts = std::iter::once(0).chain(starts).collect();
        Self { text, line_starts }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Line of an offset, from 1.
    pub fn line_at(&self, offset: TextSize) -> u32 {
        let index = self.line_starts.partition_point(|start| *start <= offset.to_u32());
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// Line where a node starts, from 1.
    pub fn line_of(&self, node: &impl Ranged) -> u32 {
        self.line_at(node.range().start())
    }

    /// The text of a node.
    pub fn slice(&self, range: TextRange) -> &str {
        self.text
            .get(range.start().to_usize()..range.end().to_usize())
            .unwrap_or_default()
    }
}

/// The encoding that a comment in the first two lines declares (PEP 263), in lower case with dashes.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    for line in bytes.split(|byte| *byte == b'\n').take(2) {
        let line = String::from_utf8_lossy(line);
        let Some(comment) = line.trim_start().strip_prefix('#') else {
            continue;
        };
        let Some((_, after)) = comment.split_once("coding") else {
            continue;
        };
        let Some(after) = after.strip_prefix([':', '=']) else {
            continue;
        };
        let named = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name: String = after.trim_start().chars().take_while(named).collect();
        return Some(name.to_ascii_lowercase().replace('_', "-"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_not_part_of_the_text() {
        assert_eq!(
            SourceText::decode(b"\xef\xbb\xbfx = 1".to_vec()).unwrap().as_str(),
            "x = 1"
        );
    }

    #[test]
    fn other_bytes_need_a_declaration() {
        let undeclared = SourceText::decode(b"a = 1\nb = '\xe9'".to_vec());
        assert_eq!(undeclared.unwrap_err(), EncodingError::NotUtf8 { line: 2 });
        let declared = SourceText::decode(b"# -*- coding: latin-1 -*-\nb = '\xe9'".to_vec()).unwrap();
        assert!(declared.as_str().ends_with("'é'"));
        let unknown = SourceText::decode(b"# coding=koi8-r\nb = '\xe9'".to_vec());
        assert_eq!(unknown.unwrap_err(), EncodingError::Unknown { line: 1 });
    }

    #[test]
    fn lines_count_from_one() {
        let text = SourceText::new("a\nb\n\nc".into());
        let lines: Vec<u32> = [0, 1, 2, 4, 5].map(|at| text.line_at(TextSize::new(at))).to_vec();
        assert_eq!(lines, [1, 1, 2, 3, 4]);
    }
}
