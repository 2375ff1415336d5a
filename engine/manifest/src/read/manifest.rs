//! The whole manifest.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::document::read_document;
use super::fields::Fields;
use super::grants::{GrantSets, check_name};
use super::node::{Node, entries_of, quote};
use super::order::check_cycles;
use super::stage::{Known, component_path, read_env, read_stage};
use super::target::read_target;
use super::{Problems, with_gap};
use crate::code;
use crate::keys;
use crate::name::{VARIABLE_RULE, is_variable};
use crate::{Diagnostic, Manifest, ManifestGaps, Source, Spanned};

/// The smallest pipeline that runs on any machine.
const HELLO: &str = "\
[stages.hello]
uses = \"command\"
with = { program = \"echo\", args = [\"hello\"] }
grant = { exec = [\"echo\"] }";

/// The largest known pipelines have some hundred jobs, and names are compared with all others.
const MAX_STAGES: usize = 1_000;

/// A manifest without errors.
#[derive(Debug, Clone)]
pub struct Parsed {
    pub manifest: Manifest,
    pub warnings: Vec<Diagnostic>,
}

/// Reads a manifest. The error is everything that is wrong with it, warnings included, in the order of the places.
pub fn parse(source: &Source) -> Result<Parsed, Vec<Diagnostic>> {
    let (manifest, problems) = read_document(source, read_manifest);
    match manifest {
        Some(manifest) if !problems.iter().any(Diagnostic::is_error) => Ok(Parsed {
            manifest,
            warnings: problems,
        }),
        _ => Err(problems),
    }
}

/// What can be read of a manifest with mistakes, so that the steps after this one can find theirs too; and the mistakes. It
/// is never to be run. None where the text itself is broken.
pub fn parse_in_part(source: &Source) -> (Option<Manifest>, Vec<Diagnostic>) {
    const BROKEN: [&str; 4] = [code::SYNTAX, code::DUPLICATE_KEY, code::TOO_LARGE, code::NUL];
    let (manifest, problems) = read_document(source, read_manifest);
    let is_broken = problems.iter().any(|problem| BROKEN.contains(&problem.code));
    (manifest.filter(|_| !is_broken), problems)
}

fn read_manifest(table: &DeTable<'_>, problems: &mut Problems) -> Manifest {
    let (fields, has_unknown_keys) = with_gap(problems, |problems| {
        Fields::new(entries_of(table), "the manifest", 0..0, &keys::MANIFEST, problems)
    });
    let mut manifest = Manifest::default();
    if let Some(node) = fields.get("pipeline") {
        read_pipeline(node, &mut manifest, problems);
    }
    if let Some(node) = fields.get("vars") {
        (manifest.vars, manifest.gaps.vars) = with_gap(problems, |problems| read_vars(node, problems));
    }
    let mut unread_plugins = Vec::new();
    if let Some(node) = fields.get("plugins") {
        let entries = node.entries(problems).unwrap_or_default();
        manifest.plugins = read_plugins(&entries, problems);
        unread_plugins.extend(entries.iter().map(|entry| entry.name));
        unread_plugins.retain(|name| !manifest.plugins.contains_key(*name));
    }
    if let Some(node) = fields.get("env") {
        manifest.env = read_env(node, problems);
    }
    let targets = fields
        .get("targets")
        .and_then(|node| node.entries(problems))
        .unwrap_or_default();
    for node in &targets {
        match with_gap(problems, |problems| read_target(node, problems)) {
            (Some(target), false) => {
                manifest.targets.insert(node.name.to_owned(), target);
            }
            _ => manifest.gaps.targets = true,
        }
    }
    let targets: Vec<_> = targets.iter().map(|node| node.name).collect();
    let sets = fields
        .get("grants")
        .map(|node| GrantSets::read(node, &targets, problems));
    read_stages(
        fields.get("stages"),
        &targets,
        &unread_plugins,
        sets.unwrap_or_default(),
        &mut manifest,
        problems,
    );
    if has_unknown_keys {
        // One of them may be a misspelled table.
        manifest.gaps = ManifestGaps::ALL;
    }
    manifest
}

fn read_pipeline(node: &Node<'_>, manifest: &mut Manifest, problems: &mut Problems) {
    let Some(fields) = Fields::open(node, "[pipeline]", &keys::PIPELINE, problems) else {
        return;
    };
    manifest.name = fields.get("name").and_then(|node| {
        let rule = |text: &str| match text.contains(char::is_control) {
            true => Err("expected one line, without control characters"),
            false => Ok(text.to_owned()),
        };
        node.parsed(code::INVALID_NAME, "a pipeline's name", problems, rule)
    });
    let patterns = fields.list("hide", "patterns", problems);
    manifest.hide = patterns.iter().filter_map(|entry| entry.text(problems)).collect();
}

fn read_vars(node: &Node<'_>, problems: &mut Problems) -> BTreeMap<String, Spanned<serde_json::Value>> {
    let mut vars = BTreeMap::new();
    for entry in node.entries(problems).unwrap_or_default() {
        if !is_variable(entry.name) {
            let message = format!("{} is not a variable's name", quote(entry.name));
            let problem = Diagnostic::error(code::INVALID_NAME, message).at(&entry.key, VARIABLE_RULE);
            problems.push(problem.help("expressions name it as `vars.NAME`, where `-` would be a minus"));
        }
        let value: Option<serde_json::Value> = match entry.value {
            DeValue::String(_) => entry.string(problems).map(|text| text.value.into()),
            DeValue::Boolean(value) => Some((*value).into()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Some(number.into()),
                Err(_) => {
                    let message = format!("`{}` does not fit 64 bits", entry.name);
                    let problem = Diagnostic::error(code::INVALID_NUMBER, message);
                    problems.push(problem.at(&entry.span, "expected a smaller number"));
                    None
                }
            },
            _ => {
                problems.push(entry.wrong_type("a string, a whole number, true or false"));
                None
            }
        };
        vars.extend(value.map(|value| (entry.name.to_owned(), Spanned::new(value, entry.span))));
    }
    vars
}

fn read_plugins(entries: &[Node<'_>], problems: &mut Problems) -> BTreeMap<String, Spanned<String>> {
    let mut plugins = BTreeMap::new();
    for entry in entries {
        check_name(entry, problems);
        let path = entry.parsed(code::INVALID_PATH, "a component's path", problems, component_path);
        plugins.extend(path.map(|path| (entry.name.to_owned(), path)));
    }
    plugins
}

fn read_stages(
    node: Option<&Node<'_>>,
    targets: &[&str],
    unread_plugins: &[&str],
    mut sets: GrantSets,
    manifest: &mut Manifest,
    problems: &mut Problems,
) {
    let entries = match node {
        Some(node) => match node.entries(problems) {
            Some(entries) => entries,
            None => return,
        },
        None => Vec::new(),
    };
    if entries.is_empty() {
        let problem = Diagnostic::error(code::NO_STAGES, "the manifest has no stage");
        let problem = problem.help("`tidegate init` writes a manifest for the project that it finds");
        problems.push(problem.paste(HELLO));
    }
    if let Some(beyond) = entries.get(MAX_STAGES) {
        let problem = Diagnostic::error(
            code::TOO_LARGE,
            format!("the manifest has more than {MAX_STAGES} stages"),
        );
        problems.push(problem.at(&beyond.key, "this one is too many"));
        return;
    }
    let names: Vec<_> = entries.iter().map(|entry| entry.name).collect();
    let known = Known {
        stages: &names,
        targets,
        unread_plugins,
    };
    manifest.stages = entries
        .iter()
        .filter_map(|entry| read_stage(entry, &known, &mut sets, problems))
        .collect();
    manifest.gaps.stages = manifest.stages.len() < entries.len();
    check_cycles(&manifest.stages, problems);
    sets.warn_unused(problems);
}
