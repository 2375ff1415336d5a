//! One page of `explain`.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// `family/slug`.
    pub(super) code: String,
    /// One line.
    pub(super) meaning: &'static str,
    /// Markdown, without a heading of its own.
    pub(super) text: String,
}

impl Page {
    /// Some sources begin their pages with the code as a heading; here the code stands above every page.
    pub(super) fn new(code: impl Into<String>, meaning: &'static str, text: &str) -> Self {
        let code = code.into();
        let heading = format!("# {code}\n");
        let text = text.strip_prefix(&heading).unwrap_or(text).trim().to_owned();
        Self { code, meaning, text }
    }

    pub(super) fn family(&self) -> &str {
        self.code
            .split_once('/')
            .map_or(self.code.as_str(), |(family, _)| family)
    }

    pub(super) fn slug(&self) -> &str {
        self.code.split_once('/').map_or("", |(_, slug)| slug)
    }
}
