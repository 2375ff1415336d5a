//! A plan in plain words: all that each stage may read, write, run, reach and know.

use std::path::Path;

use tidegate_confine::{CellSpec, system_set};
use tidegate_manifest::{ByteSize, NetGrant};
use tidegate_runner::plan::{HostKeysPlan, Plan, StagePlan};
use tidegate_runner::planner::net_text;
use tidegate_runner::program::{Program, Toolchain};
use tidegate_runner::{Host, not_enforced};
use tidegate_sandbox::DEFAULT_LIMITS;

use super::duration;
use super::hang;
use super::palette::{BOLD, DIM, RESET, YELLOW};
use super::summary::counted;

/// A plan on its way to a page of so many columns.
struct Page<'a> {
    plan: &'a Plan,
    host: &'a Host,
    width: usize,
    text: String,
}

pub(crate) fn plan_text(plan: &Plan, host: &Host, width: usize) -> String {
    let text = String::new();
    let mut page = Page {
        plan,
        host,
        width,
        text,
    };
    page.head();
    page.base();
    page.hidden();
    for stage in &plan.stages {
        page.text.push('\n');
        page.stage(stage);
    }
    page.left_out();
    page.gaps();
    page.text
}

impl Page<'_> {
    fn line(&mut self, lead: &str, text: &str) {
        self.text.push_str(&hang(lead, text, Some(self.width)));
        self.text.push('\n');
    }

    fn row(&mut self, label: &str, lines: &[String]) {
        for (index, line) in lines.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            self.line(&format!("  {label:<8} "), line);
        }
    }

    fn head(&mut self) {
        let source = &self.plan.source;
        let commit = source.commit.as_ref().map(|commit| &commit[..commit.len().min(10)]);
        let place = match (&source.branch, commit) {
            (Some(branch), Some(commit)) => format!(", {commit} on {branch}"),
            (None, Some(commit)) => format!(", {commit}"),
            _ => String::new(),
        };
        let stages = counted(self.plan.stages.len() as u64, "stage");
        self.line("", &format!("{BOLD}{}{RESET}: {stages}{place}", self.plan.pipeline));
    }

    /// What no manifest has to grant.
    fn base(&mut self) {
        self.text.push_str("\nEvery stage, without a grant\n");
        for (label, text) in BASE_OF_STAGES {
            self.line(&format!("  {label:<8} "), text);
        }
        if !self.plan.stages.iter().any(StagePlan::runs_programs) {
            return;
        }
        self.text.push_str("\nEvery program that a stage runs\n");
        for (label, text) in base_of_programs() {
            self.row(label, &[text]);
        }
        if self.plan.stages.iter().any(|stage| !stage.grant.net.is_empty()) {
            let files = system_set().with_network().join(", ");
            self.text.push_str("\nEvery program of a stage with `reaches`\n");
            self.row("sees", &[format!("of this machine also {files}")]);
        }
    }

    fn hidden(&mut self) {
        if !self.plan.hide.is_empty() {
            self.text.push('\n');
            self.line("The manifest hides ", &self.plan.hide.join(", "));
        }
    }

    fn stage(&mut self, stage: &StagePlan) {
        let (plan, host) = (self.plan, self.host);
        let plugin = &stage.plugin;
        let digest = plugin.digest.to_string();
        let digest = &digest[..digest.len().min("sha256:".len() + 12)];
        let head = format!("{} {} ({}, {digest})", plugin.name, plugin.version, plugin.origin);
        self.line("", &format!("{BOLD}{}{RESET}  {DIM}{head}{RESET}", stage.name));
        let needs: Vec<_> = stage.needs.iter().map(ToString::to_string).collect();
        if !needs.is_empty() {
            self.row("after", &[needs.join(", ")]);
        }
        self.row("when", stage.when.as_slice());
        self.row("runs", &programs(stage, plan));
        self.row("reads", &reads(stage, plan));
        let writes: Vec<_> = stage.grant.write.iter().map(|path| folder(path)).collect();
        self.row("writes", &writes);
        self.row("reaches", &network(stage, plan));
        self.row("http", &stage.grant.http);
        let targets: Vec<_> = stage.grant.ssh.iter().flat_map(|name| target(name, plan)).collect();
        self.row("ssh", &targets);
        self.row("knows", &knowledge(stage, plan, host));
        let mut limits = vec![
            duration(stage.timeout_ms),
            format!("memory {}", ByteSize(stage.memory_bytes)),
            format!("output {}", ByteSize(stage.output_bytes)),
        ];
        limits.extend(
            stage
                .program_memory_bytes
                .map(|bytes| format!("memory of programs {}", ByteSize(bytes))),
        );
        limits.extend(stage.processes.map(|most| format!("at most {most} processes")));
        // What everybody has is not worth a word; the stage or the manifest wanted another one.
        if u128::from(stage.stop_grace_ms) != DEFAULT_LIMITS.stop_grace.as_millis() {
            limits.push(format!("stop grace {}", duration(stage.stop_grace_ms)));
        }
        self.row("limits", &[limits.join(", ")]);
    }

    fn left_out(&mut self) {
        if !self.plan.left_out.is_empty() {
            self.text.push('\n');
        }
        for (stage, reason) in &self.plan.left_out {
            self.line("", &format!("{DIM}{stage}: {reason}{RESET}"));
        }
    }

    fn gaps(&mut self) {
        let gaps = not_enforced(self.plan);
        if !gaps.is_empty() {
            self.text.push('\n');
        }
        for gap in gaps {
            self.line(&format!("{YELLOW}not enforced{RESET}: "), &gap);
        }
    }
}

