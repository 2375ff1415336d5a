use super::Migration;

/// A Django app with migrations.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    pub label: Label,
    /// The app's folder, relative to the workspace; empty for the workspace itself.
    pub path: String,
    /// Sorted by name.
    pub migrations: Vec<Migration>,
    /// Names of migrations that exist but could not be read, each with a finding of its own.
    pub unreadable: Vec<String>,
}

/// An app's label, and how sure we are of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub text: String,
    /// False where the configuration computes the label, or has several classes and the settings choose.
    pub is_certain: bool,
}

impl App {
    /// True if a migration of this name exists, readable or not.
    pub fn has(&self, name: &str) -> bool {
        self.migrations.iter().any(|migration| migration.name == name)
            || self.unreadable.iter().any(|unreadable| unreadable == name)
    }

    /// All names, also those of unreadable migrations.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.migrations
            .iter()
            .map(|migration| migration.name.as_str())
            .chain(self.unreadable.iter().map(String::as_str))
    }

    /// True if every migration was read and its place in the graph is known.
    pub fn is_complete(&self) -> bool {
        self.unreadable.is_empty() && self.migrations.iter().all(Migration::is_placed)
    }
}
