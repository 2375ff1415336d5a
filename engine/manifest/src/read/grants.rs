//! `grant` and `[grants.NAME]`: what a stage is given.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use toml::de::DeValue;

use super::fields::{Fields, listed};
use super::merge::{Merge, add_entry};
use super::node::{Node, quote, toml_quote};
use super::{Problems, with_gap};
use crate::code;
use crate::keys;
use crate::name::{NAME_RULE, VARIABLE_RULE, is_name, is_variable};
use crate::origin::parse_origin;
use crate::{ByteSize, Diagnostic, Grants, NetGrant, Span, Spanned, suggest};

/// Linux gives out at most this many process ids (PID_MAX_LIMIT).
const MAX_PROCESSES: u64 = 4_194_304;

/// A component's memory has 32-bit addresses.
const MAX_MEMORY: ByteSize = ByteSize(4 << 30);

/// The named sets of `[grants]`.
#[derive(Debug, Default)]
pub(super) struct GrantSets {
    sets: BTreeMap<String, GrantSet>,
}

#[derive(Debug)]
struct GrantSet {
    grants: Grants,
    has_gap: bool,
    key: Span,
    used: bool,
}

impl GrantSets {
    pub(super) fn read(node: &Node<'_>, targets: &[&str], problems: &mut Problems) -> Self {
        let mut sets = BTreeMap::new();
        for entry in node.entries(problems).unwrap_or_default() {
            check_name(&entry, problems);
            let title = format!("[grants.{}]", entry.name);
            let (grants, has_gap) = with_gap(problems, |problems| read_table(&entry, &title, targets, problems));
            let set = GrantSet {
                grants,
                has_gap,
                key: entry.key,
                used: false,
            };
            sets.insert(entry.name.to_owned(), set);
        }
        Self { sets }
    }

    /// A stage's `grant`: a table, a set's name, or a list of both; and whether some of it could not be read.
    pub(super) fn resolve(&mut self, node: &Node<'_>, targets: &[&str], problems: &mut Problems) -> (Grants, bool) {
        let mut of_a_set = false;
        let (grants, here) = with_gap(problems, |problems| self.united(node, targets, &mut of_a_set, problems));
        (grants, here || of_a_set)
    }

    fn united(&mut self, node: &Node<'_>, targets: &[&str], has_gap: &mut bool, problems: &mut Problems) -> Grants {
        let mut grants = Grants::default();
        let parts = match node.value {
            DeValue::Array(_) => node.list("names of sets and tables", problems),
            _ => vec![node.clone()],
        };
        for part in parts {
            match part.value {
                DeValue::Table(_) => grants.merge(read_table(&part, "`grant`", targets, problems), problems),
                DeValue::String(name) => {
                    if let Some(set) = self.named(name, &part.span, problems) {
                        *has_gap |= set.has_gap;
                        grants.merge(set.grants.clone(), problems);
                    }
                }
                _ => problems.push(part.wrong_type("a table, a set's name, or a list of them")),
            }
        }
        grants
    }

    fn named(&mut self, name: &str, span: &Span, problems: &mut Problems) -> Option<&GrantSet> {
        if self.sets.contains_key(name) {
            let set = self.sets.get_mut(name)?;
            set.used = true;
            return Some(set);
        }
        let message = format!("there is no set of grants {}", quote(name));
        let problem = Diagnostic::error(code::UNKNOWN_GRANT_SET, message);
        let names: Vec<_> = self.sets.keys().map(String::as_str).collect();
        let meant = suggest(name, names.iter().copied()).map(str::to_owned);
        problems.push(match &meant {
            Some(meant) => problem.at(span, format!("did you mean `{meant}`?")),
            None if keys::GRANT.names.contains(&name) => problem
                .at(span, "this is a key, not a set")
                .help(format!("write `grant = {{ {name} = … }}`")),
            None if names.is_empty() => problem
                .at(span, "unknown set")
                .help("the manifest has no `[grants.NAME]`; write one, or the grants themselves: `grant = { … }`"),
            None => problem
                .at(span, "unknown set")
                .help(format!("known sets: {}", listed(&names))),
        });
        // One slip shall not also be told as a set that nobody uses.
        if let Some(set) = meant.and_then(|meant| self.sets.get_mut(&meant)) {
            set.used = true;
        }
        None
    }

    pub(super) fn warn_unused(&self, problems: &mut Problems) {
        for (name, set) in self.sets.iter().filter(|(_, set)| !set.used) {
            let message = format!("no stage uses the set of grants `{name}`");
            let problem =
                Diagnostic::warning(code::UNUSED_GRANT_SET, message).at(&set.key, "a set gives nothing by itself");
            problems.push(problem.help(format!("write `grant = \"{name}\"` in a stage, or remove the set")));
        }
    }
}

