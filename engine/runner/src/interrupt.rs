//! How a stop reaches the calls of a stage.

use tidegate_sandbox::Stop;

/// A call ends when a stop is requested while it is under way. One that is made after that works as ever, so that a stage
/// can use its grace to leave things whole.
pub(crate) struct Interrupt(Option<Stop>);

impl Interrupt {
    /// For a call that starts now.
    pub(crate) fn from_now(stop: &Stop) -> Self {
        Self((!stop.is_requested()).then(|| stop.clone()))
    }

    pub(crate) async fn requested(&self) {
        match &self.0 {
            Some(stop) => stop.requested().await,
            None => std::future::pending().await,
        }
    }
}
