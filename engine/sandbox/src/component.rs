//! A component that was looked at and compiled, and can be run any number of times.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::component::InstancePre;

use crate::attempt::Attempt;
use crate::bindings::StagePre;
use crate::probe::Probe;
use crate::{Digest, Interface};

/// Cheap to clone; all clones share the compiled code.
#[derive(Clone)]
pub struct Component {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) code: wasmtime::component::Component,
    pub(crate) digest: Digest,
    pub(crate) cached: bool,
    /// Interfaces of `wasi:http` that it imports.
    pub(crate) stubs: Vec<String>,
    pub(crate) probe: StagePre<Probe>,
    /// One for each set of grants, of which there are few.
    pub(crate) linked: Mutex<HashMap<BTreeSet<Interface>, InstancePre<Attempt>>>,
}

impl Component {
    /// Of the bytes that were compiled.
    pub fn digest(&self) -> Digest {
        self.shared.digest
    }

    /// True when the compiled code came from the cache.
    pub fn from_cache(&self) -> bool {
        self.shared.cached
    }

    pub(crate) fn linked(
        &self,
        granted: &BTreeSet<Interface>,
        link: impl FnOnce() -> wasmtime::Result<InstancePre<Attempt>>,
    ) -> wasmtime::Result<InstancePre<Attempt>> {
        // The map is whole at every point where a panic could have happened.
        let mut linked = self.shared.linked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pre) = linked.get(granted) {
            return Ok(pre.clone());
        }
        let pre = link()?;
        linked.insert(granted.clone(), pre.clone());
        Ok(pre)
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Component").field(&self.shared.digest).finish()
    }
}
