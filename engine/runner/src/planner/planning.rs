//! The planner.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tidegate_confine::Level;
use tidegate_manifest::{Diagnostic, Grants, Span, Stage, StageName};
use tidegate_sandbox::{DEFAULT_LIMITS, Request};

use super::Selection;
use super::capability::{CAPABILITIES, TWO_KEYS, clean, entries};
use super::missing::{missing_grants, unknown_capability};
use super::selection::needs_without;
use super::stop_grace::{self, stop_grace};
use crate::Host;
use crate::expression::Scope;
use crate::pipeline::{Pipeline, ResolvedStage, Unresolved, component_files};
use crate::plan::{Grant, Plan, StagePlan};
use crate::program::{LookupError, Program, Toolchain, is_python, look_up};
use crate::python_index;

/// What a stage may print in total: a verbose test run of a large project is a few MiB.
const DEFAULT_OUTPUT_BYTES: u64 = 64 << 20;

pub struct Planner<'a> {
    pub host: &'a Host,
    pub selection: &'a Selection,
    pub dry_run: bool,
    pub level: Level,
}

/// A plan and what is worth saying about it.
pub struct Planned {
    pub plan: Plan,
    pub warnings: Vec<Diagnostic>,
}

impl Planner<'_> {
    /// What a plan would find wrong with a pipeline that has mistakes already.
    pub fn mistakes(&self, unresolved: &Unresolved) -> Vec<Diagnostic> {
        self.plan(&unresolved.partial).err().unwrap_or_default()
    }

    /// All mistakes at once.
    pub fn plan(&self, pipeline: &Pipeline) -> Result<Planned, Vec<Diagnostic>> {
        let left_out = self.selection.left_out(&pipeline.manifest)?;
        let scope = pipeline.scope();
        let mut draft = Draft {
            planner: self,
            pipeline,
            scope,
            mistakes: Vec::new(),
            toolchains: BTreeSet::new(),
            programs: BTreeMap::new(),
        };
        let mut stages = Vec::new();
        let mut used = BTreeSet::new();
        for stage in order(&pipeline.stages, pipeline) {
            if !left_out.contains_key(&stage.name) {
                stages.push(draft.stage(stage, &left_out, &mut used));
            }
        }
        let reached: BTreeSet<_> = stages
            .iter()
            .flat_map(|stage| stage.grant.ssh.iter().cloned())
            .collect();
        let targets = reached.iter().filter_map(|name| draft.target(name)).collect();
        if !draft.mistakes.is_empty() {
            return Err(draft.mistakes);
        }
        let on_path = || match &*draft.look_up("python3") {
            Ok(Program::Host { path, .. }) => Some(path.clone()),
            _ => None,
        };
        let python = asked_python(&stages).or_else(on_path);
        let toolchains = draft.toolchains.into_iter().collect();
        let warnings = unused_grants(pipeline, &left_out, &used);
        let indexed = stages.iter().any(|stage| stage.grant.uses_python_index());
        let mut read_only = component_files(pipeline);
        // Whatever manifest this run reads, the one that the next run reads is nobody's to change.
        read_only.extend([
            pipeline.manifest_path.clone(),
            "tidegate.toml".into(),
            "tidegate.lock".into(),
        ]);
        read_only.sort();
        read_only.dedup();
        read_only.retain(|path| pipeline.workspace.join(path).exists());
        let plan = Plan {
            pipeline: pipeline.name.clone(),
            workspace: pipeline.workspace.clone(),
            vars: pipeline.vars.clone(),
            source: pipeline.source.clone(),
            left_out,
            targets,
            toolchains,
            hide: pipeline
                .manifest
                .hide
                .iter()
                .map(|pattern| pattern.value.clone())
                .collect(),
            read_only,
            python_index: if indexed {
                python_index::read(self.host, python.as_deref())
            } else {
                Default::default()
            },
            stages,
            dry_run: self.dry_run,
            level: self.level,
        };
        Ok(Planned { plan, warnings })
    }
}

/// A plan in the making: mistakes are collected, not returned.
pub(super) struct Draft<'a> {
    pub(super) planner: &'a Planner<'a>,
    pub(super) pipeline: &'a Pipeline,
    pub(super) scope: Scope,
    pub(super) mistakes: Vec<Diagnostic>,
    toolchains: BTreeSet<Toolchain>,
    programs: BTreeMap<String, Rc<Result<Program, LookupError>>>,
}

