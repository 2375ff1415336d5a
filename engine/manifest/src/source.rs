//! The text of a manifest, and how it is called.

/// A text to parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As shown to people; never opened.
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        Self { path, text }
    }
}
