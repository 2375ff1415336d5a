//! Every file in `mistakes/` is a manifest with something wrong; beside it stands the whole text that its author gets.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tidegate_manifest::{Severity, Source, Style, codes, parse, render};

const STYLE: Style = Style {
    color: false,
    width: 80,
};

fn manifests() -> Vec<(String, Source)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (
                name,
                Source::new("tidegate.toml", std::fs::read_to_string(path).unwrap()),
            )
        })
        .collect()
}

#[test]
fn each_mistake_is_explained_as_a_whole() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mistakes"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, source) in manifests() {
            let found = parse(&source).map_or_else(|problems| problems, |parsed| parsed.warnings);
            insta::assert_snapshot!(name, render(&found, &source, STYLE));
        }
    });
}

#[test]
fn nothing_is_wider_than_80_columns() {
    for (name, source) in manifests() {
        let found = parse(&source).map_or_else(|problems| problems, |parsed| parsed.warnings);
        for line in render(&found, &source, STYLE).lines() {
            assert!(line.chars().count() <= STYLE.width, "{name}: {line}");
        }
    }
}

#[test]
fn every_code_of_the_manifest_has_a_mistake() {
    let mut seen = BTreeSet::new();
    for (name, source) in manifests() {
        let found = parse(&source).map_or_else(|problems| problems, |parsed| parsed.warnings);
        assert!(!found.is_empty(), "{name} has no mistake");
        seen.extend(found.iter().map(|problem| problem.code));
    }
    // Too long for a file beside the others.
    let long = Source::new("tidegate.toml", "#".repeat((256 << 10) + 1));
    seen.extend(parse(&long).unwrap_err().iter().map(|problem| problem.code));
    let all: BTreeSet<_> = codes()
        .iter()
        .map(|(code, ..)| *code)
        .filter(|code| code.starts_with("manifest/"))
        .collect();
    assert_eq!(seen, all);
}

#[test]
fn six_mistakes_are_told_at_once() {
    let (_, source) = manifests().into_iter().find(|(name, _)| name == "six-at-once").unwrap();
    let problems = parse(&source).unwrap_err();
    assert_eq!(
        problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .count(),
        6
    );
}
