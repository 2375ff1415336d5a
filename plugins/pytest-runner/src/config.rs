use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_sdk::process::Command;

/// How to run the tests. pytest's own configuration (`pytest.ini`, `pyproject.toml`) holds as always.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// Test files, folders or ids, relative to `cwd`. Default: what pytest's configuration says.
    #[serde(default)]
    pub(crate) paths: Vec<String>,
    /// Further arguments for pytest, such as `-n`, `auto`, `--reuse-db`.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// Only tests whose names match, as in `not slow`: pytest's `-k`.
    pub(crate) keyword: Option<String>,
    /// Only tests whose marks match, as in `not integration`: pytest's `-m`.
    pub(crate) marker: Option<String>,
    /// Django's settings module: sets `DJANGO_SETTINGS_MODULE`.
    pub(crate) settings: Option<String>,
    /// Packages or folders whose coverage is measured. Needs pytest-cov.
    #[serde(default)]
    pub(crate) coverage: Vec<String>,
    /// Environment variables, besides those of the manifest.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// Working folder, relative to the workspace. Default: the workspace.
    pub(crate) cwd: Option<String>,
}

/// The stage's name for the interpreter.
pub(crate) const PYTHON: &str = "python";

impl Config {
    /// Python, running `launcher` with pytest's arguments.
    pub(crate) fn command(&self, launcher: &str) -> Command {
        let plugin = ["-p", crate::harness::PLUGIN];
        let mut command = Command::new(PYTHON)
            .arg(launcher)
            .args(plugin)
            .args(self.pytest_arguments());
        for (name, value) in &self.env {
            command = command.env(name, value);
        }
        if let Some(settings) = &self.settings {
            command = command.env("DJANGO_SETTINGS_MODULE", settings);
        }
        if let Some(cwd) = &self.cwd {
            command = command.cwd(cwd);
        }
        // A test's output should be in the log when the test crashes the interpreter.
        command.env("PYTHONUNBUFFERED", "1")
    }

    /// What a person would type for the same tests.
    pub(crate) fn shown(&self) -> Command {
        Command::new(PYTHON)
            .args(["-m", "pytest"])
            .args(self.pytest_arguments())
    }

    fn pytest_arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = self.coverage.iter().map(|source| format!("--cov={source}")).collect();
        if let Some(keyword) = &self.keyword {
            arguments.extend(["-k".to_owned(), keyword.clone()]);
        }
        if let Some(marker) = &self.marker {
            arguments.extend(["-m".to_owned(), marker.clone()]);
        }
        arguments.extend(self.args.iter().chain(&self.paths).cloned());
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_becomes_the_arguments_that_a_person_would_type() {
        let config: Config = serde_json::from_str(
            r#"{"paths": ["tests"], "args": ["-n", "auto"], "keyword": "not slow", "marker": "unit", "coverage": ["shop"]}"#,
        )
        .unwrap();
        assert_eq!(
            config.command("launch.py").line(),
            "python launch.py -p tidegate_pytest --cov=shop -k 'not slow' -m unit -n auto tests"
        );
        assert_eq!(
            config.shown().line(),
            "python -m pytest --cov=shop -k 'not slow' -m unit -n auto tests"
        );
    }

    #[test]
    fn a_mistyped_key_is_refused() {
        let error = serde_json::from_str::<Config>(r#"{"path": ["tests"]}"#)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("unknown field `path`"), "{error}");
    }
}
