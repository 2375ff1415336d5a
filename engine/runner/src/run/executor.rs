//! One attempt of one stage: everything is made fresh for it, and nothing of it is left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tidegate_confine::{
    Cell, CellSpec, Connection, Destination, Ids, Level as CellLevel, ProgramLimits, StartError, View,
};
use tidegate_manifest::NetGrant;
use tidegate_sandbox::{Interface, Level, Preopen, StageLimits, StageSpec, Stop, StopSource};
use tokio::sync::mpsc;

use super::artifacts::{Artifacts, KeptArtifacts, KeptOfStage, lay_out};
use super::broker::StageBroker;
use super::connections::Connections;
use super::intake::Intake;
use super::message::Message;
use super::obstacles::Sight;
use super::outputs::Outputs;
use super::processes::{Processes, needed_toolchains};
use super::scratch::Scratch;
use super::setup::Shared;
use super::source::StageSource;
use super::ssh::SshConnections;
use crate::event::Confinement;
use crate::expression::{Scope, Template};
use crate::hidden::Hidden;
use crate::http::{HttpClient, Origin};
use crate::journal::StageState;
use crate::pipeline::{fill_in, first_mistake};
use crate::plan::StagePlan;
use crate::python_index;
use crate::ssh::Endings;
use crate::{Host, Outcome};

/// What one attempt needs to know of the run so far.
pub(super) struct Attempt {
    pub(super) stage: Arc<StagePlan>,
    pub(super) attempt: u32,
    /// Stages that have not started yet.
    pub(super) others_wait: bool,
    pub(super) scope: Scope,
    /// Outputs and artifacts of all stages that this one needs.
    pub(super) outputs: BTreeMap<String, BTreeMap<String, Value>>,
    pub(super) artifacts: KeptArtifacts,
    pub(super) stop: Stop,
    /// Outlive the attempt, also one that is aborted.
    pub(super) endings: Endings,
    pub(super) sender: mpsc::Sender<Message>,
}

/// How it ended, and what later stages may use.
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) message: Option<String>,
    pub(super) outputs: BTreeMap<String, Value>,
    pub(super) artifacts: KeptOfStage,
}

impl Ended {
    fn early(outcome: Outcome, message: impl Into<String>) -> Self {
        Self {
            outcome,
            message: Some(message.into()),
            outputs: BTreeMap::new(),
            artifacts: KeptOfStage::new(),
        }
    }
}

/// The level at which a stage's programs run.
pub(super) fn confinement(shared: &Shared, stage: &StagePlan) -> Confinement {
    match shared.plan.level {
        _ if !stage.runs_programs() => Confinement::None,
        CellLevel::Full => Confinement::Full,
        CellLevel::Degraded => Confinement::Degraded,
        CellLevel::Unconfined => Confinement::Unconfined,
    }
}

pub(super) async fn execute(shared: Arc<Shared>, attempt: Attempt) -> Ended {
    let stage = attempt.stage.clone();
    let intake = Intake::new(
        stage.name.clone(),
        shared.masker.clone(),
        attempt.sender.clone(),
        stage.output_bytes,
    );
    let intake = Arc::new(intake);
    let mut ended = match prepare_and_run(&shared, &attempt, &intake).await {
        Ok(ended) => ended,
        Err(early) => early,
    };
    ended.message = ended.message.map(|message| intake.clean(message));
    ended
}

