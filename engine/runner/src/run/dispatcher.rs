//! The one place that knows how far a run is. Executors send messages, the dispatcher alone changes the state, and every
//! observer sees the same events in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_manifest::StageName;
use tidegate_sandbox::{Level, StopSource};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::artifacts::{KeptArtifacts, KeptOfStage};
use super::executor::{Attempt, Ended, confinement, execute, prepare};
use super::message::{Finished, Message, QUEUE};
use super::setup::{RunSetup, Shared};
use crate::event::{Event, EventKind, LogSource, Observer, ObserverError};
use crate::expression::{Expr, Scope};
use crate::plan::StagePlan;
use crate::ssh::Endings;
use crate::{Masker, Outcome};

/// What an aborted attempt has to remove its scratch folder.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Stops a run from outside: the first call asks, the second ends it at once.
#[derive(Clone)]
pub struct Canceller(mpsc::Sender<Message>);

impl Canceller {
    pub fn cancel(&self) {
        let sender = self.0.clone();
        // The queue may be full of log lines; the request still gets its turn.
        tokio::spawn(async move { sender.send(Message::Cancel).await });
    }
}

/// Runs a plan to its end. `started` gets the means to cancel it.
pub async fn run(setup: RunSetup, started: impl FnOnce(Canceller)) -> Result<Outcome, ObserverError> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    started(Canceller(sender.clone()));
    let runtime = Handle::current();
    prepare(&setup.host, setup.plan.level);
    let run = move || Dispatcher::new(setup, sender, runtime).run(receiver);
    tokio::task::spawn_blocking(run).await.unwrap_or_else(|error| {
        Err(ObserverError {
            what: "run the dispatcher".into(),
            error: error.to_string(),
        })
    })
}

struct Dispatcher {
    shared: Arc<Shared>,
    observers: Vec<Box<dyn Observer>>,
    jobs: usize,
    keep_going: bool,
    sender: mpsc::Sender<Message>,
    runtime: Handle,
    waiting: Vec<Arc<StagePlan>>,
    running: BTreeMap<StageName, Running>,
    ended: BTreeMap<StageName, Outcome>,
    outputs: BTreeMap<String, BTreeMap<String, Value>>,
    artifacts: KeptArtifacts,
    /// The first stage that did not pass.
    failed: Option<StageName>,
    cancelled: bool,
    started: Instant,
}

struct Running {
    stop: StopSource,
    task: AbortHandle,
    started: Instant,
}

impl Dispatcher {
    fn new(setup: RunSetup, sender: mpsc::Sender<Message>, runtime: Handle) -> Self {
        let RunSetup {
            run,
            plan,
            components,
            secrets,
            sandbox,
            host,
            journal,
            observers,
            jobs,
            keep_going,
        } = setup;
        let waiting = plan.stages.iter().cloned().map(Arc::new).collect();
        let masker = Arc::new(Masker::new(&secrets));
        let artifacts = crate::artifact_store::ArtifactStore::new(journal.artifact_folder());
        let secrets = Arc::new(secrets);
        let shared = Shared {
            run,
            plan,
            components,
            secrets,
            masker,
            sandbox,
            host,
            journal,
            artifacts,
            told_of_ids: AtomicBool::new(false),
        };
        Self {
            shared: Arc::new(shared),
            observers,
            jobs: jobs.max(1),
            keep_going,
            sender,
            runtime,
            waiting,
            running: BTreeMap::new(),
            ended: BTreeMap::new(),
            outputs: BTreeMap::new(),
            artifacts: KeptArtifacts::new(),
            failed: None,
            cancelled: false,
            started: Instant::now(),
        }
    }

    fn run(mut self, mut receiver: mpsc::Receiver<Message>) -> Result<Outcome, ObserverError> {
        let result = self.drive(&mut receiver);
        if result.is_err() {
            // An observer is gone, so nothing more can be kept: everything ends, and leaves nothing behind.
            self.running.values().for_each(|running| running.task.abort());
            let runtime = self.runtime.clone();
            let all_ended = async {
                while !self.running.is_empty() {
                    if let Some(Message::Finished(finished)) = receiver.recv().await {
                        self.running.remove(&finished.stage);
                    }
                }
            };
            // A timeout only means that something is left over.
            let _ = runtime.block_on(async { tokio::time::timeout(ABORT_TIMEOUT, all_ended).await });
        }
        result
    }