pub(super) fn check_name(entry: &Node<'_>, problems: &mut Problems) {
    if !is_name(entry.name) {
        let message = format!("{} is not a name", quote(entry.name));
        problems.push(Diagnostic::error(code::INVALID_NAME, message).at(&entry.key, NAME_RULE));
    }
}

fn read_table(node: &Node<'_>, title: &str, targets: &[&str], problems: &mut Problems) -> Grants {
    let Some(fields) = Fields::open(node, title, &keys::GRANT, problems) else {
        return Grants::default();
    };
    let mut grants = Grants::default();
    for entry in fields.list("read", "paths", problems) {
        let path = entry.parsed(code::INVALID_PATH, "a path for `read`", problems, outside_path);
        add_entry(&mut grants.read, path, problems);
    }
    for entry in fields.list("write", "folders", problems) {
        let path = entry.parsed(code::INVALID_PATH, "a folder for `write`", problems, workspace_folder);
        add_entry(&mut grants.write, path, problems);
    }
    for entry in fields.list("net", "destinations", problems) {
        add_entry(&mut grants.net, net_entry(&entry, problems), problems);
    }
    for entry in fields.list("env", "names", problems) {
        let rule = |text: &str| is_variable(text).then(|| text.to_owned()).ok_or(VARIABLE_RULE);
        let name = entry.parsed(code::INVALID_NAME, "a variable's name", problems, rule);
        add_entry(&mut grants.env, name, problems);
    }
    for entry in fields.list("http", "origins", problems) {
        let origin = entry.parsed(code::INVALID_ORIGIN, "an origin", problems, parse_origin);
        add_entry(&mut grants.http, origin, problems);
    }
    for entry in fields.list("ssh", "targets", problems) {
        add_entry(&mut grants.ssh, target_name(&entry, targets, problems), problems);
    }
    if let Some(node) = fields.get("exec") {
        grants.exec = bindings(node, "programs", problems, |program, problems| {
            program.parsed(code::INVALID_PROGRAM, "a program", problems, one_program)
        });
    }
    if let Some(node) = fields.get("secrets") {
        grants.secrets = bindings(node, "names", problems, |secret, problems| {
            let rule = |text: &str| is_name(text).then(|| text.to_owned()).ok_or(NAME_RULE);
            secret.parsed(code::INVALID_NAME, "a secret's name", problems, rule)
        });
    }
    grants.source = fields.get("source").and_then(|node| node.boolean(problems));
    grants.memory = fields.get("memory").and_then(|node| component_memory(node, problems));
    grants.program_memory = fields.get("program-memory").and_then(|node| node.size(problems));
    grants.processes = fields
        .get("processes")
        .and_then(|node| node.count(MAX_PROCESSES, problems));
    grants.output = fields.get("output").and_then(|node| node.size(problems));
    grants
}

/// `{ git = "/usr/bin/git" }`, or `["git"]`, which is short for `{ git = "git" }`.
fn bindings<'a>(
    node: &Node<'a>,
    of: &str,
    problems: &mut Problems,
    read: impl Fn(&Node<'a>, &mut Problems) -> Option<Spanned<String>>,
) -> BTreeMap<String, Spanned<String>> {
    let mut bound = BTreeMap::new();
    if let DeValue::Table(_) = node.value {
        for entry in node.entries(problems).unwrap_or_default() {
            check_name(&entry, problems);
            bound.extend(read(&entry, problems).map(|value| (entry.name.to_owned(), value)));
        }
        return bound;
    }
    for entry in node.list(&format!("{of}, or a table"), problems) {
        let Some(value) = read(&entry, problems) else { continue };
        if !is_name(&value) {
            let message = format!("{} is a path, not a name", quote(&value.value));
            let own = Path::new(&value.value)
                .file_name()
                .map_or("NAME".into(), |name| name.to_string_lossy());
            let problem = Diagnostic::error(code::INVALID_PROGRAM, message).at(&value.span, "expected a name here");
            let line = format!("{} = {{ {own} = {} }}", node.name, toml_quote(&value.value));
            problems.push(problem.help(format!("bind it to the name that the stage asks for: `{line}`")));
        } else if let Some(first) = bound.get(&value.value) {
            add_entry(&mut vec![first.clone()], Some(value), problems);
        } else {
            bound.insert(value.value.clone(), value);
        }
    }
    bound
}

