//! Asking a component what it is and what it wants, before anything is granted to it.

use std::time::Duration;

use wasmtime::Store;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::Stage;
use crate::clip::clip;
use crate::denied::Denied;
use crate::fault::Fault;
use crate::guest_state::{GuestState, new_store};
use crate::limits::{MESSAGE_BYTES, NAME_BYTES, PROBE_MEMORY_BYTES, PROBE_TIME, RANDOM_BYTES, REQUESTS, SCHEMA_BYTES};
use crate::{Component, Sandbox};

/// What a component says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub name: String,
    pub version: String,
    pub summary: String,
    /// JSON Schema of the stage's `with` table, as the component wrote it.
    pub config_schema: String,
}

/// Something that a component asks for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Request {
    /// A grant's key.
    pub capability: String,
    /// The stage's own name, or the path, host or target meant.
    pub name: String,
    /// For people.
    pub reason: String,
    pub optional: bool,
}

/// Why a component did not answer. Its own fault, or its answer about the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The answer of `requests` to an input that it can't work with.
    #[error("the component refuses its config: {0}")]
    Refused(String),
    #[error("the component did not answer within {} s", PROBE_TIME.as_secs())]
    TimedOut,
    #[error("the component went beyond a limit: {0}")]
    LimitExceeded(String),
    #[error("the component trapped: {0}")]
    Trapped(String),
}

/// The store of a component that is asked: without a broker, an event sink or a file.
pub(crate) struct Probe(GuestState);

impl Probe {
    pub(crate) fn denied(&mut self) -> Denied<'_> {
        self.0.denied()
    }
}

impl WasiView for Probe {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.0.wasi_view()
    }
}

impl Sandbox {
    /// What the component says of itself. Needs no grant and has no effect.
    pub async fn describe(&self, component: &Component) -> Result<Description, ProbeError> {
        let description = self
            .probe(component, PROBE_TIME, async |stage, store| {
                stage.tidegate_stage_plugin().call_describe(store).await
            })
            .await?;
        if description.config_schema.len() > SCHEMA_BYTES {
            return Err(ProbeError::LimitExceeded("its schema has more than 1 MiB".into()));
        }
        Ok(Description {
            name: clip(description.name, NAME_BYTES),
            version: clip(description.version, NAME_BYTES),
            summary: clip(description.summary, MESSAGE_BYTES),
            config_schema: description.config_schema,
        })
    }

    /// What the component asks for with this input: JSON with the config and the pointers of values not known yet.
    pub async fn requests(&self, component: &Component, input: &str) -> Result<Vec<Request>, ProbeError> {
        let requests = self
            .probe(component, PROBE_TIME, async |stage, store| {
                stage.tidegate_stage_plugin().call_requests(store, input).await
            })
            .await?
            .map_err(|text| ProbeError::Refused(clip(text, MESSAGE_BYTES)))?;
        if requests.len() > REQUESTS {
            return Err(ProbeError::LimitExceeded(format!(
                "it asks for more than {REQUESTS} things"
            )));
        }
        let request = |request: crate::bindings::plugin::Request| Request {
            capability: clip(request.capability, NAME_BYTES),
            name: clip(request.name, 4 * NAME_BYTES),
            reason: clip(request.reason, MESSAGE_BYTES),
            optional: request.optional,
        };
        Ok(requests.into_iter().map(request).collect())
    }

    async fn probe<T>(
        &self,
        component: &Component,
        time: Duration,
        ask: impl AsyncFnOnce(&Stage, &mut Store<Probe>) -> wasmtime::Result<T>,
    ) -> Result<T, ProbeError> {
        let wasi = WasiCtx::builder().max_random_size(RANDOM_BYTES).build();
        let state = GuestState::new(wasi, PROBE_MEMORY_BYTES);
        let mut store = new_store(self.engine(), Probe(state), |probe: &mut Probe| &mut probe.0);
        let answer = tokio::time::timeout(time, async {
            let stage = component.shared.probe.instantiate_async(&mut store).await?;
            ask(&stage, &mut store).await
        })
        .await
        .map_err(|_| ProbeError::TimedOut)?;
        answer.map_err(|error| match Fault::of(&error, &store.data().0) {
            Fault::Limit(text) => ProbeError::LimitExceeded(text),
            Fault::Denied(text) | Fault::Trap(text) => ProbeError::Trapped(text),
        })
    }
}
