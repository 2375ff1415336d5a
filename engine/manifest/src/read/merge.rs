//! Several sets of grants as one. What they say differently is an error: there is no order in which one could win.

use std::collections::BTreeMap;

use super::Problems;
use crate::code;
use crate::{Diagnostic, Grants, NetGrant, Span, Spanned};

pub(super) trait Merge {
    fn merge(&mut self, other: Self, problems: &mut Problems);
}

impl Merge for Grants {
    fn merge(&mut self, other: Self, problems: &mut Problems) {
        unite(&mut self.read, other.read);
        unite(&mut self.write, other.write);
        unite(&mut self.env, other.env);
        unite(&mut self.ssh, other.ssh);
        unite(&mut self.http, other.http);
        merge_net(&mut self.net, other.net, problems);
        merge_bindings("exec", &mut self.exec, other.exec, problems);
        merge_bindings("secrets", &mut self.secrets, other.secrets, problems);
        merge_value("source", &mut self.source, other.source, problems);
        merge_value("memory", &mut self.memory, other.memory, problems);
        merge_value(
            "program-memory",
            &mut self.program_memory,
            other.program_memory,
            problems,
        );
        merge_value("processes", &mut self.processes, other.processes, problems);
        merge_value("output", &mut self.output, other.output, problems);
    }
}

/// Adds an entry of one list, with a warning where the list has it already.
pub(super) fn add_entry<T: PartialEq>(list: &mut Vec<Spanned<T>>, entry: Option<Spanned<T>>, problems: &mut Problems) {
    let Some(entry) = entry else { return };
    match list.iter().find(|other| other.value == entry.value) {
        None => list.push(entry),
        Some(first) => problems.push(
            Diagnostic::warning(code::DUPLICATE_ENTRY, "the list names this twice")
                .at(&entry.span, "again here")
                .also(&first.span, "first here"),
        ),
    }
}

fn unite<T: PartialEq>(list: &mut Vec<Spanned<T>>, other: Vec<Spanned<T>>) {
    for entry in other {
        if !list.iter().any(|own| own.value == entry.value) {
            list.push(entry);
        }
    }
}

fn merge_net(list: &mut Vec<Spanned<NetGrant>>, other: Vec<Spanned<NetGrant>>, problems: &mut Problems) {
    for entry in other {
        match list.iter().find(|own| same_destination(&own.value, &entry.value)) {
            None => list.push(entry),
            Some(own) if own.value == entry.value => {}
            Some(own) => problems.push(conflict(&format!("`{}`", entry.value), &own.span, &entry.span)),
        }
    }
}

fn same_destination(one: &NetGrant, other: &NetGrant) -> bool {
    match (one, other) {
        (
            NetGrant::Host { host, port, .. },
            NetGrant::Host {
                host: other,
                port: other_port,
                ..
            },
        ) => host == other && port == other_port,
        _ => one == other,
    }
}

fn merge_bindings(
    key: &str,
    own: &mut BTreeMap<String, Spanned<String>>,
    other: BTreeMap<String, Spanned<String>>,
    problems: &mut Problems,
) {
    for (name, value) in other {
        match own.get(&name) {
            Some(first) if first.value != value.value => {
                problems.push(conflict(&format!("`{key}.{name}`"), &first.span, &value.span));
            }
            Some(_) => {}
            None => {
                own.insert(name, value);
            }
        }
    }
}

fn merge_value<T: PartialEq>(
    key: &str,
    own: &mut Option<Spanned<T>>,
    other: Option<Spanned<T>>,
    problems: &mut Problems,
) {
    match (&own, other) {
        (_, None) => {}
        (None, other) => *own = other,
        (Some(first), Some(other)) if first.value != other.value => {
            problems.push(conflict(&format!("`{key}`"), &first.span, &other.span));
        }
        (Some(_), Some(_)) => {}
    }
}

fn conflict(what: &str, first: &Span, second: &Span) -> Diagnostic {
    let message = format!("{what} is granted in two different ways");
    Diagnostic::error(code::GRANT_CONFLICT, message)
        .at(second, "and differently here")
        .also(first, "granted here")
        .help("a stage gets the union of its sets; let only one of them say this")
}

#[cfg(test)]
mod tests {
    use crate::{Source, parse};

    fn grants(sets: &str, grant: &str) -> Result<crate::Grants, Vec<&'static str>> {
        let text = format!("[grants]\n{sets}\n[stages.a]\nuses = \"x\"\ngrant = {grant}\n");
        parse(&Source::new("t", text))
            .map(|parsed| parsed.manifest.stages[0].grant.clone())
            .map_err(|problems| problems.iter().map(|problem| problem.code).collect())
    }

    #[test]
    fn a_stage_gets_the_union() {
        let sets =
            "p = { exec = { python = \"python3\" }, env = [\"A\"] }\nq = { env = [\"B\", \"A\"], source = true }";
        let all = grants(sets, "[\"p\", \"q\", { exec = [\"git\"] }]").unwrap();
        assert_eq!(all.exec.keys().collect::<Vec<_>>(), ["git", "python"]);
        assert_eq!(all.env.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["A", "B"]);
        assert!(all.source.unwrap().value);
    }

    #[test]
    fn the_same_twice_is_fine_and_a_difference_is_not() {
        let sets = "p = { exec = { python = \"python3\" }, memory = \"1GiB\" }";
        assert!(
            grants(
                sets,
                "[\"p\", { exec = { python = \"python3\" }, memory = \"1024MiB\" }]"
            )
            .is_ok()
        );
        let differ = "[\"p\", { exec = { python = \".venv/bin/python\" }, memory = \"2GiB\" }]";
        assert_eq!(grants(sets, differ).unwrap_err(), ["manifest/grant-conflict"; 2]);
        let net = "p = { net = [{ to = \"db.corp:5432\", private = true }] }";
        assert_eq!(
            grants(net, "[\"p\", { net = [\"db.corp:5432\"] }]").unwrap_err(),
            ["manifest/grant-conflict"]
        );
    }
}
