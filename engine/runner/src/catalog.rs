//! Where components come from: the standard stages that the engine carries, and files of the project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A standard stage: its name and its component.
#[derive(Debug, Clone, Copy)]
pub struct StandardStage {
    pub name: &'static str,
    pub component: &'static [u8],
}

/// Resolves `uses`.
#[derive(Debug, Clone)]
pub struct Catalog {
    standard: Vec<StandardStage>,
}

/// Where a component was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    Standard(&'static str),
    /// Relative to the project's root.
    File(PathBuf),
}

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("there is no standard stage or plugin `{name}`")]
    Unknown { name: String, similar: Option<String> },
    #[error("failed to read the component {}: {error}", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("the component {} is not inside the project", path.display())]
    Outside { path: PathBuf },
}

impl Catalog {
    pub fn new(standard: Vec<StandardStage>) -> Self {
        Self { standard }
    }

    pub fn standard(&self) -> &[StandardStage] {
        &self.standard
    }

    /// `uses` is an alias of the manifest, a standard stage's name, or a path that ends in `.wasm`; in this order.
    pub fn find(
        &self,
        uses: &str,
        aliases: &BTreeMap<String, String>,
        root: &Path,
    ) -> Result<(Origin, Vec<u8>), CatalogError> {
        if let Some(path) = aliases.get(uses) {
            return read(Path::new(path), root);
        }
        if let Some(stage) = self.standard.iter().find(|stage| stage.name == uses) {
            return Ok((Origin::Standard(stage.name), stage.component.to_vec()));
        }
        if uses.ends_with(".wasm") || uses.contains('/') {
            return read(Path::new(uses), root);
        }
        let names = self
            .standard
            .iter()
            .map(|stage| stage.name)
            .chain(aliases.keys().map(String::as_str));
        let similar = tidegate_manifest::suggest(uses, names).map(str::to_owned);
        Err(CatalogError::Unknown {
            name: uses.into(),
            similar,
        })
    }
}

fn read(path: &Path, root: &Path) -> Result<(Origin, Vec<u8>), CatalogError> {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let leaves = relative.is_absolute()
        || relative
            .components()
            .any(|part| part == std::path::Component::ParentDir);
    if leaves {
        return Err(CatalogError::Outside { path: path.into() });
    }
    let bytes = std::fs::read(root.join(relative)).map_err(|error| CatalogError::Unreadable {
        path: relative.into(),
        error,
    })?;
    Ok((Origin::File(relative.into()), bytes))
}

impl Origin {
    /// For people.
    pub fn describe(&self) -> String {
        match self {
            Self::Standard(_) => "standard".into(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGE: StandardStage = StandardStage {
        name: "pytest-runner",
        component: b"x",
    };

    #[test]
    fn aliases_first_then_standard_then_paths() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("own.wasm"), "own").unwrap();
        let catalog = Catalog::new(vec![STAGE]);
        let aliases = BTreeMap::from([("pytest-runner".to_owned(), "own.wasm".to_owned())]);
        let find = |uses: &str, aliases| catalog.find(uses, aliases, folder.path());
        assert_eq!(
            find("pytest-runner", &aliases).unwrap(),
            (Origin::File("own.wasm".into()), b"own".to_vec())
        );
        let none = BTreeMap::new();
        assert_eq!(
            find("pytest-runner", &none).unwrap().0,
            Origin::Standard("pytest-runner")
        );
        assert_eq!(find("./own.wasm", &none).unwrap().1, b"own");
        assert!(matches!(find("../own.wasm", &none), Err(CatalogError::Outside { .. })));
        assert!(matches!(find("no.wasm", &none), Err(CatalogError::Unreadable { .. })));
        let unknown = find("pytest-runer", &none).unwrap_err();
        assert!(matches!(unknown, CatalogError::Unknown { similar: Some(name), .. } if name == "pytest-runner"));
    }
}
