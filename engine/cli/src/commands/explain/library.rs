//! All pages, from everywhere that codes are made.

use super::page::Page;
use super::{outcomes, stages};

/// What the first part of a code says, in the order in which people meet them.
pub(super) const FAMILIES: [(&str, &str); 16] = [
    ("manifest", "The manifest"),
    ("vars", "Variables"),
    ("expression", "Expressions"),
    ("plugin", "Finding components"),
    ("component", "Components that can't be used"),
    ("config", "A stage's `with`, and your own config.toml"),
    ("grant", "Grants"),
    ("target", "SSH targets"),
    ("source", "The repository"),
    ("usage", "The command line"),
    ("outcome", "How a stage ended"),
    ("ssh", "SSH"),
    ("http", "HTTP"),
    ("migrate", "Findings of django-migrate-check"),
    ("pytest", "Findings of pytest-runner"),
    ("python-env", "Findings of python-env"),
];

/// Sorted by family as above; within a family as their source has them.
pub(super) struct Library {
    pages: Vec<Page>,
}

impl Library {
    pub(super) fn new() -> Self {
        let tables = [
            tidegate_manifest::codes(),
            tidegate_sandbox::codes(),
            tidegate_runner::codes(),
            tidegate_runner::ssh::codes(),
            tidegate_runner::http::codes(),
        ];
        let of_tables = tables
            .into_iter()
            .flatten()
            .map(|(code, meaning, text)| Page::new(*code, meaning, text));
        let mut pages: Vec<_> = of_tables.chain(outcomes::pages()).chain(stages::pages()).collect();
        pages.sort_by_key(|page| FAMILIES.iter().position(|(family, _)| *family == page.family()));
        Self { pages }
    }

    pub(super) fn page(&self, code: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.code == code)
    }

    pub(super) fn family(&self, family: &str) -> impl Iterator<Item = &Page> {
        self.pages.iter().filter(move |page| page.family() == family)
    }

    /// Codes that somebody who typed `word` may mean: those that end so, else the one that is spelt most alike.
    pub(super) fn similar(&self, word: &str) -> Vec<&str> {
        let slug = word.rsplit('/').next().unwrap_or(word);
        let same: Vec<_> = self
            .pages
            .iter()
            .filter(|page| page.slug() == slug)
            .map(|page| page.code.as_str())
            .collect();
        if !same.is_empty() {
            return same;
        }
        let codes = self.pages.iter().map(|page| page.code.as_str());
        tidegate_manifest::suggest(word, codes).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_page_has_a_family_and_every_family_pages() {
        let library = Library::new();
        let families: BTreeSet<_> = library.pages.iter().map(Page::family).collect();
        assert_eq!(families, FAMILIES.map(|(family, _)| family).into());
        for page in &library.pages {
            assert!(page.text.len() > 60 && !page.text.starts_with('#'), "{}", page.code);
            assert!(!page.meaning.ends_with('.'), "{}", page.code);
        }
    }

    #[test]
    fn codes_are_unique() {
        let library = Library::new();
        let codes: BTreeSet<_> = library.pages.iter().map(|page| &page.code).collect();
        assert_eq!(codes.len(), library.pages.len());
    }

    #[test]
    fn what_may_be_meant() {
        let library = Library::new();
        assert_eq!(library.similar("conflict"), ["migrate/conflict", "python-env/conflict"]);
        assert_eq!(library.similar("grant/mising"), ["grant/missing"]);
        assert_eq!(library.similar("license/unknown"), ["vars/unknown"]);
        assert_eq!(library.similar("something-else"), [""; 0]);
    }
}
