//! A mistake in a manifest: what was found, where, what was expected, and what to write instead.

use crate::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Warning,
    Error,
}

/// Stable, and the key of its page in `tidegate explain`: `manifest/unknown-key`.
pub type Code = &'static str;

#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: Code,
    /// One sentence, no full stop.
    pub message: String,
    /// The place, and what is to be said about it there (may be empty).
    pub label: Option<(Span, String)>,
    /// Further places.
    pub related: Vec<(Span, String)>,
    /// What to do; each a line of its own.
    pub help: Vec<String>,
    /// Lines to paste into the manifest.
    pub paste: Option<String>,
}

impl Diagnostic {
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            severity,
            code,
            message,
            label: None,
            related: Vec::new(),
            help: Vec::new(),
            paste: None,
        }
    }

    #[must_use]
    pub fn at(mut self, span: &Span, label: impl Into<String>) -> Self {
        self.label = Some((span.clone(), label.into()));
        self
    }

    #[must_use]
    pub fn also(mut self, span: &Span, label: impl Into<String>) -> Self {
        self.related.push((span.clone(), label.into()));
        self
    }

    #[must_use]
    pub fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }

    #[must_use]
    pub fn paste(mut self, lines: impl Into<String>) -> Self {
        self.paste = Some(lines.into());
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
