use serde::Serialize;

use super::{host, json, location};

/// Something that a person should look at, usually in a file. Told to the engine by [`Finding::add`].
#[must_use = "a finding is told by `add`"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub code: String,
    pub message: String,
    /// Relative to the workspace.
    pub path: Option<String>,
    /// From 1; only with a path.
    pub line: Option<u32>,
    /// From 1; only with a path.
    pub column: Option<u32>,
    pub help: Option<String>,
    /// Names and JSON values.
    pub extra: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Note,
    Warning,
    Error,
}

impl Finding {
    /// `code` is stable, for people to search and to silence, as in `migrate/conflict`.
    pub fn new(severity: Severity, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: code.into(),
            message: message.into(),
            path: None,
            line: None,
            column: None,
            help: None,
            extra: Vec::new(),
        }
    }

    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    pub fn warning(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    pub fn note(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// Relative to the workspace.
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// From 1.
    pub fn line(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }

    /// From 1.
    pub fn column(mut self, column: u32) -> Self {
        self.column = Some(column);
        self
    }

    /// What to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn extra(mut self, name: impl Into<String>, value: &impl Serialize) -> Self {
        self.extra.extend(json(value).map(|value| (name.into(), value)));
        self
    }

    pub fn add(self) {
        host::add_finding(&host::Finding {
            severity: match self.severity {
                Severity::Note => host::Severity::Note,
                Severity::Warning => host::Severity::Warning,
                Severity::Error => host::Severity::Error,
            },
            code: self.code,
            message: self.message,
            location: self.path.map(|path| location(path, self.line, self.column)),
            help: self.help,
            extra: self.extra,
        });
    }
}
