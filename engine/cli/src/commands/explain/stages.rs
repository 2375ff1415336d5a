//! The findings of the standard stages.

use super::page::Page;

/// The pages lie beside the stage that adds the findings.
macro_rules! pages {
    ($($plugin:literal, $family:literal { $($slug:literal: $meaning:literal;)* })*) => {
        [$($((
            concat!($family, "/", $slug),
            $meaning,
            include_str!(concat!("../../../../../plugins/", $plugin, "/explain/", $slug, ".md")),
        )),*),*]
    };
}

pub(super) fn pages() -> Vec<Page> {
    let pages = pages! {
        "django-migrate-check", "migrate" {
            "conflict": "an app has more than one last migration";
            "missing-parent": "a migration depends on one that does not exist";
            "cycle": "migrations depend on each other in a circle";
            "syntax": "a migration's file is not Python";
            "encoding": "a migration's file is not UTF-8";
            "no-migration-class": "a file among the migrations is none";
            "not-a-package": "a `migrations` folder without `__init__.py`";
            "duplicate-number": "two migrations of an app have the same number";
            "dynamic": "a part of a migration only shows when it runs";
            "not-analysed": "a migration's file was not checked";
            "migration-modules": "the settings put migrations elsewhere";
            "nothing-found": "there are no migrations";
            "drift": "a change of the models has no migration";
            "drift-in-installed-app": "an installed app's models have no migration";
            "drift-not-checked": "the models were not compared with the migrations";
            "not-loadable": "Django can't load the migrations";
            "not-importable": "the project can't be imported, so its models were not compared";
        }
        "pytest-runner", "pytest" {
            "failed": "a test's body raised an exception";
            "errored": "something around a test failed: a fixture, a worker";
            "unexpected-pass": "a test that should fail passed";
            "collection": "a test file can't be imported";
            "django-start": "Django can't start";
            "internal-error": "pytest itself or a plugin of it broke down";
            "coverage": "the tests cover less than the project requires";
        }
        "python-env", "python-env" {
            "not-found": "the index has no such package, or none that fits";
            "conflict": "two requirements exclude each other";
            "hash-mismatch": "a downloaded file is not the one that is named";
            "build-failed": "a package had to be compiled, and that failed";
            "bad-requirement": "a line of a requirements file can't be read";
            "lock-outdated": "`uv.lock` does not fit `pyproject.toml`";
        }
    };
    pages
        .into_iter()
        .map(|(code, meaning, text)| Page::new(code, meaning, text))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The folder of a stage, and the family of its codes if it has findings.
    const STAGES: [(&str, &str); 5] = [
        ("command", ""),
        ("deploy-ssh", ""),
        ("django-migrate-check", "migrate"),
        ("pytest-runner", "pytest"),
        ("python-env", "python-env"),
    ];

    fn plugins() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins")
    }

    /// Literals `"family/slug"` in the sources.
    fn codes_in(folder: &Path, families: &[&str], found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                codes_in(&path, families, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                let is_code = |literal: &&str| {
                    let is_slug =
                        |slug: &str| !slug.is_empty() && slug.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
                    literal
                        .split_once('/')
                        .is_some_and(|(family, slug)| families.contains(&family) && is_slug(slug))
                };
                found.extend(code.split('"').filter(is_code).map(str::to_owned));
            }
        }
    }

    #[test]
    fn the_stages_codes_are_those_with_a_page() {
        let families = ["migrate", "pytest", "python-env", "command", "deploy-ssh"];
        let mut used = BTreeSet::new();
        for (plugin, _) in STAGES {
            codes_in(&plugins().join(plugin).join("src"), &families, &mut used);
        }
        let listed: BTreeSet<_> = pages().into_iter().map(|page| page.code).collect();
        assert_eq!(used, listed);
    }

    #[test]
    fn no_stage_and_no_page_is_forgotten() {
        let entries = std::fs::read_dir(plugins()).unwrap().map(|entry| entry.unwrap().path());
        let stages: BTreeSet<_> = entries
            .filter(|path| path.join("Cargo.toml").exists() && !path.ends_with("sdk"))
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(stages, STAGES.map(|(plugin, _)| plugin.to_owned()).into());
        for (plugin, family) in STAGES.into_iter().filter(|(_, family)| !family.is_empty()) {
            let files = std::fs::read_dir(plugins().join(plugin).join("explain")).unwrap();
            let files = files.map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned());
            let pages = pages().into_iter().filter(|page| page.family() == family);
            assert_eq!(
                files.collect::<BTreeSet<_>>(),
                pages.map(|page| page.slug().to_owned()).collect()
            );
        }
    }
}
