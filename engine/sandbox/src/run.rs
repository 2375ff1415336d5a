//! One attempt of one stage, from a fresh store to its end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use wasmtime::Store;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use crate::attempt::Attempt;
use crate::bindings::StagePre;
use crate::bindings::plugin::Failure;
use crate::clip::clip;
use crate::fault::Fault;
use crate::feed::{Feed, LogBudget};
use crate::guest_state::{GuestState, new_store};
use crate::limits::{EVENTS_QUEUED, MESSAGE_BYTES, RANDOM_BYTES};
use crate::log_stream::LogStream;
use crate::{
    AttemptEnd, Broker, Component, EventSink, Level, Preopen, Sandbox, StageEvent, StageLimits, StageSpec, Stop,
    StopSource, link,
};

/// The host could not run the stage; the stage had no part in it.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("the folder {} can't be opened for the stage: {reason}", guest.display())]
    Preopen { guest: PathBuf, reason: String },
    #[error("the spec is for {spec}, the component is {component}")]
    OtherComponent {
        spec: crate::Digest,
        component: crate::Digest,
    },
    #[error("the component can't be linked: {0}")]
    Link(String),
}

/// Why a stage had to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Requested,
    Time,
}

impl Sandbox {
    /// Runs the stage once, in a fresh store.
    ///
    /// All events were taken by the sink when this returns. At a stop, and when the stage's time is over, the stage is told
    /// and has its grace; then it is dropped, whatever it does. Needs a tokio runtime with its timers.
    ///
    /// # Errors
    /// Only what is no fault of the stage.
    pub async fn run(
        &self,
        component: &Component,
        spec: &StageSpec,
        preopens: Vec<Preopen>,
        events: Arc<dyn EventSink>,
        broker: Arc<dyn Broker>,
        stop: Stop,
    ) -> Result<AttemptEnd, RunError> {
        if spec.component != component.digest() {
            return Err(RunError::OtherComponent {
                spec: spec.component,
                component: component.digest(),
            });
        }
        let shared = &component.shared;
        let link_error = |error: wasmtime::Error| RunError::Link(format!("{error:#}"));
        let link = || link::attempt(self.engine(), &shared.code, &shared.stubs, &spec.granted);
        let stage = StagePre::new(component.linked(&spec.granted, link).map_err(link_error)?).map_err(link_error)?;

        let (sender, mut receiver) = mpsc::channel(EVENTS_QUEUED);
        let budget = LogBudget::new();
        let stdout = LogStream::new(Level::Info, sender.clone(), budget.clone());
        // Tracebacks and panics come here, and they should be seen.
        let stderr = LogStream::new(Level::Warning, sender.clone(), budget.clone());
        let mut wasi = WasiCtx::builder();
        wasi.stdout(stdout.clone())
            .stderr(stderr.clone())
            .max_random_size(RANDOM_BYTES);
        wasi.initial_cwd(spec.workspace.to_string_lossy());
        for preopen in &preopens {
            preopen.add_to(&mut wasi, &spec.workspace)?;
        }

        let (attempt_source, attempt_stop) = StopSource::new();
        let feed = Feed::new(sender.clone(), budget);
        let guest = GuestState::new(WasiCtxBuilder::build(&mut wasi), spec.limits.memory_bytes);
        let attempt = Attempt::new(guest, spec.clone(), broker.clone(), feed, attempt_stop);
        let mut store = new_store(self.engine(), attempt, |attempt: &mut Attempt| &mut attempt.guest);

        let stage = async {
            let (result, cause) = {
                let call = async {
                    let stage = stage.instantiate_async(&mut store).await?;
                    stage.tidegate_stage_plugin().call_run(&mut store).await
                };
                until_over(call, spec.limits, &stop, &attempt_source, &broker).await
            };
            let end = conclude(result, cause, &store, spec.limits);
            let late = clean_up(store, &*broker).await;
            stdout.finish().await;
            stderr.finish().await;
            if let Some(event) = late {
                let _ = sender.send(event).await;
            }
            drop(sender);
            end
        };
        let forward = async {
            while let Some(event) = receiver.recv().await {
                events.emit(event).await;
            }
        };
        let (end, ()) = tokio::join!(stage, forward);
        Ok(end)
    }
}

type Returned = wasmtime::Result<Result<(), Failure>>;