impl Draft<'_> {
    fn stage(
        &mut self,
        stage: &ResolvedStage,
        left_out: &BTreeMap<StageName, String>,
        used: &mut BTreeSet<(usize, usize)>,
    ) -> StagePlan {
        let written = &self.pipeline.manifest.stages[stage.index];
        if !written.gaps.grant {
            self.check_requests(written, &stage.requests);
        }
        let grant = self.grant(written, &stage.requests, used);
        let value = |written: &Option<tidegate_manifest::Spanned<Duration>>| written.as_ref().map(|it| it.value);
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let bytes = |value: &Option<tidegate_manifest::Spanned<tidegate_manifest::ByteSize>>, default: u64| {
            value.as_ref().map_or(default, |written| written.value.0)
        };
        let env = self.pipeline.manifest.env.iter().chain(&written.env);
        StagePlan {
            name: stage.name.clone(),
            plugin: stage.plugin.id.clone(),
            config: stage.config.value.clone(),
            unknown: stage.config.unknown.clone(),
            needs: needs_without(written, &self.pipeline.manifest, left_out),
            when: written.when.as_ref().map(|when| when.value.clone()),
            timeout_ms: millis(value(&written.timeout).unwrap_or(DEFAULT_LIMITS.time)),
            stop_grace_ms: millis(stop_grace(value(&written.stop_grace), &stage.requests)),
            memory_bytes: bytes(&written.grant.memory, DEFAULT_LIMITS.memory_bytes),
            output_bytes: bytes(&written.grant.output, DEFAULT_OUTPUT_BYTES),
            program_memory_bytes: written.grant.program_memory.as_ref().map(|memory| memory.value.0),
            processes: written
                .grant
                .processes
                .as_ref()
                .and_then(|most| u32::try_from(most.value).ok()),
            env: env.map(|(name, value)| (name.clone(), value.value.clone())).collect(),
            requests: stage.requests.clone(),
            grant,
        }
    }

    /// A required request without a grant stops the plan.
    fn check_requests(&mut self, written: &Stage, requests: &[Request]) {
        let granted = entries(&written.grant);
        let mut missing = Vec::new();
        for request in requests {
            if !CAPABILITIES.contains(&request.capability.as_str()) {
                if !request.optional && stop_grace::asked(request).is_none() {
                    self.mistakes.push(unknown_capability(written, request));
                }
                continue;
            }
            let given = granted
                .iter()
                .any(|entry| entry.gives(&request.capability, &request.name));
            if !given && !request.optional {
                missing.push(request);
            }
        }
        if !missing.is_empty() {
            self.mistakes.push(missing_grants(written, &missing));
        }
    }

    fn grant(&mut self, written: &Stage, requests: &[Request], used: &mut BTreeSet<(usize, usize)>) -> Grant {
        let asked = |capability: &str, name: &str| {
            let entry = super::capability::Entry {
                capability: CAPABILITIES
                    .into_iter()
                    .find(|known| *known == capability)
                    .unwrap_or("exec"),
                name: name.into(),
                span: 0..0,
            };
            requests
                .iter()
                .any(|request| entry.gives(&request.capability, &request.name))
        };
        let grants = &written.grant;
        let runs_programs = grants.exec.keys().any(|name| asked("exec", name));
        for entry in entries(grants) {
            let takes_effect = match entry.capability {
                capability if TWO_KEYS.contains(&capability) => asked(capability, &entry.name),
                "net" | "env" => runs_programs,
                _ => true,
            };
            if takes_effect {
                used.insert((entry.span.start, entry.span.end));
            }
        }
        let mut exec = BTreeMap::new();
        for (name, program) in grants.exec.iter().filter(|(name, _)| asked("exec", name)) {
            match &*self.look_up(program) {
                Ok(found) => {
                    self.know_toolchains(found);
                    exec.insert(name.clone(), found.clone());
                }
                Err(error) => self.mistakes.push(program_mistake(error, &program.span)),
            }
        }
        let mut read = Vec::new();
        for path in &grants.read {
            let expanded = self.planner.host.expand_home(path);
            if !expanded.exists() {
                let message = format!("there is no {}, which is granted for reading", path.display());
                self.mistakes
                    .push(Diagnostic::error("grant/no-such-path", message).at(&path.span, ""));
            }
            read.push(expanded);
        }
        let Grants {
            net,
            write,
            env,
            secrets,
            ssh,
            http,
            source,
            ..
        } = grants;
        Grant {
            exec,
            net: net
                .iter()
                .filter(|_| runs_programs)
                .map(|net| net.value.clone())
                .collect(),
            read,
            write: write.iter().map(|path| clean(&path.value)).collect(),
            env: env
                .iter()
                .filter(|_| runs_programs)
                .map(|name| name.value.clone())
                .collect(),
            secrets: secrets
                .iter()
                .filter(|(name, _)| asked("secrets", name))
                .map(|(name, secret)| (name.clone(), secret.value.clone()))
                .collect(),
            ssh: ssh
                .iter()
                .filter(|name| asked("ssh", name))
                .map(|name| name.value.clone())
                .collect(),
            http: http
                .iter()
                .filter(|origin| asked("http", origin))
                .map(|origin| origin.value.clone())
                .collect(),
            source: source.as_ref().is_some_and(|source| source.value) && asked("source", "source"),
        }
    }

    /// Asked once for each name: a Python has to be started to say where it is.
    fn look_up(&mut self, written: &str) -> Rc<Result<Program, LookupError>> {
        if let Some(known) = self.programs.get(written) {
            return known.clone();
        }
        let found = Rc::new(look_up(written, self.planner.host, &self.pipeline.workspace));
        self.programs.insert(written.to_owned(), found.clone());
        found
    }

    /// A program of the workspace may lead into any toolchain that the plan shows. A virtual environment leads to the Python
    /// that it was made with: usually the one on the PATH.
    fn know_toolchains(&mut self, program: &Program) {
        match program {
            Program::Host { toolchains, .. } => self.toolchains.extend(toolchains.iter().cloned()),
            Program::Workspace { path } => {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                for candidate in ["python3", "python"].into_iter().filter(|_| name.starts_with("python")) {
                    if let Ok(Program::Host { toolchains, .. }) = &*self.look_up(candidate) {
                        self.toolchains.extend(toolchains.iter().cloned());
                    }
                }
            }
        }
    }
}