    fn drive(&mut self, receiver: &mut mpsc::Receiver<Message>) -> Result<Outcome, ObserverError> {
        self.tell_start()?;
        self.start_ready()?;
        while !self.running.is_empty() {
            // The dispatcher holds a sender itself, so the channel can't be closed.
            let Some(message) = receiver.blocking_recv() else { break };
            match message {
                Message::Event(kind) if self.is_late(&kind) => {}
                Message::Event(kind) => self.tell(kind)?,
                Message::Finished(finished) => {
                    self.finish(finished)?;
                    self.start_ready()?;
                }
                Message::Cancel => self.cancel()?,
            }
        }
        let outcomes = self
            .ended
            .values()
            .copied()
            .chain(self.cancelled.then_some(Outcome::Cancelled));
        let outcome = Outcome::of_run(outcomes);
        let duration_ms = millis(self.started);
        let exit_code = outcome.exit_code();
        self.tell(EventKind::RunFinished {
            run: self.shared.run.clone(),
            outcome,
            exit_code,
            duration_ms,
        })?;
        Ok(outcome)
    }

    /// What an attempt left behind that was ended by force may still tell something; a stage that has finished says no more.
    fn is_late(&self, kind: &EventKind) -> bool {
        kind.stage().is_some_and(|stage| !self.running.contains_key(stage))
    }

    fn tell_start(&mut self) -> Result<(), ObserverError> {
        let plan = &self.shared.plan;
        let kind = EventKind::RunStarted {
            run: self.shared.run.clone(),
            pipeline: plan.pipeline.clone(),
            stages: plan.stages.iter().map(|stage| stage.name.clone()).collect(),
            dry_run: plan.dry_run,
            commit: plan.source.commit.clone(),
            branch: plan.source.branch.clone(),
            not_enforced: crate::enforcement::not_enforced(plan),
        };
        self.tell(kind)
    }

    /// Starts what can start and skips what can't, until nothing changes any more.
    fn start_ready(&mut self) -> Result<(), ObserverError> {
        while let Some((index, step)) = self.next_step() {
            let stage = self.waiting.remove(index);
            match step {
                Step::Start => self.start(&stage)?,
                Step::Skip(reason) => self.end(&stage.name, Outcome::Skipped, Some(reason), 0)?,
                Step::Refuse(message) => {
                    self.failed.get_or_insert_with(|| stage.name.clone());
                    self.end(&stage.name, Outcome::Misconfigured, Some(message), 0)?;
                }
            }
        }
        Ok(())
    }

    fn next_step(&self) -> Option<(usize, Step)> {
        self.waiting
            .iter()
            .enumerate()
            .find_map(|(index, stage)| Some((index, self.step(stage)?)))
    }

    fn step(&self, stage: &StagePlan) -> Option<Step> {
        if self.cancelled {
            return Some(Step::Skip("the run was cancelled".into()));
        }
        for need in &stage.needs {
            match self.ended.get(need) {
                None | Some(Outcome::Passed) => {}
                Some(Outcome::Skipped) => return Some(Step::Skip(format!("it needs {need}, which was skipped"))),
                Some(_) => return Some(Step::Skip(format!("it needs {need}, which did not pass"))),
            }
        }
        if let (Some(failed), false) = (&self.failed, self.keep_going) {
            return Some(Step::Skip(format!(
                "{failed} did not pass (--keep-going runs it all the same)"
            )));
        }
        let ready = stage.needs.iter().all(|need| self.ended.contains_key(need));
        if !ready || self.running.len() >= self.jobs {
            return None;
        }
        Some(match self.wanted(stage) {
            Ok(true) => Step::Start,
            Ok(false) => Step::Skip(format!("`when` says no: {}", stage.when.as_deref().unwrap_or_default())),
            Err(message) => Step::Refuse(message),
        })
    }

    fn wanted(&self, stage: &StagePlan) -> Result<bool, String> {
        let Some(when) = &stage.when else { return Ok(true) };
        let wanted = Expr::parse(when).and_then(|expr| expr.evaluate_bool(&self.scope()));
        wanted.map_err(|error| format!("its `when`: {error}"))
    }

    fn scope(&self) -> Scope {
        let mut scope = Scope::new(self.shared.plan.vars.clone(), &self.shared.plan.source);
        for (stage, outputs) in &self.outputs {
            scope.add_stage(stage);
            for (key, value) in outputs {
                scope.set_output(stage, key, value.clone());
            }
        }
        scope
    }