const BASE_OF_STAGES: [(&str, &str); 4] = [
    (
        "reads",
        "the workspace, but not .git, .env, .env.* (without *.example), .tidegate and what the manifest hides",
    ),
    ("writes", "its own scratch folder, which is removed at its end"),
    (
        "knows",
        "the time, random numbers, its configuration, and outputs and artifacts of the stages that it needs; a small memory \
         of its own between runs",
    ),
    ("reports", "log lines, findings, tests, outputs, artifacts"),
];

/// The lists come from where they are put into effect.
fn base_of_programs() -> [(&'static str, String); 6] {
    let system = system_set();
    let names = CellSpec::new("/", "/").identity().into_iter().map(|(name, _)| name);
    [
        ("sees", "what its stage sees, and its toolchain".into()),
        (
            "",
            format!(
                "of this machine {}",
                [system.folders(), system.configuration()].concat().join(", ")
            ),
        ),
        (
            "",
            format!(
                "made for it: {}; /proc with its own processes; /dev with {}",
                system.synthetic_files().join(", "),
                system.devices().join(", ")
            ),
        ),
        (
            "writes",
            "anywhere in the workspace, into a copy that is thrown away at the stage's end; only the folders under `writes` \
             are the real ones; its stage's scratch folder, with HOME and TMPDIR in it; a /tmp and a /dev/shm of its \
             stage's own"
                .into(),
        ),
        (
            "knows",
            format!(
                "the variables {}, none of which lead to yours; its user and its host are called tidegate",
                names.collect::<Vec<_>>().join(", ")
            ),
        ),
        ("reaches", "its own loopback".into()),
    ]
}

fn programs(stage: &StagePlan, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, program) in &stage.grant.exec {
        match program {
            Program::Host { path, toolchains } => {
                lines.push(format!("{name} = {}", path.display()));
                lines.extend(toolchains.iter().map(|it| format!("  with {}", place(it))));
            }
            Program::Workspace { path } => {
                lines.push(format!(
                    "{name} = {} of the workspace, looked up when the stage starts",
                    path.display()
                ));
                let python = plan.toolchains.iter().filter(|it| it.what.starts_with("Python"));
                lines.extend(python.map(|it| format!("  it may lead to {}", place(it))));
            }
        }
    }
    lines
}

fn place(toolchain: &Toolchain) -> String {
    let links = toolchain
        .links
        .iter()
        .map(|link| format!(", also called {}", link.display()));
    let links: String = links.collect();
    format!("{} in {}{links} (read-only)", toolchain.what, toolchain.root.display())
}

fn reads(stage: &StagePlan, plan: &Plan) -> Vec<String> {
    let shown = |path: &std::path::PathBuf| path.display().to_string();
    let mut lines: Vec<_> = stage.grant.read.iter().map(shown).collect();
    if stage.grant.uses_python_index() {
        let of_index = plan.python_index.read.iter();
        lines.extend(of_index.map(|path| format!("{} (for @python-index)", path.display())));
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
        let private = matches!(net, NetGrant::Host { private: true, .. });
        let private = if private { ", also at a private address" } else { "" };
        lines.push(format!("{}{private}", net_text(net)));
        if let NetGrant::PythonIndex { credentials } = net {
            lines.extend(index(plan, credentials.as_deref()));
        }
    }
    lines
}

fn index(plan: &Plan, credentials: Option<&str>) -> Vec<String> {
    let index = &plan.python_index;
    let names_a_place = |name: &str| name.contains("INDEX") || name.contains("LINKS");
    let settings = index.env.iter().filter(|(name, _)| names_a_place(name));
    let mut lines: Vec<_> = settings.map(|(name, value)| format!("  {name}={value}")).collect();
    let hosts: Vec<_> = index.net.iter().map(net_text).collect();
    if !hosts.is_empty() {
        lines.push(format!("  that is {}", hosts.join(", ")));
    }
    match credentials {
        Some(secret) => lines.push(format!("  with the secret {secret} as user name and password")),
        None if !index.withheld.is_empty() => lines.push(
            "  without your user name and password; to give them: { to = \"@python-index\", credentials = \"SECRET\" }"
                .into(),
        ),
        None => {}
    }
    lines.extend(index.notes.iter().map(|note| format!("  {note}")));
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

fn knowledge(stage: &StagePlan, plan: &Plan, host: &Host) -> Vec<String> {
    let mut lines = Vec::new();
    if stage.grant.uses_python_index() && !plan.python_index.env.is_empty() {
        let names: Vec<_> = plan.python_index.env.keys().map(String::as_str).collect();
        lines.push(format!("your settings of pip and uv: {}", names.join(", ")));
    }
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
