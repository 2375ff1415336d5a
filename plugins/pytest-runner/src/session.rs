use crate::event::{Event, Outcome, PythonError, TestEnd};

/// How many failed tests are remembered for the verdict; the rest is counted.
const REMEMBERED: usize = 100;

/// What is known of a pytest session by its events.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) launched: bool,
    pub(crate) configured: bool,
    /// None until the collection has ended.
    pub(crate) collected: Option<u64>,
    pub(crate) deselected: u64,
    pub(crate) counts: Counts,
    /// Tests that have started and not ended.
    pub(crate) running: Vec<String>,
    pub(crate) bad_tests: Vec<TestEnd>,
    pub(crate) collect_errors: Vec<(String, PythonError)>,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) internal_error: Option<PythonError>,
    pub(crate) interrupted: Option<String>,
    pub(crate) finished: Option<Finished>,
    pub(crate) coverage: Option<Coverage>,
    pub(crate) junit: Option<String>,
    pub(crate) ended: bool,
    /// Lines of the events file that are no event, a cut one included.
    pub(crate) odd_lines: u64,
}

/// Why pytest could not start a session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    NoPytest {
        python: String,
        error: PythonError,
    },
    OldPytest {
        version: String,
    },
    NoStart {
        conftest: Option<String>,
        error: PythonError,
    },
    Crashed {
        error: PythonError,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finished {
    pub(crate) exit: i32,
    /// Why it stopped early: `stopping after 1 failures`.
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Coverage {
    pub(crate) percent: f64,
    pub(crate) required: Option<f64>,
}

/// Tests that have ended, by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) errored: u64,
    pub(crate) skipped: u64,
    pub(crate) expected_failures: u64,
    /// Those of `xfail(strict=True)` are failures too.
    pub(crate) unexpected_passes: u64,
    pub(crate) strict_passes: u64,
}

impl Counts {
    pub(crate) fn total(&self) -> u64 {
        self.passed + self.failed + self.errored + self.skipped + self.expected_failures + self.unexpected_passes
    }

    /// Tests for which pytest fails a run.
    pub(crate) fn bad(&self) -> u64 {
        self.failed + self.errored + self.strict_passes
    }

    fn add(&mut self, test: &TestEnd) {
        let count = match test.outcome {
            Outcome::Passed => &mut self.passed,
            Outcome::Failed => &mut self.failed,
            Outcome::Errored => &mut self.errored,
            Outcome::Skipped => &mut self.skipped,
            Outcome::ExpectedFailure => &mut self.expected_failures,
            Outcome::UnexpectedPass => &mut self.unexpected_passes,
        };
        *count += 1;
        if test.outcome == Outcome::UnexpectedPass && !test.problems.is_empty() {
            self.strict_passes += 1;
        }
    }
}

impl Session {
    pub(crate) fn take(&mut self, event: Event) {
        match event {
            Event::Launched { .. } => self.launched = true,
            // What comes first is the cause; a crash follows from it.
            Event::NoPytest { python, error } => self.refuse(Refusal::NoPytest { python, error }),
            Event::OldPytest { version } => self.refuse(Refusal::OldPytest { version }),
            Event::NoStart { conftest, error } => self.refuse(Refusal::NoStart { conftest, error }),
            Event::Crashed { error } => self.refuse(Refusal::Crashed { error }),
            Event::Configured { .. } => self.configured = true,
            Event::Collected { total, deselected } => {
                self.collected = self.collected.max(Some(total));
                self.deselected = self.deselected.max(deselected);
            }
            Event::CollectError { id, error } => self.collect_errors.push((id, error)),
            Event::Started { id } => self.running.push(id),
            Event::Rerun { .. } => {}
            Event::Test(test) => self.end(test),
            Event::InternalError { error } => self.internal_error = self.internal_error.take().or(Some(error)),
            Event::Interrupted { reason } => self.interrupted = Some(reason),
            Event::Finished { exit, reason } => self.finished = Some(Finished { exit, reason }),
            Event::Coverage { percent, required } => self.coverage = Some(Coverage { percent, required }),
            Event::Junit { path } => self.junit = Some(path),
            Event::Ended {} => self.ended = true,
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.refusal.get_or_insert(refusal);
    }

    fn end(&mut self, test: TestEnd) {
        if let Some(index) = self.running.iter().position(|id| *id == test.id) {
            self.running.remove(index);
        }
        self.counts.add(&test);
        if !test.problems.is_empty() && self.bad_tests.len() < REMEMBERED {
            self.bad_tests.push(test);
        }
    }
}