fn program_mistake(error: &LookupError, span: &Span) -> Diagnostic {
    let mistake = Diagnostic::error("grant/no-such-program", error.to_string()).at(span, "");
    match error {
        LookupError::NotFound { .. } => {
            mistake.help("install it, or write its path; a program of the workspace has a slash: `.venv/bin/NAME`")
        }
        LookupError::Shim { .. } => {
            mistake.help("bind the program itself: the version manager's `which NAME` shows it")
        }
        _ => mistake,
    }
}

/// A Python of this machine that a stage with `@python-index` runs.
fn asked_python(stages: &[StagePlan]) -> Option<PathBuf> {
    let with_index = stages.iter().filter(|stage| stage.grant.uses_python_index());
    let mut programs = with_index.flat_map(|stage| stage.grant.exec.values());
    programs.find_map(|program| match program {
        Program::Host { path, .. } if is_python(path) => Some(path.clone()),
        _ => None,
    })
}

/// Each stage after those that it needs, otherwise in the manifest's order.
fn order<'a>(stages: &'a [ResolvedStage], pipeline: &Pipeline) -> Vec<&'a ResolvedStage> {
    let mut ordered: Vec<&ResolvedStage> = Vec::with_capacity(stages.len());
    let mut waiting: Vec<_> = stages.iter().collect();
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|stage| {
            let needs = &pipeline.manifest.stages[stage.index].needs;
            needs
                .iter()
                .all(|need| ordered.iter().any(|done| done.name == need.value))
        });
        // The manifest's reader refuses cycles, so one is always ready.
        ordered.push(waiting.remove(ready.unwrap_or(0)));
    }
    ordered
}

/// A grant of a named set counts as used when one of the set's stages uses it.
fn unused_grants(
    pipeline: &Pipeline,
    left_out: &BTreeMap<StageName, String>,
    used: &BTreeSet<(usize, usize)>,
) -> Vec<Diagnostic> {
    let mut told = BTreeSet::new();
    let mut warnings = Vec::new();
    if !left_out.is_empty() {
        return warnings;
    }
    for stage in &pipeline.manifest.stages {
        for entry in entries(&stage.grant) {
            let place = (entry.span.start, entry.span.end);
            if used.contains(&place) || !told.insert(place) {
                continue;
            }
            let message = format!(
                "stage `{}` never asks for `{}` ({})",
                stage.name.value, entry.capability, entry.name
            );
            let warning = Diagnostic::warning("grant/unused", message).at(&entry.span, "granted, and of no effect");
            warnings.push(warning.help("remove it: what is not granted can't be misused by a later version"));
        }
    }
    warnings
}
