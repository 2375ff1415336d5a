//! What the store of a running stage holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use wasmtime_wasi::{WasiCtxView, WasiView};

use crate::denied::Denied;
use crate::feed::Feed;
use crate::guest_state::GuestState;
use crate::limits::{BUILDER_BYTES, MIB};
use crate::{Broker, ConnectionId, ProcessId, StageSpec, Stop};

pub(crate) struct Attempt {
    pub(crate) guest: GuestState,
    pub(crate) spec: StageSpec,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) feed: Feed,
    /// Requested at a cancellation and at the end of the stage's time.
    pub(crate) stop: Stop,
    /// Given out by the broker and not yet given back.
    pub(crate) processes: BTreeSet<ProcessId>,
    pub(crate) connections: BTreeSet<ConnectionId>,
    builder_bytes: usize,
}

impl Attempt {
    pub(crate) fn new(guest: GuestState, spec: StageSpec, broker: Arc<dyn Broker>, feed: Feed, stop: Stop) -> Self {
        Self {
            guest,
            spec,
            broker,
            feed,
            stop,
            processes: BTreeSet::new(),
            connections: BTreeSet::new(),
            builder_bytes: 0,
        }
    }

    pub(crate) fn denied(&mut self) -> Denied<'_> {
        self.guest.denied()
    }

    /// Counts what the host keeps of a command or request that the guest is putting together.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), LimitBroken> {
        self.builder_bytes = self.builder_bytes.saturating_add(bytes);
        if self.builder_bytes > BUILDER_BYTES {
            let what = format!("more than {} MiB in commands and requests", BUILDER_BYTES / MIB);
            return Err(LimitBroken(what));
        }
        Ok(())
    }

    pub(crate) fn refund(&mut self, bytes: usize) {
        self.builder_bytes = self.builder_bytes.saturating_sub(bytes);
    }

    pub(crate) fn note_denial(&mut self, text: &str) {
        self.guest.denials.note(text);
    }
}

impl WasiView for Attempt {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.guest.wasi_view()
    }
}

/// Ends the attempt as `limit-exceeded`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct LimitBroken(pub(crate) String);
