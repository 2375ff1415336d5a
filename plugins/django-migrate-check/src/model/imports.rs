use std::collections::BTreeMap;

use super::Name;

/// What the imports of a file bind: local name to the path that it stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imports {
    bound: BTreeMap<String, Import>,
    has_star: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// `django.db.models`; relative imports keep their dots: `..models.Product`.
    pub path: String,
    pub line: u32,
}

impl Imports {
    pub fn bind(&mut self, local: String, path: String, line: u32) {
        self.bound.insert(local, Import { path, line });
    }

    pub fn add_star(&mut self) {
        self.has_star = true;
    }

    /// True if a `from x import *` may have bound any name.
    pub fn has_star(&self) -> bool {
        self.has_star
    }

    pub fn get(&self, local: &str) -> Option<&Import> {
        self.bound.get(local)
    }

    /// All bindings, sorted by local name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Import)> {
        self.bound.iter().map(|(local, import)| (local.as_str(), import))
    }

    /// The name with the import in front.
    pub fn resolve(&self, written: String) -> Name {
        let (head, rest) = match written.split_once('.') {
            Some((head, rest)) => (head, Some(rest)),
            None => (written.as_str(), None),
        };
        let path = match (self.bound.get(head), rest) {
            (Some(import), Some(rest)) => format!("{}.{rest}", import.path),
            (Some(import), None) => import.path.clone(),
            (None, _) => written.clone(),
        };
        Name { written, path }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_takes_the_path_of_its_import() {
        let mut imports = Imports::default();
        imports.bind("models".into(), "django.db.models".into(), 1);
        assert_eq!(
            imports.resolve("models.CharField".into()).path,
            "django.db.models.CharField"
        );
        assert_eq!(imports.resolve("models".into()).path, "django.db.models");
        assert_eq!(imports.resolve("other.models".into()).path, "other.models");
    }
}