fn net_entry(entry: &Node<'_>, problems: &mut Problems) -> Option<Spanned<NetGrant>> {
    if !entry.is_table() {
        return entry.parsed(code::INVALID_NET, "a destination", problems, str::parse::<NetGrant>);
    }
    let fields = Fields::open(entry, "an entry of `net`", &keys::NET, problems)?;
    let to = fields.required("to", "to = \"HOST:PORT\"", "the destination", problems)?;
    let to = to.parsed(code::INVALID_NET, "a destination", problems, str::parse::<NetGrant>)?;
    let private = fields.get("private").and_then(|node| node.boolean(problems));
    let rule = |text: &str| is_name(text).then(|| text.to_owned()).ok_or(NAME_RULE);
    let credentials = fields
        .get("credentials")
        .and_then(|node| node.parsed(code::INVALID_NAME, "a secret's name", problems, rule));
    let is_host = matches!(to.value, NetGrant::Host { .. });
    let is_index = matches!(to.value, NetGrant::PythonIndex { .. });
    let mut misplaced = |what: &str, span: &Span| {
        let problem = Diagnostic::error(code::INVALID_NET, what);
        problems.push(problem.at(span, "remove it here"));
    };
    match (&private, &credentials) {
        (Some(private), _) if !is_host => {
            misplaced("`private` is for `host:port` only", &private.span);
            return None;
        }
        (_, Some(credentials)) if !is_index => {
            misplaced("`credentials` is for `@python-index` only", &credentials.span);
            return None;
        }
        _ => {}
    }
    let net = match to.value {
        NetGrant::Host { host, port, .. } => NetGrant::Host {
            host,
            port,
            private: private.is_some_and(|private| private.value),
        },
        NetGrant::PythonIndex { .. } => NetGrant::PythonIndex {
            credentials: credentials.map(|credentials| credentials.value),
        },
        other => other,
    };
    Some(Spanned::new(net, entry.span.clone()))
}

fn target_name(entry: &Node<'_>, targets: &[&str], problems: &mut Problems) -> Option<Spanned<String>> {
    let name = entry.text(problems)?;
    if targets.contains(&name.as_str()) {
        return Some(name);
    }
    let problem = Diagnostic::error(code::UNKNOWN_TARGET, format!("there is no target {}", quote(&name)));
    problems.push(match suggest(&name, targets.iter().copied()) {
        Some(meant) => problem.at(&name.span, format!("did you mean `{meant}`?")),
        None if targets.is_empty() => problem
            .at(&name.span, "unknown target")
            .help("describe it: its hosts, the secret that holds the key, and the hosts' public keys")
            .paste(format!(
                "[targets.{}]\nhosts = [\"deploy@staging.example.com\"]\nkey = \"deploy-key\"\nknown-hosts = \"deploy/known_hosts\"",
                if is_name(&name) { &name } else { "staging" }
            )),
        None => problem
            .at(&name.span, "unknown target")
            .help(format!("known targets: {}", listed(targets))),
    });
    None
}

fn component_memory(node: &Node<'_>, problems: &mut Problems) -> Option<Spanned<ByteSize>> {
    let size = node.size(problems)?;
    if size.value > MAX_MEMORY {
        let problem = Diagnostic::error(code::INVALID_SIZE, "`memory` is more than a component can have");
        let problem = problem.at(&size.span, "expected at most `4GiB`");
        problems.push(problem.help("`program-memory` is the limit of the native programs"));
        return None;
    }
    Some(size)
}

fn one_program(text: &str) -> Result<String, &'static str> {
    match text {
        _ if text.contains('*') => Err("expected one program; a pattern is not possible"),
        _ if text.contains(char::is_whitespace) && !text.starts_with(['/', '.', '~']) => {
            Err("expected the program alone; its arguments are the stage's business")
        }
        _ if text.split('/').any(|part| part == "..") => Err("expected a path without `..`"),
        _ => Ok(text.to_owned()),
    }
}

fn outside_path(text: &str) -> Result<PathBuf, &'static str> {
    match text {
        _ if text.split('/').any(|part| part == "..") => Err("expected a path without `..`"),
        "~" => Ok(text.into()),
        _ if text.starts_with("~/") || text.starts_with('/') => Ok(text.into()),
        _ => Err("the workspace can be read without a grant; expected `/…` or `~/…`"),
    }
}

/// Relative, without detours; `.` is the workspace itself.
fn workspace_folder(text: &str) -> Result<PathBuf, &'static str> {
    if text.starts_with(['/', '~']) {
        return Err("expected a folder of the workspace, relative to it");
    }
    let mut folder = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::Normal(part) if part == ".git" || part == ".tidegate" => {
                return Err("no stage sees this folder, so none can write there");
            }
            Component::Normal(part) => folder.push(part),
            Component::CurDir => {}
            _ => return Err("expected a folder inside the workspace, without `..`"),
        }
    }
    Ok(if folder.as_os_str().is_empty() {
        ".".into()
    } else {
        folder
    })
}
