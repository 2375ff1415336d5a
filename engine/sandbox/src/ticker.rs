//! The clock by which guests give way.

use std::thread;

use wasmtime::Engine;

use crate::limits::EPOCH_TICK;

/// Starts a thread that advances the engine's epoch until the engine is gone. A thread of its own, because a busy runtime
/// would delay the ticks just when they are needed.
pub(crate) fn start(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    thread::Builder::new().name("epoch".into()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(EPOCH_TICK);
        }
    })?;
    Ok(())
}
