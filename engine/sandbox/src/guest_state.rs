//! What every store holds, whatever the component is asked.

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView};

use crate::denied::{Denials, Denied};
use crate::limiter::Limiter;
use crate::limits::{COMPONENT_HANDLES, HOSTCALL_BYTES, TABLE_ENTRIES};

pub(crate) struct GuestState {
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) limiter: Limiter,
    pub(crate) denials: Denials,
}

impl GuestState {
    pub(crate) fn new(wasi: WasiCtx, memory_limit_bytes: u64) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(TABLE_ENTRIES);
        Self {
            wasi,
            table,
            limiter: Limiter::new(memory_limit_bytes),
            denials: Denials::default(),
        }
    }

    pub(crate) fn wasi_view(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }

    pub(crate) fn denied(&mut self) -> Denied<'_> {
        Denied {
            table: &mut self.table,
            denials: &mut self.denials,
        }
    }
}

/// A fresh store with every limit set. The guest gives way at each tick of the epoch, so that dropping its call ends it.
pub(crate) fn new_store<T: Send + 'static>(
    engine: &Engine,
    data: T,
    guest: impl (Fn(&mut T) -> &mut GuestState) + Send + Sync + 'static,
) -> Store<T> {
    let mut store = Store::new(engine, data);
    store.limiter(move |data| &mut guest(data).limiter);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    store.set_max_component_handles(COMPONENT_HANDLES);
    store.set_epoch_deadline(1);
    // Tokio's own yield, because it lets the timers run before the guest goes on; waking itself at once would not.
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))));
    store
}
