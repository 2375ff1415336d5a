//! `[targets.NAME]`.

use std::path::Path;
use std::time::Duration;

use super::Problems;
use super::fields::Fields;
use super::grants::check_name;
use super::node::Node;
use crate::code;
use crate::host_key::check_host_key;
use crate::keys;
use crate::name::{NAME_RULE, is_name};
use crate::{Diagnostic, HostKeys, HostSpec, Spanned, Target};

const MIN_CONNECT_TIMEOUT: Duration = Duration::from_millis(1);

/// More often would be traffic for nothing.
const MIN_KEEPALIVE: Duration = Duration::from_secs(1);

/// `None` where something is missing; all mistakes are reported.
pub(super) fn read_target(node: &Node<'_>, problems: &mut Problems) -> Option<Target> {
    check_name(node, problems);
    let fields = Fields::open(node, &format!("[targets.{}]", node.name), &keys::TARGET, problems)?;
    let hosts = fields.required("hosts", "hosts = [\"USER@HOST\"]", "one or more of them", problems);
    let hosts = hosts.map(|node| read_hosts(node, problems));
    let key = fields.required(
        "key",
        "key = \"NAME\"",
        "the secret that holds the private key",
        problems,
    );
    let key = key.and_then(|node| secret_name(node, problems));
    let passphrase = fields.get("passphrase").and_then(|node| secret_name(node, problems));
    let connect_timeout = fields.get("connect-timeout");
    let connect_timeout = connect_timeout.and_then(|node| node.duration(MIN_CONNECT_TIMEOUT, problems));
    let keepalive = fields
        .get("keepalive")
        .and_then(|node| node.duration(MIN_KEEPALIVE, problems));
    let host_keys = host_keys(&fields, node.name, problems);
    Some(Target {
        name: Spanned::new(node.name.to_owned(), node.key.clone()),
        hosts: hosts?,
        key: key?,
        passphrase,
        host_keys: host_keys?,
        connect_timeout,
        keepalive,
    })
}

fn secret_name(node: &Node<'_>, problems: &mut Problems) -> Option<Spanned<String>> {
    let rule = |text: &str| is_name(text).then(|| text.to_owned()).ok_or(NAME_RULE);
    node.parsed(code::INVALID_NAME, "a secret's name", problems, rule)
}

fn read_hosts(node: &Node<'_>, problems: &mut Problems) -> Vec<Spanned<String>> {
    let mut hosts: Vec<Spanned<String>> = Vec::new();
    for entry in filled_list(node, "hosts", problems) {
        let rule = |text: &str| match has_expression(text) {
            true => Ok(text.to_owned()),
            false => text.parse::<HostSpec>().map(|host| host.to_string()),
        };
        let Some(host) = entry.parsed(code::INVALID_HOST, "a host of a target", problems, rule) else {
            continue;
        };
        match hosts.iter().find(|other| other.value == host.value) {
            None => hosts.push(host),
            // Unlike other lists: two deployments to one host at once would race.
            Some(first) => problems.push(
                Diagnostic::error(
                    code::DUPLICATE_ENTRY,
                    format!("the host `{}` is listed twice", host.value),
                )
                .at(&host.span, "again here")
                .also(&first.span, "first here"),
            ),
        }
    }
    hosts
}

/// What an expression gives is checked by the planner, which evaluates it.
fn has_expression(text: &str) -> bool {
    text.contains("${")
}

fn host_keys(fields: &Fields<'_>, target: &str, problems: &mut Problems) -> Option<HostKeys> {
    match (fields.get("host-keys"), fields.get("known-hosts")) {
        (Some(node), None) => {
            let rule = |text: &str| match has_expression(text) {
                true => Ok(text.to_owned()),
                false => check_host_key(text).map(|()| text.to_owned()),
            };
            let entries = filled_list(node, "public keys", problems).into_iter();
            let keys = entries.filter_map(|entry| entry.parsed(code::INVALID_HOST_KEY, "a host key", problems, rule));
            Some(HostKeys::Keys(keys.collect()))
        }
        (None, Some(node)) => {
            let file = node.parsed(code::INVALID_PATH, "in the workspace", problems, workspace_file)?;
            Some(HostKeys::KnownHosts(file))
        }
        (Some(keys), Some(file)) => {
            let message = format!("[targets.{target}] has two sources of host keys");
            let problem = Diagnostic::error(code::HOST_KEYS, message).at(&file.key, "and here");
            problems.push(
                problem
                    .also(&keys.key, "here")
                    .help("keep either `host-keys` or `known-hosts`"),
            );
            None
        }
        (None, None) => {
            let message = format!("[targets.{target}] has no host keys");
            let problem = Diagnostic::error(code::HOST_KEYS, message).at(&fields.span, "the hosts can't be recognised");
            problems.push(
                problem
                    .help("write `host-keys`, or `known-hosts = \"FILE\"`")
                    .help("`ssh-keyscan HOST` prints the keys; compare them with the host's own before you trust them")
                    .paste("host-keys = [\"ssh-ed25519 AAAA…\"]"),
            );
            None
        }
    }
}

fn filled_list<'a>(node: &Node<'a>, of: &str, problems: &mut Problems) -> Vec<Node<'a>> {
    if node.value.as_array().is_some_and(|items| items.is_empty()) {
        let problem = Diagnostic::error(code::EMPTY, format!("`{}` is empty", node.name));
        problems.push(problem.at(&node.span, format!("expected one or more {of}")));
    }
    node.list(of, problems)
}

fn workspace_file(text: &str) -> Result<String, &'static str> {
    if text.starts_with('~') || Path::new(text).is_absolute() {
        return Err("expected a file of the workspace, relative to it");
    }
    match text.split('/').any(|part| part == "..") {
        true => Err("expected a file inside the workspace, without `..`"),
        false => Ok(text.to_owned()),
    }
}
