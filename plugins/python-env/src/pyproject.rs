use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use thiserror::Error;

/// What this stage reads of a `pyproject.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Pyproject {
    build_system: Option<toml::Table>,
    project: Option<Metadata>,
    #[serde(default)]
    dependency_groups: BTreeMap<String, Vec<toml::Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    dynamic: Vec<String>,
}

#[derive(Debug, PartialEq, Error)]
pub(crate) enum PyprojectError {
    #[error("{0}")]
    Syntax(String),
    #[error("it has no [project] table")]
    NoProject,
    #[error("it has no extra `{name}`; there are: {known}")]
    NoExtra { name: String, known: String },
    #[error("it has no dependency group `{name}`; there are: {known}")]
    NoGroup { name: String, known: String },
    #[error("its dependency group `{0}` includes itself")]
    GroupCycle(String),
    #[error("its dependency group `{0}` has an entry that is neither a requirement nor an include-group")]
    BadGroup(String),
    #[error("its dependencies are dynamic, and without a [build-system] nothing can tell them")]
    Dynamic,
}

impl Pyproject {
    pub(crate) fn parse(text: &str) -> Result<Self, PyprojectError> {
        toml::from_str(text).map_err(|error| PyprojectError::Syntax(error.to_string().trim_end().to_owned()))
    }

    /// Whether the project itself can be installed, and not only what it depends on.
    pub(crate) fn is_package(&self) -> bool {
        self.build_system.is_some()
    }

    /// All requirements of the project, of these extras and of these groups. For a package the first two come with it.
    pub(crate) fn requirements(&self, extras: &[String], groups: &[String]) -> Result<Vec<String>, PyprojectError> {
        let mut found = Vec::new();
        let metadata = self.project.as_ref();
        if metadata.is_none() && (groups.is_empty() || !extras.is_empty()) {
            return Err(PyprojectError::NoProject);
        }
        if let Some(metadata) = metadata
            && !self.is_package()
        {
            if metadata.dynamic.iter().any(|key| key == "dependencies") {
                return Err(PyprojectError::Dynamic);
            }
            found.extend(metadata.dependencies.iter().cloned());
        }
        for extra in extras {
            let known = &metadata.ok_or(PyprojectError::NoProject)?.optional_dependencies;
            let requirements = known.get(extra).ok_or_else(|| PyprojectError::NoExtra {
                name: extra.clone(),
                known: names(known.keys()),
            })?;
            if !self.is_package() {
                found.extend(requirements.iter().cloned());
            }
        }
        for group in groups {
            self.group(group, &mut BTreeSet::new(), &mut found)?;
        }
        Ok(found)
    }

    fn group<'a>(
        &'a self,
        name: &'a str,
        inside: &mut BTreeSet<&'a str>,
        found: &mut Vec<String>,
    ) -> Result<(), PyprojectError> {
        if !inside.insert(name) {
            return Err(PyprojectError::GroupCycle(name.to_owned()));
        }
        let entries = self
            .dependency_groups
            .get(name)
            .ok_or_else(|| PyprojectError::NoGroup {
                name: name.to_owned(),
                known: names(self.dependency_groups.keys()),
            })?;
        for entry in entries {
            match entry {
                toml::Value::String(requirement) => found.push(requirement.clone()),
                toml::Value::Table(table) => match table.get("include-group") {
                    Some(toml::Value::String(other)) => self.group(other, inside, found)?,
                    _ => return Err(PyprojectError::BadGroup(name.to_owned())),
                },
                _ => return Err(PyprojectError::BadGroup(name.to_owned())),
            }
        }
        inside.remove(name);
        Ok(())
    }
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "[project]\nname = 'shop'\ndependencies = ['django>=5']\n\
                           optional-dependencies = { s3 = ['boto3'] }\n\
                           [dependency-groups]\ntest = ['pytest']\ndev = [{ include-group = 'test' }, 'ruff']\n\
                           a = [{ include-group = 'b' }]\nb = [{ include-group = 'a' }]\n";

    fn requirements(text: &str, extras: &[&str], groups: &[&str]) -> Result<Vec<String>, PyprojectError> {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        Pyproject::parse(text)
            .unwrap()
            .requirements(&owned(extras), &owned(groups))
    }

    #[test]
    fn dependencies_extras_and_groups_add_up() {
        assert_eq!(
            requirements(PROJECT, &["s3"], &["dev"]).unwrap(),
            ["django>=5", "boto3", "pytest", "ruff"]
        );
    }

    #[test]
    fn a_package_brings_its_own_dependencies() {
        let package = format!("{PROJECT}[build-system]\nrequires = []\n");
        assert_eq!(requirements(&package, &["s3"], &["test"]).unwrap(), ["pytest"]);
    }

    #[test]
    fn a_wrong_name_tells_the_right_ones() {
        let error = requirements(PROJECT, &["S3"], &[]).unwrap_err();
        assert_eq!(error.to_string(), "it has no extra `S3`; there are: s3");
        assert_eq!(
            requirements(PROJECT, &[], &["a"]),
            Err(PyprojectError::GroupCycle("a".into()))
        );
    }
}
