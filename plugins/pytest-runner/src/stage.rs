use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_sdk::process::{Exit, Sink, Stream, Tail};
use tidegate_sdk::{Failure, Request, Stage, context, failure, process, report};

use crate::config::{Config, PYTHON};
use crate::event::Event;
use crate::event_file::EventFile;
use crate::harness::{EVENTS_VARIABLE, Harness, JUNIT_VARIABLE};
use crate::session::Session;
use crate::tell;
use crate::verdict::judge;

pub(crate) struct PytestRunner;

/// How late a test may be told, when pytest itself is silent.
const LOOK: Duration = Duration::from_millis(100);

/// One broken fixture can fail every test of a project; each is told as a test, and only these as findings.
const FINDINGS: usize = 200;

impl Stage for PytestRunner {
    const NAME: &'static str = "pytest-runner";
    const SUMMARY: &'static str = "Runs the project's tests with pytest and reports each one as it ends";
    type Config = Config;

    fn requests(_: &Config) -> Vec<Request> {
        Self::requests_without_config()
    }

    fn requests_without_config() -> Vec<Request> {
        vec![Request::exec(PYTHON, "the environment's Python, to run pytest")]
    }

    fn run(config: Config) -> Result<(), Failure> {
        if context::dry_run() {
            report::info(format!("would run: {}", config.shown().line()));
            return Ok(());
        }
        let harness = Harness::write(&context::scratch())
            .map_err(|error| failure::other(format!("the scratch folder can't be written: {error}")))?;
        let mut run = Run {
            workspace: context::workspace(),
            events: EventFile::new(harness.events.clone()),
            session: Session::default(),
            stderr: Tail::default(),
            findings: 0,
        };
        let exit = run.follow(&config, &harness)?;
        run.outputs()?;
        run.keep_junit(harness.junit);
        judge(&run.session, &exit, &run.stderr, &run.workspace)
    }
}

struct Run {
    workspace: PathBuf,
    events: EventFile,
    session: Session,
    stderr: Tail,
    findings: usize,
}

impl Run {
    fn follow(&mut self, config: &Config, harness: &Harness) -> Result<Exit, Failure> {
        let command = config
            .command(&text(&harness.launcher))
            .env(EVENTS_VARIABLE, text(&harness.events))
            .env(JUNIT_VARIABLE, text(&harness.junit));
        let child = command
            .spawn(Sink::Capture, Sink::Capture)
            .map_err(|error| match error {
                process::Error::NotFound(_) => failure::misconfigured(format!(
                    "{error}\n\nhint: the stage that makes the environment belongs into `needs`"
                )),
                error => error.into(),
            })?;
        let mut stderr = std::mem::take(&mut self.stderr);
        let exit = child.follow(
            LOOK,
            |stream, line| {
                report::debug(line);
                if stream == Stream::Stderr {
                    stderr.push(line);
                }
            },
            || self.read_events(),
        );
        self.stderr = stderr;
        while !self.read_some_events() {}
        if self.events.is_cut() {
            self.session.odd_lines += 1;
        }
        Ok(exit)
    }

    fn read_events(&mut self) {
        self.read_some_events();
    }

    /// True at the file's end, for now. A file that can't be read ends there: the verdict then misses what it needs.
    fn read_some_events(&mut self) -> bool {
        let read = match self.events.read() {
            Ok(read) => read,
            Err(error) => {
                report::warn(format!("pytest's events can't be read: {error}"));
                self.session.odd_lines += 1;
                return true;
            }
        };
        self.session.odd_lines += read.odd_lines;
        for event in read.events {
            self.tell(&event);
            self.session.take(event);
        }
        read.at_end
    }

    fn tell(&mut self, event: &Event) {
        match event {
            Event::Test(end) => {
                tell::test(end, &self.workspace).add();
                for finding in tell::findings(end, &self.workspace) {
                    self.add(finding);
                }
                report::progress(self.session.counts.total() + 1, self.session.collected, "tests");
            }
            Event::Collected { total, .. } => report::progress(0, Some(*total), "tests"),
            Event::CollectError { id, error } => self.add(tell::collection(id, error, &self.workspace)),
            Event::InternalError { error } => self.add(tell::internal_error(error, &self.workspace)),
            Event::NoStart { error, .. } => {
                if let Some(finding) = tell::no_start(error, &self.workspace) {
                    self.add(finding);
                }
            }
            Event::Rerun { id } => report::warn(format!("{id} failed and is run again")),
            _ => {}
        }
    }

    fn add(&mut self, finding: report::Finding) {
        self.findings += 1;
        match self.findings {
            ..=FINDINGS => finding.add(),
            count if count == FINDINGS + 1 => {
                report::warn(format!(
                    "more than {FINDINGS} findings: the others are in the list of tests and in the log"
                ));
            }
            _ => {}
        }
    }

    fn outputs(&mut self) -> Result<(), Failure> {
        if let Some(coverage) = self.session.coverage {
            report::metric("coverage", coverage.percent, "%");
            report::output("coverage", &coverage.percent)?;
            if let Some(finding) = tell::coverage(coverage) {
                self.add(finding);
            }
        }
        let counts = &self.session.counts;
        for (key, count) in [
            ("total", counts.total()),
            ("passed", counts.passed),
            ("failed", counts.failed),
            ("errored", counts.errored),
            ("skipped", counts.skipped),
            ("expected-failures", counts.expected_failures),
            ("unexpected-passes", counts.unexpected_passes),
        ] {
            report::output(key, &count)?;
        }
        Ok(())
    }

    /// The report is a help, and its absence no reason to fail.
    fn keep_junit(&self, default: PathBuf) {
        let path = self.session.junit.as_ref().map_or(default, PathBuf::from);
        if path.is_file()
            && let Err(error) = report::keep("junit", &path, "application/xml")
        {
            report::warn(error.to_string());
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
