//! What a run needs beside its plan.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::Value;
use tidegate_sandbox::{Component, Digest, Sandbox};

use crate::artifact_store::ArtifactStore;
use crate::event::Observer;
use crate::journal::Journal;
use crate::pipeline::Pipeline;
use crate::plan::Plan;
use crate::{Host, Masker, RunId, Secrets};

/// Components by digest, with their JSON Schemas for values that become known on the way.
#[derive(Clone, Default)]
pub struct Components(BTreeMap<Digest, (Component, Arc<Value>)>);

impl Components {
    pub fn of(pipeline: &Pipeline) -> Self {
        let plugins = pipeline.stages.iter().map(|stage| &stage.plugin);
        Self(
            plugins
                .map(|plugin| (plugin.id.digest, (plugin.component.clone(), plugin.schema.clone())))
                .collect(),
        )
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<&(Component, Arc<Value>)> {
        self.0.get(digest)
    }
}

pub struct RunSetup {
    pub run: RunId,
    pub plan: Plan,
    pub components: Components,
    pub secrets: Secrets,
    pub sandbox: Arc<Sandbox>,
    pub host: Host,
    pub journal: Journal,
    /// In this order; the journal first, so that nothing is shown that is not kept.
    pub observers: Vec<Box<dyn Observer>>,
    /// Stages at the same time; at least 1.
    pub jobs: usize,
    /// Go on with stages that don't need the one that failed.
    pub keep_going: bool,
}

/// What all executors of a run share.
pub(super) struct Shared {
    pub(super) run: RunId,
    pub(super) plan: Plan,
    pub(super) components: Components,
    pub(super) secrets: Arc<Secrets>,
    pub(super) masker: Arc<Masker>,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) host: Host,
    pub(super) journal: Journal,
    pub(super) artifacts: ArtifactStore,
    /// Whether it was said that programs have root's id here: once is enough.
    pub(super) told_of_ids: AtomicBool,
}
