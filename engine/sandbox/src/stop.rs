//! The request to stop: from one source to everything that waits.

use tokio::sync::watch;

/// Held by whoever decides that an attempt must stop. Dropping it counts as a request.
#[derive(Debug)]
pub struct StopSource(watch::Sender<bool>);

/// Held by everything that may have to stop early.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl StopSource {
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    pub fn request(&self) {
        self.0.send_replace(true);
    }

    pub fn subscribe(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Stop {
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Returns once a stop is requested. Safe to drop while it waits.
    pub async fn requested(&self) {
        // An error means that the source is gone, which counts as a request.
        let _ = self.0.clone().wait_for(|requested| *requested).await;
    }
}
