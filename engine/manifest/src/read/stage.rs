//! `[stages.NAME]`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::config::read_config;
use super::fields::Fields;
use super::grants::GrantSets;
use super::node::{Node, quote};
use super::order::read_needs;
use super::{Problems, with_gap};
use crate::code;
use crate::keys;
use crate::name::{VARIABLE_RULE, is_name, is_variable};
use crate::{Diagnostic, Grants, Spanned, Stage, StageGaps, StageName};

const MIN_TIMEOUT: Duration = Duration::from_millis(1);

/// The names that a stage may refer to.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) stages: &'a [&'a str],
    pub(super) targets: &'a [&'a str],
    /// Aliases of `[plugins]` whose paths could not be read.
    pub(super) unread_plugins: &'a [&'a str],
}

/// `None` where the stage has no valid name or is no table; all mistakes are reported.
pub(super) fn read_stage(
    node: &Node<'_>,
    known: &Known<'_>,
    sets: &mut GrantSets,
    problems: &mut Problems,
) -> Option<Stage> {
    let name = stage_name(node, problems);
    let title = format!("[stages.{}]", node.name);
    let (fields, has_unknown_keys) = with_gap(problems, |problems| Fields::open(node, &title, &keys::STAGE, problems));
    let fields = fields?;
    let uses = fields.required(
        "uses",
        "uses = \"NAME\"",
        "a standard stage, an alias of `[plugins]` or the path of a component",
        problems,
    );
    let uses = uses.and_then(|node| node.parsed(code::INVALID_USES, "a component", problems, component));
    let (with, no_with) = with_gap(problems, |problems| {
        read_config(fields.get("with"), &fields.span, problems)
    });
    let (needs, no_needs) = with_gap(problems, |problems| {
        let needs = fields.list("needs", "stages", problems);
        read_needs(&needs, node.name, known.stages, problems)
    });
    let when = fields.get("when").and_then(|node| node.text(problems));
    let timeout = fields
        .get("timeout")
        .and_then(|node| node.duration(MIN_TIMEOUT, problems));
    let stop_grace = fields
        .get("stop-grace")
        .and_then(|node| node.duration(Duration::ZERO, problems));
    let env = fields
        .get("env")
        .map(|node| read_env(node, problems))
        .unwrap_or_default();
    let grant = fields.get("grant");
    let grant_span = grant.map_or_else(|| fields.span.clone(), |node| node.span.clone());
    let (grant, no_grant) = match grant {
        Some(node) => sets.resolve(node, known.targets, problems),
        None => (Grants::default(), false),
    };
    let gaps = StageGaps {
        // An unknown key may be any of these three, misspelled.
        with: no_with || has_unknown_keys,
        needs: no_needs || has_unknown_keys,
        grant: no_grant || has_unknown_keys,
        uses: uses
            .as_ref()
            .is_none_or(|uses| known.unread_plugins.contains(&uses.as_str())),
    };
    Some(Stage {
        name: name?,
        uses: uses.unwrap_or_else(|| Spanned::new(String::new(), fields.span.clone())),
        with,
        needs,
        when,
        timeout,
        stop_grace,
        env,
        grant,
        grant_span,
        span: fields.span,
        gaps,
    })
}

fn stage_name(node: &Node<'_>, problems: &mut Problems) -> Option<Spanned<StageName>> {
    match node.name.parse() {
        Ok(name) => Some(Spanned::new(name, node.key.clone())),
        Err(error) => {
            let error: crate::stage_name::InvalidStageName = error;
            let message = format!("{} is not a stage's name", quote(node.name));
            let problem = Diagnostic::error(code::INVALID_NAME, message).at(&node.key, error.to_string());
            let better: String = node.name.to_lowercase().replace(['_', ' ', '.'], "-");
            problems.push(match better.parse::<StageName>() {
                Ok(better) => problem.help(format!("write `[stages.{better}]`")),
                Err(_) => problem,
            });
            None
        }
    }
}

/// Variables of programs: names and literal values.
pub(super) fn read_env(node: &Node<'_>, problems: &mut Problems) -> BTreeMap<String, Spanned<String>> {
    let mut env = BTreeMap::new();
    for entry in node.entries(problems).unwrap_or_default() {
        if !is_variable(entry.name) {
            let message = format!("{} is not a variable's name", quote(entry.name));
            problems.push(Diagnostic::error(code::INVALID_NAME, message).at(&entry.key, VARIABLE_RULE));
        }
        env.extend(entry.string(problems).map(|value| (entry.name.to_owned(), value)));
    }
    env
}

fn component(text: &str) -> Result<String, &'static str> {
    match text {
        _ if text.ends_with(".wasm") => component_path(text),
        _ if text.contains("://") => Err("a component is a file; expected a path that ends in `.wasm`"),
        _ if text.contains('@') => {
            Err("stages of other CI systems can't run here; `tidegate list` shows what there is")
        }
        _ if text.contains('/') => Err("expected a path that ends in `.wasm`, or a name"),
        _ if is_name(text) => Ok(text.to_owned()),
        _ => Err("expected a standard stage's name, an alias of `[plugins]`, or a path that ends in `.wasm`"),
    }
}

/// A component's path is relative, so that a manifest means the same on every machine.
pub(super) fn component_path(text: &str) -> Result<String, &'static str> {
    match text {
        _ if text.starts_with(['/', '~']) => Err("expected a path relative to the manifest"),
        _ if text.contains("://") => Err("a component is a file; expected a path relative to the manifest"),
        _ if !text.ends_with(".wasm") => Err("expected the path of a component, which ends in `.wasm`"),
        _ => Ok(text.to_owned()),
    }
}
