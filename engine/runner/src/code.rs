//! The stable codes of this crate, each with its page for `tidegate explain`.

/// The table of all codes, each with its meaning and the page of the same name.
macro_rules! codes {
    ($($code:literal: $meaning:literal;)*) => {
        const CODES: &[(&str, &str, &str)] = &[$(($code, $meaning, include_str!(concat!("explain/", $code, ".md")))),*];
    };
}

codes! {
    "component/describe": "the component did not say what it is";
    "config/bad-schema": "the component's JSON Schema can't be used";
    "config/missing-key": "a key that the stage's `with` table must have";
    "config/not-one-of": "a value that is none of the possible ones";
    "config/refused": "the stage does not accept its `with` table";
    "config/unknown-key": "a key that the stage's `with` table does not have";
    "config/wrong-type": "a value in `with` of another type than the stage takes";
    "expression/invalid": "`when` or `${…}` is no expression that can be evaluated";
    "expression/stage": "an expression speaks of a stage that is not needed";
    "grant/missing": "a stage needs what the manifest does not grant";
    "grant/no-such-path": "a path that `read` grants is not there";
    "grant/no-such-program": "a program that `exec` names can't be found";
    "grant/unknown-capability": "a stage asks for what this version does not know";
    "grant/unknown-target": "a granted target that the manifest does not describe";
    "grant/unused": "a grant that the stage never asks for";
    "plugin/not-found": "`uses` names a component that is not there";
    "source/unreadable": "there is a repository that can't be read";
    "target/invalid": "a target's hosts or host keys can't be used";
    "usage/nothing-to-run": "every stage is left out";
    "usage/unknown-stage": "the command line names a stage that is not there";
    "vars/unknown": "`--set` names a variable that the manifest does not have";
    "vars/wrong-type": "`--set` gives a value of another type than the default";
}

/// The codes of diagnostics: the code, its meaning in one line, and its page in Markdown; sorted by code. Those of SSH and HTTP
/// are in [`crate::ssh::codes`] and [`crate::http::codes`].
pub fn codes() -> &'static [(&'static str, &'static str, &'static str)] {
    CODES
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Text literals of a source that look like a code of one of this crate's families, its tests left out.
    fn used_in(folder: &Path, families: &BTreeSet<&str>, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                used_in(&path, families, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("code.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                let literals = code.split('"').filter(|literal| {
                    let is_slug =
                        |slug: &str| !slug.is_empty() && slug.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
                    literal
                        .split_once('/')
                        .is_some_and(|(family, slug)| families.contains(family) && is_slug(slug))
                });
                found.extend(literals.map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let families: BTreeSet<_> = codes().iter().filter_map(|(code, ..)| code.split('/').next()).collect();
        let mut used = BTreeSet::new();
        used_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &families, &mut used);
        let listed: Vec<_> = codes().iter().map(|(code, ..)| (*code).to_owned()).collect();
        assert_eq!(used.into_iter().collect::<Vec<_>>(), listed);
    }

    /// A new family would escape the test above.
    #[test]
    fn every_diagnostic_is_of_a_known_family() {
        let families = "component config expression grant plugin source target usage vars";
        let families: BTreeSet<_> = families.split(' ').collect();
        let listed: BTreeSet<_> = codes().iter().filter_map(|(code, ..)| code.split('/').next()).collect();
        assert_eq!(listed, families);
        let mut pending = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = pending.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    pending.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                for call in text.split("Diagnostic::").skip(1) {
                    let Some(code) = call.strip_prefix("error(").or_else(|| call.strip_prefix("warning(")) else {
                        continue;
                    };
                    if let Some(code) = code.trim_start().strip_prefix('"') {
                        let family = code.split('/').next().unwrap();
                        assert!(listed.contains(family), "{family} in {}", path.display());
                    }
                }
            }
        }
    }

    #[test]
    fn examples_are_manifests() {
        for (code, meaning, page) in codes() {
            assert!(page.starts_with(&format!("# {code}\n")), "{code}");
            assert!(!meaning.ends_with('.'), "{code}");
            for block in page.split("```toml\n").skip(1) {
                let example = block.split("```").next().unwrap();
                let source = tidegate_manifest::Source::new(*code, example);
                assert!(tidegate_manifest::parse(&source).is_ok(), "{code}: {example}");
            }
        }
    }
}
