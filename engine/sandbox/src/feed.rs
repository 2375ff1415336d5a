//! What the stage tells, on its way to the event sink: counted, cut to size, and in order. Beyond a limit things are dropped
//! with one warning; losing the ten-thousandth finding is better than losing the run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::clip::clip;
use crate::limits::{
    EXTRAS, FINDINGS, LINE_COST, LOG_BYTES, MESSAGE_BYTES, METRICS, MIB, NAME_BYTES, PROGRESS_INTERVAL, SUMMARIES,
    SUMMARY_BYTES, TESTS,
};
use crate::{Finding, Level, Location, StageEvent, TestCase};

pub(crate) struct Feed {
    events: mpsc::Sender<StageEvent>,
    log_budget: LogBudget,
    findings: Quota,
    tests: Quota,
    metrics: Quota,
    summaries: Quota,
    progress: Progress,
}

impl Feed {
    pub(crate) fn new(events: mpsc::Sender<StageEvent>, log_budget: LogBudget) -> Self {
        Self {
            events,
            log_budget,
            findings: Quota::new("findings", FINDINGS),
            tests: Quota::new("tests", TESTS),
            metrics: Quota::new("metrics", METRICS),
            summaries: Quota::new("summaries", SUMMARIES),
            progress: Progress::default(),
        }
    }

    /// Returns once all that was told so far is with the sink: what the broker tells next comes behind it, as it happened.
    pub(crate) async fn settle(&self) {
        // Room for everything means that nothing waits. Nobody listens any more when the channel is closed.
        let _ = self.events.reserve_many(self.events.max_capacity()).await;
    }

    pub(crate) async fn log(&mut self, level: Level, message: String) {
        let message = clip(message, MESSAGE_BYTES);
        if let Some(event) = self.log_budget.admit(level, message) {
            self.send(event).await;
        }
    }

    pub(crate) async fn finding(&mut self, mut finding: Finding) {
        finding.code = clip(finding.code, NAME_BYTES);
        finding.message = clip(finding.message, MESSAGE_BYTES);
        finding.help = finding.help.map(|help| clip(help, MESSAGE_BYTES));
        finding.location = finding.location.map(clip_location);
        finding.extra = clip_extra(finding.extra);
        let admitted = self.findings.admit(StageEvent::Finding(finding));
        self.send_some(admitted).await;
    }

    pub(crate) async fn test(&mut self, mut test: TestCase) {
        test.suite = clip(test.suite, 4 * NAME_BYTES);
        test.name = clip(test.name, 4 * NAME_BYTES);
        test.message = test.message.map(|message| clip(message, MESSAGE_BYTES));
        test.location = test.location.map(clip_location);
        test.extra = clip_extra(test.extra);
        let admitted = self.tests.admit(StageEvent::Test(test));
        self.send_some(admitted).await;
    }

    pub(crate) async fn progress(&mut self, done: u64, total: Option<u64>, what: String) {
        let event = StageEvent::Progress {
            done,
            total,
            what: clip(what, NAME_BYTES),
        };
        let admitted = self.progress.admit(event, Instant::now());
        self.send_some(admitted).await;
    }

    pub(crate) async fn metric(&mut self, name: String, value: f64, unit: String) {
        let event = StageEvent::Metric {
            name: clip(name, NAME_BYTES),
            value,
            unit: clip(unit, NAME_BYTES),
        };
        let admitted = self.metrics.admit(event);
        self.send_some(admitted).await;
    }

    pub(crate) async fn summary(&mut self, markdown: String) {
        let admitted = self.summaries.admit(StageEvent::Summary {
            markdown: clip(markdown, SUMMARY_BYTES),
        });
        self.send_some(admitted).await;
    }

    /// The last progress, if it came too soon to be shown.
    pub(crate) fn late_progress(&mut self) -> Option<StageEvent> {
        self.progress.late.take()
    }

    async fn send_some(&mut self, event: Option<StageEvent>) {
        if let Some(event) = event {
            self.send(event).await;
        }
    }

    async fn send(&mut self, event: StageEvent) {
        // The receiver lives as long as the attempt, so this fails only for a guest that is already over.
        let _ = self.events.send(event).await;
    }
}

fn clip_location(mut location: Location) -> Location {
    location.path = clip(location.path, 4 * NAME_BYTES);
    location
}

fn clip_extra(mut extra: Vec<(String, String)>) -> Vec<(String, String)> {
    extra.truncate(EXTRAS);
    // A cut JSON value is none, so one that is too long goes as a whole.
    extra.retain(|(name, value)| name.len() <= NAME_BYTES && value.len() <= MESSAGE_BYTES);
    extra
}

/// How many of a kind may still come.
struct Quota {
    what: &'static str,
    limit: u32,
    left: u32,
    told: bool,
}

impl Quota {
    fn new(what: &'static str, limit: u32) -> Self {
        Self {
            what,
            limit,
            left: limit,
            told: false,
        }
    }

    /// The event, or the one warning in its place, or nothing.
    fn admit(&mut self, event: StageEvent) -> Option<StageEvent> {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            return Some(event);
        }
        let first = !std::mem::replace(&mut self.told, true);
        first.then(|| StageEvent::Log {
            level: Level::Warning,
            message: format!(
                "the stage reported more than {} {}; the rest is dropped",
                self.limit, self.what
            ),
        })
    }
}

#[derive(Default)]
struct Progress {
    last: Option<Instant>,
    late: Option<StageEvent>,
}

impl Progress {
    fn admit(&mut self, event: StageEvent, now: Instant) -> Option<StageEvent> {
        if self
            .last
            .is_some_and(|last| now.duration_since(last) < PROGRESS_INTERVAL)
        {
            self.late = Some(event);
            return None;
        }
        self.last = Some(now);
        self.late = None;
        Some(event)
    }
}

/// What the component may still log, shared by its streams and its own log calls.
#[derive(Debug, Clone)]
pub(crate) struct LogBudget(Arc<Mutex<Option<usize>>>);

impl LogBudget {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(LOG_BYTES))))
    }

    /// The line, or the one warning that the rest is lost, or nothing.
    pub(crate) fn admit(&self, level: Level, message: String) -> Option<StageEvent> {
        // One value is replaced at once, so it is whole even after a panic elsewhere.
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = left.as_mut()?;
        if let Some(after) = rest.checked_sub(message.len() + LINE_COST) {
            *rest = after;
            return Some(StageEvent::Log { level, message });
        }
        *left = None;
        Some(StageEvent::Log {
            level: Level::Warning,
            message: format!("output truncated: the stage logged more than {} MiB", LOG_BYTES / MIB),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_beyond_the_budget_is_told_once() {
        let budget = LogBudget::new();
        let lines = std::iter::from_fn(|| budget.admit(Level::Info, String::new())).count();
        assert_eq!(lines, LOG_BYTES / LINE_COST + 1);
        assert_eq!(budget.admit(Level::Info, String::new()), None);
    }

    #[test]
    fn the_last_progress_is_kept() {
        let mut progress = Progress::default();
        let event = |done| StageEvent::Progress {
            done,
            total: None,
            what: String::new(),
        };
        let start = Instant::now();
        assert_eq!(progress.admit(event(1), start), Some(event(1)));
        assert_eq!(progress.admit(event(2), start), None);
        assert_eq!(progress.late, Some(event(2)));
        assert_eq!(progress.admit(event(3), start + PROGRESS_INTERVAL), Some(event(3)));
        assert_eq!(progress.late, None);
    }
}
