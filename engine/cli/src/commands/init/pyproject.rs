//! What `init` reads of a pyproject.toml.

use toml::{Table, Value};

/// Names under which people keep what tests need, the most telling first.
const FOR_TESTS: [&str; 6] = ["test", "tests", "testing", "ci", "dev", "development"];

#[derive(Debug, Clone, Default)]
pub(super) struct Pyproject {
    table: Table,
}

impl Pyproject {
    /// A file that is no TOML counts as empty: its own tools say more about it than `init` could.
    pub(super) fn parse(text: &str) -> Self {
        Self {
            table: text.parse().unwrap_or_default(),
        }
    }

    /// It says what to install, in the standard's own terms: Poetry's older tables don't count.
    pub(super) fn has_dependencies(&self) -> bool {
        let project = self.table.get("project");
        let lists = project.and_then(|project| project.get("dependencies")).is_some();
        let dynamic = project
            .and_then(|project| project.get("dynamic"))
            .and_then(Value::as_array);
        let elsewhere = dynamic.is_some_and(|keys| keys.iter().any(|key| key.as_str() == Some("dependencies")));
        // Without a build system nothing can tell dynamic dependencies.
        lists || (elsewhere && self.table.contains_key("build-system"))
    }

    pub(super) fn is_poetry_only(&self) -> bool {
        self.at(&["tool", "poetry", "dependencies"]).is_some() && !self.has_dependencies()
    }

    /// `[project.optional-dependencies]` that tests need.
    pub(super) fn extras(&self) -> Vec<String> {
        for_tests(self.at(&["project", "optional-dependencies"]))
    }

    /// `[dependency-groups]` that tests need.
    pub(super) fn groups(&self) -> Vec<String> {
        for_tests(self.at(&["dependency-groups"]))
    }

    /// Anything that it can install, `[tool]` tables of other installers included, names this package.
    pub(super) fn names(&self, package: &str) -> bool {
        let lists = [
            self.at(&["project", "dependencies"]),
            self.at(&["project", "optional-dependencies"]),
            self.at(&["dependency-groups"]),
        ];
        lists.into_iter().flatten().any(|value| holds(value, package))
    }

    pub(super) fn pytest_options(&self) -> Option<&Value> {
        self.at(&["tool", "pytest", "ini_options"])
            .or_else(|| self.at(&["tool", "pytest"]))
    }

    pub(super) fn has_uv(&self) -> bool {
        self.at(&["tool", "uv"]).is_some()
    }

    fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter()
            .try_fold(self.table.get(*first)?, |value, key| value.get(*key))
    }
}

fn for_tests(names: Option<&Value>) -> Vec<String> {
    let Some(table) = names.and_then(Value::as_table) else {
        return Vec::new();
    };
    FOR_TESTS
        .iter()
        .filter(|name| table.contains_key(**name))
        .map(ToString::to_string)
        .collect()
}

fn holds(value: &Value, package: &str) -> bool {
    match value {
        Value::String(requirement) => requirement_name(requirement) == package,
        Value::Array(items) => items.iter().any(|item| holds(item, package)),
        Value::Table(table) => table.values().any(|item| holds(item, package)),
        _ => false,
    }
}

/// `Pytest_Django[x]>=4 ; …` as `pytest-django` (PEP 503).
pub(super) fn requirement_name(line: &str) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let line = line.trim();
    let end = line.find(|c| !is_name(c)).unwrap_or(line.len());
    line[..end].to_lowercase().replace(['_', '.'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_extras_that_tests_need() {
        let text = "[project]\ndependencies = ['Django>=5']\noptional-dependencies = { docs = [], test = ['pytest-django'] }\n\
                    [dependency-groups]\ndev = [{ include-group = 'lint' }]\nlint = ['ruff']\n";
        let pyproject = Pyproject::parse(text);
        assert!(pyproject.has_dependencies());
        assert_eq!(
            (pyproject.extras(), pyproject.groups()),
            (vec!["test".to_owned()], vec!["dev".to_owned()])
        );
        assert!(pyproject.names("django") && pyproject.names("pytest-django") && !pyproject.names("pytest"));
    }

    #[test]
    fn dynamic_dependencies_need_a_build_system() {
        let dynamic = "[project]\nname = 'x'\ndynamic = ['dependencies']\n";
        assert!(!Pyproject::parse(dynamic).has_dependencies());
        assert!(Pyproject::parse(&format!("{dynamic}[build-system]\nrequires = []\n")).has_dependencies());
        assert!(Pyproject::parse("[tool.poetry.dependencies]\ndjango = '*'\n").is_poetry_only());
        assert!(!Pyproject::parse("not TOML").has_dependencies());
    }

    #[test]
    fn names_as_the_index_knows_them() {
        assert_eq!(
            requirement_name(" Pytest_Django[x]>=4 ; python_version < '4'"),
            "pytest-django"
        );
        assert_eq!(requirement_name("-r base.txt"), "-r");
    }
}