/// The call's result, or None when it had to be dropped; and why it had to stop, if it had to.
async fn until_over(
    call: impl Future<Output = Returned>,
    limits: StageLimits,
    stop: &Stop,
    attempt: &StopSource,
    broker: &Arc<dyn Broker>,
) -> (Option<Returned>, Option<Cause>) {
    let mut cause = None;
    let watch = async {
        let reached = tokio::select! {
            biased;
            () = stop.requested() => Cause::Requested,
            () = tokio::time::sleep(limits.time) => Cause::Time,
        };
        cause = Some(reached);
        attempt.request();
        let grace = tokio::time::sleep(limits.stop_grace);
        if reached == Cause::Time {
            // A broker that is slow to hear it must not delay the end.
            let told = async {
                broker.time_is_over().await;
                std::future::pending::<()>().await;
            };
            tokio::select! { () = told => {}, () = grace => {} }
        } else {
            grace.await;
        }
    };
    let returned = tokio::select! {
        biased;
        returned = call => Some(returned),
        () = watch => None,
    };
    // The broker hears of a stop too, and a guest that it told may answer before this task has looked.
    let cause = cause.or_else(|| stop.is_requested().then_some(Cause::Requested));
    (returned, cause)
}

fn conclude(result: Option<Returned>, cause: Option<Cause>, store: &Store<Attempt>, limits: StageLimits) -> AttemptEnd {
    let guest = &store.data().guest;
    // An answer that comes after the time is no answer any more; after a stop only a success still counts.
    match (cause, &result) {
        (Some(Cause::Time), _) => return AttemptEnd::TimedOut(timed_out(limits.time, result)),
        (Some(Cause::Requested), None | Some(Err(_))) => return AttemptEnd::Cancelled(None),
        (Some(Cause::Requested), Some(Ok(Err(failure)))) => return AttemptEnd::Cancelled(Some(last_words(failure))),
        _ => {}
    }
    match result {
        None | Some(Ok(Ok(()))) => AttemptEnd::Passed,
        Some(Ok(Err(failure))) => match failure {
            Failure::Failed(text) => AttemptEnd::Failed(clip(text, MESSAGE_BYTES)),
            Failure::Misconfigured(text) => AttemptEnd::Misconfigured(clip(text, MESSAGE_BYTES)),
            Failure::Unavailable(text) => AttemptEnd::Unavailable(clip(text, MESSAGE_BYTES)),
            // A denial that the stage did not give up for is not its end.
            Failure::Other(text) if guest.denials.any_in(&text) => AttemptEnd::Denied(clip(text, MESSAGE_BYTES)),
            // It gave no answer, and so none that is no: a fault of the host comes this way too.
            Failure::Other(text) => AttemptEnd::Unavailable(clip(text, MESSAGE_BYTES)),
        },
        Some(Err(error)) => match Fault::of(&error, guest) {
            Fault::Denied(text) => AttemptEnd::Denied(text),
            Fault::Limit(text) => AttemptEnd::LimitExceeded(text),
            Fault::Trap(text) => AttemptEnd::Trapped(text),
        },
    }
}

fn timed_out(time: Duration, result: Option<Returned>) -> String {
    let how = match result {
        None => " and did not stop when told".to_owned(),
        Some(Ok(Err(failure))) => format!("; {}", last_words(&failure)),
        Some(Ok(Ok(())) | Err(_)) => String::new(),
    };
    format!("the stage took longer than its {} s{how}", time.as_secs_f64())
}

fn last_words(failure: &Failure) -> String {
    let (Failure::Failed(text) | Failure::Misconfigured(text) | Failure::Unavailable(text) | Failure::Other(text)) =
        failure;
    clip(text.clone(), MESSAGE_BYTES)
}

/// Drops the guest first, then gives back what the broker still holds for it. Returns the progress that was held back.
async fn clean_up(mut store: Store<Attempt>, broker: &dyn Broker) -> Option<StageEvent> {
    let attempt = store.data_mut();
    let late = attempt.feed.late_progress();
    let processes = std::mem::take(&mut attempt.processes);
    let connections = std::mem::take(&mut attempt.connections);
    drop(store);
    // All of them first: giving one back waits for its end.
    for process in &processes {
        broker.kill(*process).await;
    }
    for process in processes {
        broker.drop_process(process).await;
    }
    for connection in connections {
        broker.ssh_close(connection).await;
    }
    late
}