async fn prepare_and_run(shared: &Arc<Shared>, attempt: &Attempt, intake: &Arc<Intake>) -> Result<Ended, Ended> {
    let stage = &attempt.stage;
    let internal = |what: &str, error: String| Ended::early(Outcome::Internal, format!("failed to {what}: {error}"));
    let Some((component, schema)) = shared.components.get(&stage.plugin.digest) else {
        return Err(internal("find the component", stage.plugin.digest.to_string()));
    };
    let config = fill_in(&stage.config, &stage.unknown, &attempt.scope).map_err(|(place, error)| {
        Ended::early(
            Outcome::Misconfigured,
            format!("`{place}` of its `with` table: {error}"),
        )
    })?;
    if !stage.unknown.is_empty()
        && let Some(mistake) = first_mistake(schema, &config)
    {
        return Err(Ended::early(
            Outcome::Misconfigured,
            format!("its `with` table, now that it is known: {mistake}"),
        ));
    }
    let env = environment(attempt, shared)?;
    for net in &stage.grant.net {
        is_a_socket(net).map_err(|text| Ended::early(Outcome::Misconfigured, text))?;
    }

    let scratch =
        Scratch::make(&shared.host.temp).map_err(|error| internal("make a scratch folder", error.to_string()))?;
    let artifact_folder = scratch.path().join("artifacts");
    let artifacts = {
        let (store, needed) = (shared.artifacts.clone(), attempt.artifacts.clone());
        let laid_out = tokio::task::spawn_blocking(move || lay_out(&store, &needed, &artifact_folder)).await;
        laid_out
            .map_err(|error| internal("lay out artifacts", error.to_string()))?
            .map_err(|error| internal("lay out artifacts", error))?
    };
    // The Cell reads the same patterns, so they are good.
    let hidden = Hidden::new(&shared.plan.workspace, scratch.path(), &shared.plan.hide)
        .map_err(|error| internal("read the hidden patterns", error.to_string()))?;
    let toolchains = needed_toolchains(stage, &shared.plan.workspace, &shared.plan.toolchains);
    let spec = cell_spec(shared, stage, scratch.path().into(), &toolchains);
    let identity = spec.identity();
    let processes = stage.processes.unwrap_or(ProgramLimits::DEFAULT_PROCESSES);
    let sight = Sight::new(&spec, hidden.clone(), &shared.host, processes.into());
    let (connections, observer) = Connections::watch(intake.clone());
    let (view, cell) = start(shared, stage, spec, observer).await?;
    if attempt.others_wait {
        prepare(&shared.host, shared.plan.level);
    }

    if let Some(Ids::Root { why }) = cell.as_ref().map(|cell| cell.ids())
        && shared.plan.level == CellLevel::Full
        && !shared.told_of_ids.swap(true, Ordering::Relaxed)
    {
        let text = format!(
            "programs have root's id on this machine, since no other can be given: {why}; root's files that a stage sees can be \
             read whatever their mode"
        );
        intake.engine_log(Level::Warning, text).await;
    }
    let mut program_env: BTreeMap<String, String> = identity.into_iter().collect();
    if shared.plan.level == CellLevel::Degraded {
        program_env.extend(beside_the_sources(scratch.path()));
    }
    program_env.extend(env);
    // What waits in the broker is stopped by the run, and by the attempt's own time, which only the sandbox knows.
    let (stop_source, stop) = StopSource::new();
    let stop_source = Arc::new(stop_source);
    let _forward = Forward::start(attempt.stop.clone(), stop_source.clone());
    let processes = cell.clone().map(|cell| {
        let workspace = shared.plan.workspace.clone();
        Processes::new(
            cell,
            stage.clone(),
            workspace,
            toolchains,
            program_env,
            intake.clone(),
            stop.clone(),
        )
    });
    let state = StageState::open(&shared.journal, &shared.plan.pipeline, &stage.name)
        .map_err(|error| internal("open the stage's memory", error.to_string()))?;
    let targets = shared
        .plan
        .targets
        .iter()
        .filter(|(name, _)| stage.grant.ssh.contains(name));
    let targets = targets.map(|(name, target)| (name.clone(), target.clone())).collect();
    let origins: Result<Vec<_>, _> = stage.grant.http.iter().map(|origin| Origin::parse(origin)).collect();
    let origins = origins.map_err(|error| internal("read a granted origin", error.to_string()))?;
    let broker = Arc::new(StageBroker {
        stage: stage.clone(),
        view: view.clone(),
        hidden,
        processes,
        connections: SshConnections::new(
            targets,
            shared.secrets.clone(),
            intake.clone(),
            stop.clone(),
            attempt.endings.clone(),
        ),
        http: HttpClient::new(origins),
        secrets: shared.secrets.clone(),
        artifacts: Artifacts::new(shared.artifacts.clone()),
        outputs: Outputs::default(),
        state: Arc::new(state),
        source: StageSource::new(&shared.plan, &stage.grant, &shared.host),
        intake: intake.clone(),
        stop,
        stop_source,
    });
    if attempt.stop.is_requested() {
        return Err(Ended {
            outcome: Outcome::Cancelled,
            message: None,
            outputs: BTreeMap::new(),
            artifacts: KeptOfStage::new(),
        });
    }
    let spec = stage_spec(shared, attempt, config, artifacts, &scratch);
    let preopens = preopens(&view, &shared.plan.workspace, scratch.path());
    let end = shared
        .sandbox
        .run(
            component,
            &spec,
            preopens,
            intake.clone(),
            broker.clone(),
            attempt.stop.clone(),
        )
        .await;
    let (outputs, artifacts) = broker.results();
    drop(broker);
    // The Cell first, so that nothing writes into the scratch folder any more; both block.
    let removed = tokio::task::spawn_blocking(move || {
        drop(cell);
        drop(view);
        scratch.remove()
    });
    if let Ok(Err(error)) = removed.await {
        intake
            .engine_log(
                Level::Warning,
                format!("its scratch folder could not be removed: {error}"),
            )
            .await;
    }
    let (outcome, mut message) = match end {
        Ok(end) => Outcome::of_attempt(end),
        Err(error) => (Outcome::Internal, Some(error.to_string())),
    };
    let mut troubles = connections.troubles().await;
    if shared.plan.level != CellLevel::Unconfined {
        troubles.extend(intake.obstacles().lines(&sight));
    }
    if !matches!(outcome, Outcome::Passed | Outcome::Cancelled) {
        message = message
            .into_iter()
            .chain(troubles)
            .reduce(|text, line| text + "\n" + &line);
    }
    Ok(Ended {
        outcome,
        message,
        outputs,
        artifacts,
    })
}

