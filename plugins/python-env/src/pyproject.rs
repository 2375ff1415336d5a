use thiserror::Error;
use toml::de::{DeTable, DeValue};

/// What this stage reads of a `pyproject.toml`. Walked by hand: a deserialiser makes the component a good deal larger.
#[derive(Debug, Default)]
pub(crate) struct Pyproject {
    is_package: bool,
    project: Option<Metadata>,
    groups: Named<Vec<Entry>>,
}

/// In the order of their names, which the parser gives. A list, not a map: there are few, and each kind of map costs.
type Named<T> = Vec<(String, T)>;

#[derive(Debug, Default)]
struct Metadata {
    dependencies: Vec<String>,
    extras: Named<Vec<String>>,
    has_dynamic_dependencies: bool,
}

/// One entry of a dependency group.
#[derive(Debug)]
enum Entry {
    Requirement(String),
    Include(String),
    Odd,
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
        let root = DeTable::parse(text)
            .map_err(|error| PyprojectError::Syntax(error.to_string().trim_end().to_owned()))?
            .into_inner();
        let groups = table(&root, "dependency-groups")
            .into_iter()
            .flat_map(|groups| groups.iter())
            .map(|(name, entries)| (name.get_ref().to_string(), group_entries(entries.get_ref())))
            .collect();
        Ok(Self {
            is_package: root.contains_key("build-system"),
            project: table(&root, "project").map(Metadata::read),
            groups,
        })
    }

    /// Whether the project itself can be installed, and not only what it depends on.
    pub(crate) fn is_package(&self) -> bool {
        self.is_package
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
            if metadata.has_dynamic_dependencies {
                return Err(PyprojectError::Dynamic);
            }
            found.extend(metadata.dependencies.iter().cloned());
        }
        for extra in extras {
            let known = &metadata.ok_or(PyprojectError::NoProject)?.extras;
            let requirements = get(known, extra).ok_or_else(|| PyprojectError::NoExtra {
                name: extra.clone(),
                known: names(known),
            })?;
            if !self.is_package() {
                found.extend(requirements.iter().cloned());
            }
        }
        for group in groups {
            self.group(group, &mut Vec::new(), &mut found)?;
        }
        Ok(found)
    }

    fn group<'a>(
        &'a self,
        name: &'a str,
        inside: &mut Vec<&'a str>,
        found: &mut Vec<String>,
    ) -> Result<(), PyprojectError> {
        if inside.contains(&name) {
            return Err(PyprojectError::GroupCycle(name.to_owned()));
        }
        inside.push(name);
        let entries = get(&self.groups, name).ok_or_else(|| PyprojectError::NoGroup {
            name: name.to_owned(),
            known: names(&self.groups),
        })?;
        for entry in entries {
            match entry {
                Entry::Requirement(requirement) => found.push(requirement.clone()),
                Entry::Include(other) => self.group(other, inside, found)?,
                Entry::Odd => return Err(PyprojectError::BadGroup(name.to_owned())),
            }
        }
        inside.pop();
        Ok(())
    }
}

impl Metadata {
    fn read(project: &DeTable<'_>) -> Self {
        let extras = table(project, "optional-dependencies")
            .into_iter()
            .flat_map(|extras| extras.iter());
        Self {
            dependencies: project
                .get("dependencies")
                .map(|list| texts(list.get_ref()))
                .unwrap_or_default(),
            extras: extras
                .map(|(name, list)| (name.get_ref().to_string(), texts(list.get_ref())))
                .collect(),
            has_dynamic_dependencies: project
                .get("dynamic")
                .is_some_and(|list| texts(list.get_ref()).iter().any(|key| key == "dependencies")),
        }
    }
}

fn table<'a, 'i>(parent: &'a DeTable<'i>, key: &str) -> Option<&'a DeTable<'i>> {
    parent.get(key)?.get_ref().as_table()
}

/// The texts of a list; what is none is for the installer to refuse.
fn texts(list: &DeValue<'_>) -> Vec<String> {
    let values = list.as_array().into_iter().flat_map(|list| list.iter());
    values
        .filter_map(|value| value.get_ref().as_str())
        .map(str::to_owned)
        .collect()
}

fn group_entries(list: &DeValue<'_>) -> Vec<Entry> {
    let Some(list) = list.as_array() else {
        return vec![Entry::Odd];
    };
    list.iter()
        .map(|entry| match entry.get_ref() {
            DeValue::String(requirement) => Entry::Requirement(requirement.to_string()),
            DeValue::Table(table) => match table.get("include-group").and_then(|name| name.get_ref().as_str()) {
                Some(name) => Entry::Include(name.to_owned()),
                None => Entry::Odd,
            },
            _ => Entry::Odd,
        })
        .collect()
}

fn get<'a, T>(list: &'a Named<T>, wanted: &str) -> Option<&'a T> {
    list.iter().find(|(name, _)| name == wanted).map(|(_, value)| value)
}

fn names<T>(list: &Named<T>) -> String {
    let names: Vec<&str> = list.iter().map(|(name, _)| name.as_str()).collect();
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
