//! An event sink that keeps everything.

use std::sync::Mutex;

use async_trait::async_trait;
use tidegate_sandbox::{EventSink, StageEvent};

#[derive(Default)]
pub(crate) struct Records(Mutex<Vec<StageEvent>>);

impl Records {
    pub(crate) fn take(&self) -> Vec<StageEvent> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl EventSink for Records {
    async fn emit(&self, event: StageEvent) {
        self.0.lock().unwrap().push(event);
    }
}
