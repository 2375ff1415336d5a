//! The warning about a repository that can't be read. Who never asks for it is not told: an image without git is good enough
//! for a pipeline that only runs tests.

use serde_json::Value;
use tidegate_manifest::{Diagnostic, HostKeys, Manifest, Stage, Target};

use super::Seen;
use crate::expression::{Expr, Template};
use crate::pipeline::Pipeline;
use crate::plan::Plan;

impl Seen {
    /// A run goes on without a repository; whoever waits for a stage that is only for one branch has to hear of it.
    pub fn warning(&self, pipeline: &Pipeline, plan: &Plan) -> Option<Diagnostic> {
        let reason = self.unreadable.as_ref()?;
        if !is_used(&pipeline.manifest, plan) {
            return None;
        }
        let message = format!("the repository can't be read: {reason}");
        let warning = Diagnostic::warning("source/unreadable", message);
        let help = "commit and tag are null, and branch is unless a CI system names it: `when` may skip stages";
        Some(warning.help(help))
    }
}

/// Whether something that runs may know the repository, or speaks of it in an expression.
fn is_used(manifest: &Manifest, plan: &Plan) -> bool {
    let planned = |stage: &&Stage| plan.stages.iter().any(|planned| planned.name == stage.name.value);
    let reached = |target: &&Target| plan.targets.contains_key(&target.name.value);
    plan.stages.iter().any(|stage| stage.grant.source)
        || manifest.env.values().any(|text| speaks_of_it(text))
        || manifest.stages.iter().filter(planned).any(of_stage)
        || manifest.targets.values().filter(reached).any(of_target)
}

fn of_stage(stage: &Stage) -> bool {
    let when = stage.when.as_ref().and_then(|when| Expr::parse(when).ok());
    when.is_some_and(|when| when.needs_source())
        || stage.env.values().any(|text| speaks_of_it(text))
        || in_value(&stage.with.value)
}

fn of_target(target: &Target) -> bool {
    let keys = match &target.host_keys {
        HostKeys::Keys(keys) => keys.as_slice(),
        HostKeys::KnownHosts(path) => std::slice::from_ref(path),
    };
    target.hosts.iter().chain(keys).any(|text| speaks_of_it(text))
}

fn in_value(value: &Value) -> bool {
    match value {
        Value::String(text) => speaks_of_it(text),
        Value::Array(items) => items.iter().any(in_value),
        Value::Object(entries) => entries.values().any(in_value),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn speaks_of_it(text: &str) -> bool {
    Template::parse(text).is_ok_and(|template| template.expressions().any(Expr::needs_source))
}

#[cfg(test)]
mod tests {
    use tidegate_manifest::{Source, parse};

    use super::*;

    fn manifest(text: &str) -> Manifest {
        let text = format!("{text}\n[stages.it]\nuses = \"command\"\n");
        parse(&Source::new("tidegate.toml", text)).unwrap().manifest
    }

    #[test]
    fn every_place_of_an_expression_is_seen() {
        for text in [
            "[env]\nA = \"${branch}\"",
            "[env]\nA = \"x ${commit != null ? commit : ''}\"",
        ] {
            assert!(is_used(&manifest(text), &Plan::default()), "{text}");
        }
        for text in [
            "",
            "[env]\nA = \"branch\"",
            "[vars]\nbranch = 1\n[env]\nA = \"${vars.branch}\"",
        ] {
            assert!(!is_used(&manifest(text), &Plan::default()), "{text}");
        }
        let stage = |text: &str| {
            let text = format!("[stages.a]\nuses = \"command\"\n{text}");
            of_stage(&manifest(&text).stages[0])
        };
        assert!(stage("when = \"tag == null\""));
        assert!(stage("env = { A = \"${tag}\" }"));
        assert!(stage("with = { list = [{ deep = \"${branch == 'main'}\" }] }"));
        assert!(!stage(
            "when = \"vars.tag == 'branch'\"\nwith = { branch = [\"tag\", 1, true] }"
        ));
    }
}