    fn start(&mut self, stage: &Arc<StagePlan>) -> Result<(), ObserverError> {
        let attempt = 1;
        self.tell(EventKind::StageStarted {
            stage: stage.name.clone(),
            attempt,
            plugin: format!("{} {}", stage.plugin.name, stage.plugin.version),
            confinement: confinement(&self.shared, stage),
        })?;
        let needed = self.all_needs(stage);
        let (stop, signal) = StopSource::new();
        let endings = Endings::default();
        let attempt = Attempt {
            stage: stage.clone(),
            attempt,
            others_wait: !self.waiting.is_empty(),
            scope: self.scope(),
            outputs: pick(&self.outputs, &needed),
            artifacts: pick(&self.artifacts, &needed),
            stop: signal,
            endings: endings.clone(),
            sender: self.sender.clone(),
        };
        let (shared, sender, name) = (self.shared.clone(), self.sender.clone(), stage.name.clone());
        let execution = self.runtime.spawn(execute(shared, attempt));
        let task = execution.abort_handle();
        self.runtime.spawn(async move {
            let Ended {
                outcome,
                message,
                outputs,
                artifacts,
            } = execution.await.unwrap_or_else(|error| Ended {
                outcome: if error.is_cancelled() {
                    Outcome::Cancelled
                } else {
                    Outcome::Internal
                },
                message: (!error.is_cancelled()).then(|| error.to_string()),
                outputs: BTreeMap::new(),
                artifacts: KeptOfStage::new(),
            });
            // After the last stage the runtime ends, and would leave the rest of this undone.
            endings.over().await;
            // When nobody listens any more the run is over.
            let _ = sender
                .send(Message::Finished(Finished {
                    stage: name,
                    outcome,
                    message,
                    outputs,
                    artifacts,
                }))
                .await;
        });
        self.running.insert(
            stage.name.clone(),
            Running {
                stop,
                task,
                started: Instant::now(),
            },
        );
        Ok(())
    }

    /// Direct needs and their needs.
    fn all_needs(&self, stage: &StagePlan) -> BTreeSet<String> {
        let mut pending: Vec<&StageName> = stage.needs.iter().collect();
        let mut found = BTreeSet::new();
        while let Some(name) = pending.pop() {
            if found.insert(name.to_string()) {
                let needed = self.shared.plan.stages.iter().find(|other| other.name == *name);
                pending.extend(needed.into_iter().flat_map(|stage| &stage.needs));
            }
        }
        found
    }

    fn finish(&mut self, finished: Finished) -> Result<(), ObserverError> {
        let Finished {
            stage,
            outcome,
            message,
            outputs,
            artifacts,
        } = finished;
        let Some(running) = self.running.remove(&stage) else {
            return Ok(());
        };
        self.outputs.insert(stage.to_string(), outputs);
        self.artifacts.insert(stage.to_string(), artifacts);
        if outcome != Outcome::Passed {
            self.failed.get_or_insert_with(|| stage.clone());
        }
        self.end(&stage, outcome, message, millis(running.started))
    }

    fn end(
        &mut self,
        stage: &StageName,
        outcome: Outcome,
        message: Option<String>,
        duration_ms: u64,
    ) -> Result<(), ObserverError> {
        self.ended.insert(stage.clone(), outcome);
        self.tell(EventKind::StageFinished {
            stage: stage.clone(),
            attempt: 1,
            outcome,
            message,
            duration_ms,
        })
    }

    fn cancel(&mut self) -> Result<(), ObserverError> {
        if self.cancelled {
            self.running.values().for_each(|running| running.task.abort());
            return Ok(());
        }
        self.cancelled = true;
        self.running.values().for_each(|running| running.stop.request());
        let grace = |stage: &StagePlan| (stage.name.clone(), Duration::from_millis(stage.stop_grace_ms));
        let stages = self.shared.plan.stages.iter();
        let asked: Vec<_> = stages
            .filter(|stage| self.running.contains_key(&stage.name))
            .map(grace)
            .collect();
        for (stage, grace) in asked {
            self.tell(EventKind::Log {
                stage,
                level: Level::Warning,
                source: LogSource::Engine,
                message: format!(
                    "asked to stop; it has {grace:?} to leave things whole, a second signal ends it at once"
                ),
            })?;
        }
        self.start_ready()
    }

    fn tell(&mut self, kind: EventKind) -> Result<(), ObserverError> {
        let event = Event {
            time: Timestamp::now(),
            kind,
        };
        self.observers
            .iter_mut()
            .try_for_each(|observer| observer.observe(&event))
    }
}

enum Step {
    Start,
    Skip(String),
    Refuse(String),
}

fn pick<T: Clone>(all: &BTreeMap<String, T>, names: &BTreeSet<String>) -> BTreeMap<String, T> {
    all.iter()
        .filter(|(name, _)| names.contains(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
