//! A plan in plain words: all that each stage may read, write, run, reach and know.

use std::path::Path;

use tidegate_manifest::ByteSize;
use tidegate_runner::plan::{HostKeysPlan, Plan, StagePlan};
use tidegate_runner::planner::net_text;
use tidegate_runner::program::Program;
use tidegate_runner::{Host, not_enforced};

use super::duration;
use super::palette::{BOLD, DIM, RESET, YELLOW};
use super::summary::counted;

/// What no manifest has to grant.
const BASE: &str = "\
Every stage, without a grant
  reads    the workspace, but not .git, .env, .env.* (without *.example),
           .tidegate and what the manifest hides
  writes   its own scratch folder, which is removed at its end
  knows    the time, random numbers, its configuration, and outputs and
           artifacts of the stages that it needs; a small memory of its own
           between runs
  reports  log lines, findings, tests, outputs, artifacts

Every program that a stage runs
  sees     what its stage sees, the system's programs and libraries, its
           toolchain
  writes   anywhere in the workspace, into a copy that is thrown away at the
           stage's end; only the folders under `writes` are the real ones
  reaches  its own loopback
";

pub(crate) fn plan_text(plan: &Plan, host: &Host) -> String {
    let mut text = String::new();
    let place = match (&plan.source.branch, &plan.source.commit) {
        (Some(branch), Some(commit)) => format!(", {} on {branch}", &commit[..commit.len().min(10)]),
        (None, Some(commit)) => format!(", {}", &commit[..commit.len().min(10)]),
        _ => String::new(),
    };
    text.push_str(&format!(
        "{BOLD}{}{RESET}: {}{place}\n\n",
        plan.pipeline,
        counted(plan.stages.len() as u64, "stage")
    ));
    text.push_str(BASE);
    if !plan.hide.is_empty() {
        text.push_str(&format!("\nThe manifest hides {}\n", plan.hide.join(", ")));
    }
    for stage in &plan.stages {
        text.push('\n');
        stage_text(&mut text, stage, plan, host);
    }
    for (stage, reason) in &plan.left_out {
        text.push_str(&format!("\n{DIM}{stage}: {reason}{RESET}"));
    }
    if !plan.left_out.is_empty() {
        text.push('\n');
    }
    for gap in not_enforced(plan) {
        text.push_str(&format!("\n{YELLOW}not enforced{RESET}: {gap}"));
    }
    text.push('\n');
    text
}

fn stage_text(text: &mut String, stage: &StagePlan, plan: &Plan, host: &Host) {
    let plugin = &stage.plugin;
    let digest = plugin.digest.to_string();
    let digest = &digest[..digest.len().min("sha256:".len() + 12)];
    let head = format!("{} {} ({}, {digest})", plugin.name, plugin.version, plugin.origin);
    text.push_str(&format!("{BOLD}{}{RESET}  {DIM}{head}{RESET}\n", stage.name));
    let mut row = |label: &str, lines: Vec<String>| {
        for (index, line) in lines.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            text.push_str(&format!("  {label:<8} {line}\n"));
        }
    };
    let needs: Vec<_> = stage.needs.iter().map(ToString::to_string).collect();
    row(
        "after",
        if needs.is_empty() {
            vec![]
        } else {
            vec![needs.join(", ")]
        },
    );
    row("when", stage.when.iter().cloned().collect());
    row("runs", programs(stage, plan));
    row(
        "reads",
        stage.grant.read.iter().map(|path| path.display().to_string()).collect(),
    );
    row("writes", stage.grant.write.iter().map(|path| folder(path)).collect());
    row("reaches", network(stage, plan));
    row("http", stage.grant.http.clone());
    row(
        "ssh",
        stage.grant.ssh.iter().flat_map(|name| target(name, plan)).collect(),
    );
    row("knows", knowledge(stage, host));
    let limits = [
        duration(stage.timeout_ms),
        format!("memory {}", ByteSize(stage.memory_bytes)),
        format!("output {}", ByteSize(stage.output_bytes)),
    ];
    row("limits", vec![limits.join(", ")]);
}

fn programs(stage: &StagePlan, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, program) in &stage.grant.exec {
        match program {
            Program::Host { path, toolchains } => {
                lines.push(format!("{name} = {}", path.display()));
                lines.extend(
                    toolchains
                        .iter()
                        .map(|it| format!("  with {} in {} (read-only)", it.what, it.root.display())),
                );
            }
            Program::Workspace { path } => {
                lines.push(format!(
                    "{name} = {} of the workspace, looked up when the stage starts",
                    path.display()
                ));
                let python = plan.toolchains.iter().filter(|it| it.what.starts_with("Python"));
                lines.extend(
                    python.map(|it| format!("  it may lead to {} in {} (read-only)", it.what, it.root.display())),
                );
            }
        }
    }
    lines
}

fn folder(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        ". (all of the workspace)".into()
    } else {
        path.display().to_string()
    }
}

fn network(stage: &StagePlan, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for net in &stage.grant.net {
        let private = matches!(net, tidegate_manifest::NetGrant::Host { private: true, .. });
        let private = if private { ", also at a private address" } else { "" };
        lines.push(format!("{}{private}", net_text(net)));
        if *net == tidegate_manifest::NetGrant::PythonIndex {
            let settings = plan
                .python_index
                .env
                .iter()
                .filter(|(name, _)| name.contains("INDEX") || name.contains("LINKS"));
            let settings: Vec<_> = settings.map(|(name, value)| format!("  {name}={value}")).collect();
            lines.push(if settings.is_empty() {
                "  the default index of pip and uv".into()
            } else {
                settings.join("\n           ")
            });
        }
    }
    lines
}

fn target(name: &str, plan: &Plan) -> Vec<String> {
    let Some(target) = plan.targets.get(name) else {
        return Vec::new();
    };
    let keys = match &target.host_keys {
        HostKeysPlan::Keys(keys) => counted(keys.len() as u64, "pinned host key"),
        HostKeysPlan::KnownHosts(_) => "a known_hosts file".into(),
    };
    vec![
        format!("{name}: {}", target.hosts.join(", ")),
        format!("  with the secret {} as key, and {keys}", target.key),
    ]
}

fn knowledge(stage: &StagePlan, host: &Host) -> Vec<String> {
    let mut lines = Vec::new();
    if stage.runs_programs() && !stage.env.is_empty() {
        let names: Vec<_> = stage.env.keys().map(String::as_str).collect();
        lines.push(format!("variables of the manifest: {}", names.join(", ")));
    }
    for name in &stage.grant.env {
        let state = if host.var(name).is_some() { "" } else { " (not set)" };
        lines.push(format!("your variable {name}{state}"));
    }
    lines.extend(
        stage
            .grant
            .secrets
            .iter()
            .map(|(name, secret)| format!("the secret {secret}, as {name}")),
    );
    if stage.grant.source {
        lines.push("the repository's commit, branch, tag and changed files".into());
    }
    lines
}
