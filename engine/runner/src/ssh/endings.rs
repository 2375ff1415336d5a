//! Remote commands that are being ended although nobody waits for them any more.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::timeout;

use super::limits::ENDINGS_TIME;

/// How many there are; clones count together.
#[derive(Debug, Clone)]
pub struct Endings(Arc<watch::Sender<usize>>);

impl Default for Endings {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

/// One of them, until it is dropped.
pub(super) struct Ending(Endings);

impl Endings {
    pub(super) fn begin(&self) -> Ending {
        self.0.send_modify(|count| *count += 1);
        Ending(self.clone())
    }

    /// Waits until there are none, two seconds at most: then the other side is too slow or gone, and the rest is left to it.
    pub async fn over(&self) {
        // An error would mean that the sender is gone, and it is in `self`.
        let _ = timeout(ENDINGS_TIME, self.0.subscribe().wait_for(|count| *count == 0)).await;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}
