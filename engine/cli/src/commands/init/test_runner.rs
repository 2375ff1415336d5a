//! How the project runs its tests.

use super::django::settings_of;
use super::packages::Packages;
use super::pyproject::Pyproject;
use super::tree::{Tree, join, upwards};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TestRunner {
    Pytest {
        /// Where pytest is started, relative to the root.
        folder: String,
        /// Why it is pytest.
        because: String,
        /// The settings module, and the file that gives it to pytest.
        settings: Option<(String, String)>,
    },
    /// `manage.py test`.
    Manage,
}

/// Files of pytest's configuration in the order in which pytest looks, with the section that makes each one.
const INI_FILES: [(&str, &str); 4] = [
    ("pytest.ini", "[pytest]"),
    (".pytest.ini", "[pytest]"),
    ("tox.ini", "[pytest]"),
    ("setup.cfg", "[tool:pytest]"),
];

impl TestRunner {
    /// `folder` is that of manage.py.
    pub(super) fn find(tree: &Tree, folder: &str, packages: &Packages) -> Self {
        if let Some(runner) = upwards(folder).find_map(|folder| configured(tree, folder)) {
            return runner;
        }
        let because = if packages.has_pytest_django {
            "pytest-django is installed".to_owned()
        } else if let Some(conftest) = tree.files().find(|path| path.rsplit('/').next() == Some("conftest.py")) {
            format!("there is a {conftest}")
        } else {
            return Self::Manage;
        };
        Self::Pytest {
            folder: folder.to_owned(),
            because,
            settings: None,
        }
    }
}

fn configured(tree: &Tree, folder: &str) -> Option<TestRunner> {
    for (name, section) in INI_FILES {
        let path = join(folder, name);
        let Some(text) = tree.text(&path) else { continue };
        let Some(body) = section_of(&text, section) else {
            continue;
        };
        return Some(runner(folder, &path, ini_settings(body)));
    }
    let path = join(folder, "pyproject.toml");
    let pyproject = Pyproject::parse(&tree.text(&path)?);
    let options = pyproject.pytest_options()?;
    let text = |key: &str| options.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let addopts = match options.get("addopts") {
        Some(toml::Value::Array(words)) => Some(
            words
                .iter()
                .filter_map(toml::Value::as_str)
                .collect::<Vec<_>>()
                .join(" "),
        ),
        _ => text("addopts"),
    };
    let settings = text("DJANGO_SETTINGS_MODULE").or_else(|| addopts.as_deref().and_then(ds_option));
    Some(runner(folder, &path, settings))
}

fn runner(folder: &str, path: &str, settings: Option<String>) -> TestRunner {
    TestRunner::Pytest {
        folder: folder.to_owned(),
        because: format!("{path} configures it"),
        settings: settings.map(|module| (module, path.to_owned())),
    }
}

/// What stands under `[section]`, up to the next one.
fn section_of<'a>(text: &'a str, section: &str) -> Option<&'a str> {
    let start = text.lines().find(|line| line.trim_end() == section)?;
    // `lines` gives parts of `text`, so the difference is an offset in it.
    let after = &text[start.as_ptr() as usize - text.as_ptr() as usize + start.len()..];
    Some(after.find("\n[").map_or(after, |end| &after[..end]))
}

fn ini_settings(body: &str) -> Option<String> {
    let key = |line: &str| line.trim_start().starts_with("DJANGO_SETTINGS_MODULE");
    let value = body
        .lines()
        .find(|line| key(line))
        .and_then(|line| line.split_once('='));
    let value = value
        .map(|(_, value)| value.trim().to_owned())
        .filter(|value| super::python_text::is_module(value));
    value.or_else(|| ds_option(body)).or_else(|| settings_of(body))
}

/// `--ds=MODULE` or `--ds MODULE`, pytest-django's option.
fn ds_option(options: &str) -> Option<String> {
    let (_, after) = options.split_once("--ds")?;
    let module = after.trim_start_matches(['=', ' ']).split_whitespace().next()?;
    super::python_text::is_module(module).then(|| module.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_ini_files() {
        let text = "[flake8]\nx = 1\n[tool:pytest]\nDJANGO_SETTINGS_MODULE = shop.test_settings\n[other]\n";
        let body = section_of(text, "[tool:pytest]").unwrap();
        assert_eq!(ini_settings(body).as_deref(), Some("shop.test_settings"));
        assert_eq!(section_of(text, "[pytest]"), None);
        assert_eq!(
            ds_option("-q --ds=shop.settings --reuse-db").as_deref(),
            Some("shop.settings")
        );
        assert_eq!(ds_option("-q"), None);
    }
}