/// Passes a request on until it is dropped.
struct Forward(tokio::task::JoinHandle<()>);

impl Forward {
    fn start(from: Stop, to: Arc<StopSource>) -> Self {
        Self(tokio::spawn(async move {
            from.requested().await;
            to.request();
        }))
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the manifest gives to the stage's programs: its own texts, and the granted variables of the engine's environment.
fn environment(attempt: &Attempt, shared: &Shared) -> Result<BTreeMap<String, String>, Ended> {
    let stage = &attempt.stage;
    let mut env = BTreeMap::new();
    if stage.grant.uses_python_index() {
        let login = stage
            .grant
            .index_credentials()
            .and_then(|name| shared.secrets.get(name));
        env.extend(python_index::variables(
            &shared.plan.python_index,
            login.map(|login| login.as_str()),
        ));
    }
    for name in &stage.grant.env {
        if let Some(value) = shared.host.var(name) {
            env.insert(name.clone(), value.to_owned());
        }
    }
    for (name, text) in &stage.env {
        let value = Template::parse(text).and_then(|template| template.evaluate_text(&attempt.scope));
        let value =
            value.map_err(|error| Ended::early(Outcome::Misconfigured, format!("its variable {name}: {error}")))?;
        env.insert(name.clone(), value);
    }
    Ok(env)
}

/// There is no private copy of the workspace at the degraded level: what Python's tools write beside the sources by themselves has
/// to go elsewhere.
fn beside_the_sources(scratch: &Path) -> [(String, String); 3] {
    let place = |name: &str| scratch.join("tmp").join(name).display().to_string();
    [
        ("PYTHONPYCACHEPREFIX", place("pycache")),
        ("COVERAGE_FILE", place("coverage")),
        ("PYTEST_ADDOPTS", format!("-o cache_dir={}", place("pytest-cache"))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

fn cell_spec(
    shared: &Shared,
    stage: &StagePlan,
    scratch: PathBuf,
    toolchains: &[crate::program::Toolchain],
) -> CellSpec {
    let mut spec = CellSpec::new(&shared.plan.workspace, scratch);
    spec.hide = shared.plan.hide.clone();
    spec.read_only = shared.plan.read_only.clone();
    spec.write = stage.grant.write.clone();
    spec.read = stage.grant.read.clone();
    spec.limits = ProgramLimits {
        memory: stage.program_memory_bytes,
        processes: stage.processes,
    };
    spec.toolchains = toolchains.iter().map(|toolchain| toolchain.root.clone()).collect();
    let links = toolchains.iter().flat_map(|toolchain| {
        toolchain
            .links
            .iter()
            .map(|link| (link.clone(), toolchain.root.clone()))
    });
    spec.links = links.collect();
    if stage.grant.uses_python_index() {
        spec.for_programs.extend(shared.plan.python_index.read.iter().cloned());
    }
    let sockets = stage.grant.net.iter().filter_map(|net| match net {
        NetGrant::Unix { path } => Some(path.clone()),
        _ => None,
    });
    spec.for_programs.extend(sockets);
    let index = stage.grant.uses_python_index().then_some(&shared.plan.python_index.net);
    let granted = stage.grant.net.iter().chain(index.into_iter().flatten());
    spec.network = granted.filter_map(destination).collect();
    spec.level = shared.plan.level;
    spec
}

/// A folder or a file under the name of a socket would be shown, which is not what was granted.
fn is_a_socket(net: &NetGrant) -> Result<(), String> {
    use std::os::unix::fs::FileTypeExt;
    let NetGrant::Unix { path } = net else { return Ok(()) };
    match path.metadata() {
        Ok(found) if found.file_type().is_socket() => Ok(()),
        Ok(_) => Err(format!(
            "`{net}` is granted in `net`, and is no socket; a file or folder is granted by `read`"
        )),
        Err(error) => Err(format!("`{net}` is granted in `net`: {error}; is the service running?")),
    }
}

/// None for what is no connection by TCP, or more than one.
fn destination(net: &NetGrant) -> Option<Destination> {
    match net {
        NetGrant::Host { host, port, private } => Some(match host.strip_prefix("*.") {
            Some(domain) => Destination::Below {
                domain: domain.to_owned(),
                port: *port,
                private: *private,
            },
            None => Destination::Host {
                host: host.clone(),
                port: *port,
                private: *private,
            },
        }),
        NetGrant::HostLoopback { port } => Some(Destination::HostLoopback { port: *port }),
        NetGrant::PythonIndex { .. } | NetGrant::Unix { .. } => None,
    }
}

/// The View, and the Cell when the stage may run programs.
async fn start(
    shared: &Arc<Shared>,
    stage: &StagePlan,
    spec: CellSpec,
    observer: impl Fn(Connection) + Send + Sync + 'static,
) -> Result<(Arc<View>, Option<Arc<Cell>>), Ended> {
    let (helpers, runs_programs) = (shared.host.helpers.clone(), stage.runs_programs());
    let started = tokio::task::spawn_blocking(move || {
        if runs_programs {
            Cell::start_observed(&helpers, &spec, observer).map(|cell| (cell.view().clone(), Some(Arc::new(cell))))
        } else {
            View::build(&helpers, &spec).map(|view| (view, None))
        }
    });
    match started.await {
        Ok(Ok(started)) => Ok(started),
        Ok(Err(error)) => Err(Ended::early(start_outcome(&error), start_text(&error))),
        Err(error) => Err(Ended::early(Outcome::Internal, error.to_string())),
    }
}

/// So that the next stage starts sooner. Nothing waits for it.
pub(super) fn prepare(host: &Host, level: CellLevel) {
    if level != CellLevel::Unconfined {
        let helpers = host.helpers.clone();
        tokio::task::spawn_blocking(move || helpers.prepare());
    }
}

fn start_text(error: &StartError) -> String {
    let text = format!("its cell could not be made: {error}");
    match error {
        StartError::Machine { .. } | StartError::Unsupported => format!(
            "{text}\n`tidegate doctor` shows what is missing and how to get it; --allow-degraded runs native programs \
             with what this machine offers, --allow-unconfined with everything that your user may do"
        ),
        StartError::Spec(_) | StartError::Failed(_) | StartError::Helper(_) => text,
    }
}

/// A path of the manifest that can't be shown is the manifest's mistake; everything else is the machine's or ours.
fn start_outcome(error: &StartError) -> Outcome {
    match error {
        StartError::Spec(_) | StartError::Machine { .. } | StartError::Unsupported => Outcome::Misconfigured,
        StartError::Failed(_) | StartError::Helper(_) => Outcome::Internal,
    }
}

fn stage_spec(
    shared: &Shared,
    attempt: &Attempt,
    config: Value,
    artifacts: BTreeMap<String, BTreeMap<String, String>>,
    scratch: &Scratch,
) -> StageSpec {
    let stage = &attempt.stage;
    let grants = [
        (Interface::Http, !stage.grant.http.is_empty()),
        (Interface::Process, stage.runs_programs()),
        (Interface::Secrets, !stage.grant.secrets.is_empty()),
        (Interface::Source, stage.grant.source),
        (Interface::Ssh, !stage.grant.ssh.is_empty()),
    ];
    let as_json = |outputs: &BTreeMap<String, Value>| {
        outputs
            .iter()
            .map(|(key, value)| (key.clone(), value.to_string()))
            .collect::<BTreeMap<_, _>>()
    };
    StageSpec {
        component: stage.plugin.digest,
        run: shared.run.to_string(),
        stage: stage.name.to_string(),
        attempt: attempt.attempt,
        config: config.to_string(),
        inputs: attempt
            .outputs
            .iter()
            .map(|(stage, outputs)| (stage.clone(), as_json(outputs)))
            .collect(),
        artifacts,
        workspace: shared.plan.workspace.clone(),
        scratch: scratch.path().into(),
        dry_run: shared.plan.dry_run,
        granted: grants
            .into_iter()
            .filter(|(_, granted)| *granted)
            .map(|(interface, _)| interface)
            .collect(),
        limits: StageLimits {
            memory_bytes: stage.memory_bytes,
            time: Duration::from_millis(stage.timeout_ms),
            stop_grace: Duration::from_millis(stage.stop_grace_ms),
        },
    }
}

/// The same tree that the programs see: the workspace to read, the granted folders and scratch to write.
#[cfg(target_os = "linux")]
fn preopens(view: &View, workspace: &std::path::Path, scratch: &std::path::Path) -> Vec<Preopen> {
    use std::os::fd::AsRawFd;
    let mut preopens = Vec::new();
    for (folder, descriptor) in view.writable() {
        let host = PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()));
        preopens.push(Preopen {
            host,
            guest: workspace.join(folder).components().collect(),
            writable: true,
        });
    }
    for (folder, descriptor) in view.readable().iter().rev() {
        let guest: PathBuf = workspace.join(folder).components().collect();
        // `write = ["."]` makes all of the workspace real.
        if !preopens.iter().any(|preopen| preopen.guest == guest) {
            let host = PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()));
            preopens.insert(
                0,
                Preopen {
                    host,
                    guest,
                    writable: false,
                },
            );
        }
    }
    for (path, descriptor) in view.granted() {
        // WASI opens folders first; a single file is there for `files.read` and for programs.
        let host = PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()));
        if host.is_dir() {
            preopens.push(Preopen {
                host,
                guest: path.into(),
                writable: false,
            });
        }
    }
    preopens.push(Preopen {
        host: scratch.into(),
        guest: scratch.into(),
        writable: true,
    });
    preopens
}

/// Where no kernel hides anything, what holds nothing hidden; `files` shows the rest.
#[cfg(not(target_os = "linux"))]
fn preopens(view: &View, _workspace: &std::path::Path, _scratch: &std::path::Path) -> Vec<Preopen> {
    let folders = view.free_folders().iter();
    folders
        .map(|(folder, writable)| Preopen {
            host: folder.clone(),
            guest: folder.clone(),
            writable: *writable,
        })
        .collect()
}
