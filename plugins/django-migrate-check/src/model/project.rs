use super::App;

/// The apps of a Django project whose source is in the workspace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Project {
    /// Sorted by path.
    pub apps: Vec<App>,
}

impl Project {
    /// Apps with this label; more than one where a repository holds several projects.
    pub fn apps_labelled<'a>(&'a self, label: &'a str) -> impl Iterator<Item = (usize, &'a App)> {
        self.apps
            .iter()
            .enumerate()
            .filter(move |(_, app)| app.label.text == label)
    }

    pub fn migration_count(&self) -> usize {
        self.apps
            .iter()
            .map(|app| app.migrations.len() + app.unreadable.len())
            .sum()
    }
}
