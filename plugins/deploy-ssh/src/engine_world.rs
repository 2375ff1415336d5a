//! The stage's own side, through the engine.

use std::time::{Duration, Instant};

use tidegate_sdk::{context, http, report};

use crate::world::{Answer, Unanswered, World};

/// How soon a sleeping stage hears of a stop.
const SLEEP_SLICE: Duration = Duration::from_millis(200);

pub struct EngineWorld;

impl World for EngineWorld {
    fn stop_requested(&self) -> bool {
        context::stop_requested()
    }

    fn sleep(&self, time: Duration) {
        let end = Instant::now() + time;
        // A stop that was requested before is no reason to hurry: then this is a pause of the cleaning up.
        let stopping = context::stop_requested();
        while Instant::now() < end && (stopping || !context::stop_requested()) {
            std::thread::sleep(SLEEP_SLICE.min(end.saturating_duration_since(Instant::now())));
        }
    }

    fn info(&self, message: &str) {
        report::info(message);
    }

    fn warn(&self, message: &str) {
        report::warn(message);
    }

    fn progress(&self, done: u64, total: u64, what: &str) {
        report::progress(done, Some(total), what);
    }

    fn get(&self, url: &str, timeout: Duration) -> Result<Answer, Unanswered> {
        let response = http::Request::get(url)
            .timeout(timeout)
            .send()
            .map_err(|error| match error {
                http::Error::NotGranted(what) => Unanswered::NotGranted(what),
                http::Error::Stopping => Unanswered::Stopping,
                error => Unanswered::Other(error.to_string()),
            })?;
        let location = response.header("location").map(str::to_owned);
        Ok(Answer {
            status: response.status,
            location,
            body: response.text(),
        })
    }
}
