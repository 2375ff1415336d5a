//! What the environment is to be made of.

use std::collections::BTreeSet;

use super::pyproject::{Pyproject, requirement_name};
use super::tree::{Tree, folder_of, join, upwards};

/// Files of one project's requirements; more is a circle.
const MAX_INCLUDES: usize = 50;

/// Requirements files by what they are for, the most telling first. `NAME` stands for `requirements-NAME.txt`,
/// `requirements_NAME.txt`, `NAME-requirements.txt` and `requirements/NAME.txt`.
const FOR_TESTS: [&str; 8] = ["test", "tests", "testing", "ci", "dev", "development", "devel", "local"];
const FOR_SERVERS: [&str; 3] = ["production", "prod", "deploy"];
const FOR_ALL: [&str; 4] = ["base", "common", "main", "requirements"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// Files, relative to the root.
    Requirements(Vec<String>),
    /// The folder of a pyproject.toml, and what of it.
    Project {
        folder: String,
        extras: Vec<String>,
        groups: Vec<String>,
    },
    /// Nothing says what to install.
    Guess,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packages {
    pub(super) source: Source,
    /// Requirements files that were found and are not used.
    pub(super) others: Vec<String>,
    /// The requirements file that a server most likely installs.
    pub(super) for_servers: Option<String>,
    /// There is a uv.lock beside the pyproject.toml that is used.
    pub(super) has_lock: bool,
    /// `[tool.uv]` is there.
    pub(super) has_uv: bool,
    pub(super) is_poetry_only: bool,
    /// pytest comes with what is installed.
    pub(super) has_pytest: bool,
    /// pytest-django does.
    pub(super) has_pytest_django: bool,
}

impl Packages {
    /// `folder` is that of manage.py. A lock wins over requirements files, and these over a pyproject.toml alone: where both
    /// are, the files usually are what is deployed.
    pub(super) fn find(tree: &Tree, folder: &str) -> Self {
        let pyproject = upwards(folder).find_map(|folder| {
            let text = tree.text(&join(folder, "pyproject.toml"))?;
            Some((folder.to_owned(), Pyproject::parse(&text)))
        });
        let locked = pyproject
            .as_ref()
            .is_some_and(|(folder, pyproject)| tree.has(&join(folder, "uv.lock")) && pyproject.has_dependencies());
        let all = requirements_files(tree, folder);
        let (folder, pyproject) = pyproject.unwrap_or_default();
        let mut packages = Self {
            source: Source::Guess,
            others: Vec::new(),
            for_servers: named(&all, &FOR_SERVERS).chain(named(&all, &FOR_ALL)).next().cloned(),
            has_lock: locked,
            has_uv: pyproject.has_uv(),
            is_poetry_only: pyproject.is_poetry_only() && all.is_empty(),
            has_pytest: false,
            has_pytest_django: false,
        };
        if locked || (all.is_empty() && pyproject.has_dependencies()) {
            packages.has_pytest = pyproject.names("pytest") || pyproject.names("pytest-django");
            packages.has_pytest_django = pyproject.names("pytest-django");
            packages.others = all;
            packages.source = Source::Project {
                folder,
                extras: pyproject.extras(),
                groups: pyproject.groups(),
            };
        } else if !all.is_empty() {
            let chosen = choose(tree, &all);
            let names = names_in(tree, &chosen);
            packages.has_pytest = names.contains("pytest") || names.contains("pytest-django");
            packages.has_pytest_django = names.contains("pytest-django");
            let included: BTreeSet<_> = chosen.iter().flat_map(|file| closure(tree, file)).collect();
            packages.others = all.into_iter().filter(|file| !included.contains(file)).collect();
            packages.source = Source::Requirements(chosen);
        }
        packages
    }
}

/// In the folder of manage.py and in those above, the nearest that have any.
fn requirements_files(tree: &Tree, folder: &str) -> Vec<String> {
    let of_folder = |folder: &str| -> Vec<String> {
        let nested = join(folder, "requirements");
        let files = tree.files().filter(|path| {
            let name = path.rsplit('/').next().unwrap_or(path);
            let is_text = name.ends_with(".txt");
            (folder_of(path) == folder && is_text && name.contains("requirements"))
                || (folder_of(path) == nested && is_text)
        });
        files.map(str::to_owned).collect()
    };
    upwards(folder)
        .map(of_folder)
        .find(|files| !files.is_empty())
        .unwrap_or_default()
}

/// The file for all and the one for tests; the latter alone when it includes the former.
fn choose(tree: &Tree, all: &[String]) -> Vec<String> {
    let base = named(all, &FOR_ALL).next().cloned();
    let for_tests: Vec<_> = named(all, &FOR_TESTS).cloned().collect();
    // The one that brings pytest is the one that the tests need, whatever it is called.
    let with_pytest = for_tests.iter().find(|file| {
        let names = names_in(tree, std::slice::from_ref(file));
        names.contains("pytest") || names.contains("pytest-django")
    });
    match (base, with_pytest.or(for_tests.first())) {
        (Some(base), Some(tests)) if closure(tree, tests).contains(&base) => vec![tests.clone()],
        (Some(base), Some(tests)) => vec![base, tests.clone()],
        (Some(only), None) => vec![only],
        (None, Some(only)) => vec![only.clone()],
        (None, None) => all.first().cloned().into_iter().collect(),
    }
}

fn named<'a>(all: &'a [String], purposes: &'a [&str]) -> impl Iterator<Item = &'a String> {
    purposes
        .iter()
        .filter_map(|purpose| all.iter().find(|file| is_for(file, purpose)))
}

fn is_for(file: &str, purpose: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    let stem = name.strip_suffix(".txt").unwrap_or(name);
    let rest = stem
        .strip_prefix("requirements")
        .or_else(|| stem.strip_suffix("requirements"));
    match rest {
        Some("") => purpose == "requirements",
        Some(rest) => rest.trim_matches(['-', '_', '.']) == purpose,
        None => stem == purpose,
    }
}

/// The file and all that it includes by `-r`.
fn closure(tree: &Tree, file: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut pending = vec![file.to_owned()];
    while let Some(file) = pending.pop() {
        if seen.len() >= MAX_INCLUDES || !seen.insert(file.clone()) {
            continue;
        }
        let text = tree.text(&file).unwrap_or_default();
        let included = text.lines().filter_map(|line| {
            let line = line.trim();
            let rest = line.strip_prefix("-r").or_else(|| line.strip_prefix("--requirement"))?;
            let path = rest.trim_start_matches(['=', ' ']).split(" #").next()?.trim();
            resolve(folder_of(&file), path)
        });
        pending.extend(included.collect::<Vec<_>>());
    }
    seen
}

/// `requirements/../base.txt` as `base.txt`; `None` for what leaves the project.
fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn names_in(tree: &Tree, files: &[String]) -> BTreeSet<String> {
    let files: BTreeSet<_> = files.iter().flat_map(|file| closure(tree, file)).collect();
    let texts = files.iter().filter_map(|file| tree.text(file));
    texts
        .flat_map(|text| text.lines().map(requirement_name).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(files: &[(&str, &str)]) -> Packages {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Packages::find(&Tree::read(folder.path()), "")
    }

    fn files(packages: &Packages) -> Vec<&str> {
        match &packages.source {
            Source::Requirements(files) => files.iter().map(String::as_str).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_that_includes_the_other_is_enough() {
        let dev = "-r requirements.txt\npytest-django\n";
        let packages = find(&[("requirements.txt", "django\n"), ("requirements-dev.txt", dev)]);
        assert_eq!(files(&packages), ["requirements-dev.txt"]);
        assert!(packages.has_pytest && packages.has_pytest_django && packages.others.is_empty());

        let packages = find(&[("requirements.txt", "django\n"), ("dev-requirements.txt", "pytest\n")]);
        assert_eq!(files(&packages), ["requirements.txt", "dev-requirements.txt"]);
        assert!(packages.has_pytest && !packages.has_pytest_django);
    }

    #[test]
    fn the_file_with_pytest_wins_and_production_is_left_out() {
        let packages = find(&[
            ("requirements/base.txt", "django\n"),
            ("requirements/test.txt", "coverage\n"),
            ("requirements/local.txt", "-r ./base.txt\npytest\n"),
            ("requirements/production.txt", "-r base.txt\ngunicorn\n"),
        ]);
        assert_eq!(files(&packages), ["requirements/local.txt"]);
        assert_eq!(
            packages.others,
            ["requirements/production.txt", "requirements/test.txt"]
        );
    }

    #[test]
    fn a_lock_wins_over_requirements_files() {
        let pyproject = "[project]\ndependencies = ['django']\n[dependency-groups]\ndev = ['pytest']\n";
        let packages = find(&[
            ("pyproject.toml", pyproject),
            ("uv.lock", ""),
            ("requirements.txt", "django"),
        ]);
        assert!(packages.has_lock && packages.has_pytest);
        assert!(matches!(&packages.source, Source::Project { groups, .. } if groups == &["dev"]));
        let packages = find(&[("pyproject.toml", pyproject), ("requirements.txt", "django")]);
        assert_eq!(files(&packages), ["requirements.txt"]);
    }

    #[test]
    fn circles_of_files_end() {
        let packages = find(&[
            ("requirements.txt", "-r dev-requirements.txt"),
            ("dev-requirements.txt", "-r requirements.txt"),
        ]);
        assert_eq!(files(&packages), ["dev-requirements.txt"]);
    }
}
