//! A run for people: what happens as it happens, failures whole, the rest short.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anstream::AutoStream;
use tidegate_manifest::StageName;
use tidegate_runner::Outcome;
use tidegate_runner::event::{Confinement, ConnectionResult, Event, EventKind, LogSource, Observer, ObserverError};
use tidegate_sandbox::{Level, Severity, TestOutcome};

use super::duration;
use super::hang;
use super::live_line::LiveLine;
use super::palette::{BOLD, CYAN, DIM, RED, RESET, YELLOW, mark, outcome_style};
use super::summary::{Summary, counted, place};
use crate::console::Console;

/// Lines of a failed stage's log that are shown again under its failure.
const TAIL_LINES: usize = 30;

pub(crate) struct Human {
    out: AutoStream<std::io::Stderr>,
    live: LiveLine,
    verbose: bool,
    quiet: bool,
    columns: Option<usize>,
    /// Of the stages' names.
    width: usize,
    stages: BTreeMap<StageName, StageView>,
    summary: Summary,
}

#[derive(Default)]
struct StageView {
    running: bool,
    doing: String,
    /// The last lines that were not shown when they came.
    tail: std::collections::VecDeque<String>,
    tests: u64,
    errors: u64,
}

impl Human {
    /// `manifest`: the one that was named on the command line, for the commands that are suggested at the end.
    pub(crate) fn new(console: &Console, manifest: Option<&Path>) -> Self {
        Self {
            out: console.stderr(),
            live: LiveLine::new(console.is_live()),
            verbose: console.verbose,
            quiet: console.quiet,
            columns: console.live_columns(),
            width: stage_width(&[]),
            stages: BTreeMap::new(),
            summary: Summary::new(console.live_columns(), manifest),
        }
    }

    fn line(&mut self, text: &str) -> std::io::Result<()> {
        let out = &mut self.out;
        self.live.aside(|| writeln!(out, "{text}"))
    }

    fn stage_line(&mut self, stage: &StageName, text: &str) -> std::io::Result<()> {
        let lead = self.lead(stage);
        self.line(&hang(&lead, text, self.columns))
    }

    /// What a program printed: tables and source code are not to be broken between words.
    fn program_line(&mut self, stage: &StageName, text: &str) -> std::io::Result<()> {
        let lead = self.lead(stage);
        self.line(&hang(&lead, text, None))
    }

    fn lead(&self, stage: &StageName) -> String {
        format!("{DIM}{:>width$}{RESET} ", stage.as_str(), width = self.width)
    }

    fn show(&mut self, kind: &EventKind) -> std::io::Result<()> {
        match kind {
            EventKind::RunStarted {
                run,
                pipeline,
                stages,
                dry_run,
                not_enforced,
                ..
            } => {
                self.width = stage_width(stages);
                if self.quiet {
                    return Ok(());
                }
                let dry = if *dry_run { ", dry run: nothing is changed" } else { "" };
                let count = counted(stages.len() as u64, "stage");
                self.line(&format!(
                    "{BOLD}{pipeline}{RESET}: {count}{dry} {DIM}· run {run}{RESET}"
                ))?;
                self.summary.not_enforced = not_enforced.clone();
                Ok(())
            }
            EventKind::StageStarted {
                stage,
                plugin,
                confinement,
                ..
            } => {
                let view = self.stages.entry(stage.clone()).or_default();
                view.running = true;
                let less = match confinement {
                    Confinement::None | Confinement::Full => "",
                    Confinement::Degraded => ", programs less confined",
                    Confinement::Unconfined => ", programs UNCONFINED",
                };
                if !self.quiet {
                    self.stage_line(stage, &format!("{CYAN}started{RESET} {DIM}{plugin}{less}{RESET}"))?;
                }
                self.tell_live();
                Ok(())
            }
            EventKind::Log {
                stage,
                level,
                source,
                message,
            } => self.log(stage, *level, *source, message),
            EventKind::Finding {
                stage,
                severity,
                code,
                message,
                location,
                help,
                ..
            } => {
                self.summary
                    .add_finding(stage, *severity, code, message, location.as_ref());
                self.finding(stage, *severity, code, message, location.as_ref(), help.as_deref())
            }
            EventKind::Test {
                stage,
                suite,
                name,
                outcome,
                message,
                location,
                ..
            } => {
                self.summary
                    .add_test(stage, &format!("{suite}::{name}"), *outcome, location.as_ref());
                self.test(stage, suite, name, *outcome, message.as_deref())
            }
            EventKind::Progress {
                stage,
                done,
                total,
                what,
            } => {
                let view = self.stages.entry(stage.clone()).or_default();
                view.doing = match total {
                    Some(total) => format!("{what} {done}/{total}"),
                    None => format!("{what} {done}"),
                };
                self.tell_live();
                Ok(())
            }
            EventKind::StageFinished {
                stage,
                outcome,
                message,
                duration_ms,
                ..
            } => self.stage_finished(stage, *outcome, message.as_deref(), *duration_ms),
            EventKind::RunFinished {
                run,
                outcome,
                duration_ms,
                ..
            } => {
                self.live.clear();
                let text = self.summary.text(*outcome, *duration_ms, run);
                if !self.quiet || *outcome != Outcome::Passed {
                    writeln!(self.out, "\n{text}")?;
                }
                Ok(())
            }
            EventKind::Artifact { stage, name, bytes, .. } if !self.quiet => {
                let size = tidegate_manifest::ByteSize(*bytes);
                self.stage_line(stage, &format!("{DIM}kept {name} ({size}){RESET}"))
            }
            EventKind::Output { stage, key, value } if self.verbose => {
                self.stage_line(stage, &format!("{DIM}output {key} = {value}{RESET}"))
            }
            EventKind::Metric {
                stage,
                name,
                value,
                unit,
            } if !self.quiet => self.stage_line(stage, &format!("{DIM}{name}: {} {unit}{RESET}", number(*value))),
            EventKind::SecretRead { stage, name } if self.verbose => {
                self.stage_line(stage, &format!("{DIM}read the secret {name}{RESET}"))
            }
            EventKind::Connection {
                stage,
                to,
                result,
                sent,
                received,
                ..
            } if self.verbose => {
                let size = |bytes: &u64| tidegate_manifest::ByteSize(*bytes);
                let text = match result {
                    ConnectionResult::Closed => format!("connected to {to}, {} out, {} in", size(sent), size(received)),
                    ConnectionResult::Failed => format!("did not reach {to}"),
                    ConnectionResult::Denied => format!("{to} is not granted"),
                };
                self.stage_line(stage, &format!("{DIM}{text}{RESET}"))
            }
            EventKind::Artifact { .. }
            | EventKind::Connection { .. }
            | EventKind::Output { .. }
            | EventKind::Metric { .. }
            | EventKind::SecretRead { .. }
            | EventKind::Summary { .. } => Ok(()),
        }
    }

    fn log(&mut self, stage: &StageName, level: Level, source: LogSource, message: &str) -> std::io::Result<()> {
        let style = match level {
            Level::Error => RED,
            Level::Warning => YELLOW,
            Level::Info => "",
            Level::Debug => DIM,
        };
        let shown = match level {
            Level::Error | Level::Warning => true,
            Level::Info => !self.quiet && (self.verbose || source == LogSource::Stage),
            Level::Debug => self.verbose,
        };
        if shown {
            let reset = if style.is_empty() { "" } else { RESET };
            let text = format!("{style}{message}{reset}");
            return match source {
                LogSource::Stdout | LogSource::Stderr => self.program_line(stage, &text),
                LogSource::Stage | LogSource::Engine => self.stage_line(stage, &text),
            };
        }
        if source != LogSource::Engine {
            let tail = &mut self.stages.entry(stage.clone()).or_default().tail;
            tail.push_back(message.to_owned());
            if tail.len() > TAIL_LINES {
                tail.pop_front();
            }
        }
        Ok(())
    }

    fn finding(
        &mut self,
        stage: &StageName,
        severity: Severity,
        code: &str,
        message: &str,
        location: Option<&tidegate_sandbox::Location>,
        help: Option<&str>,
    ) -> std::io::Result<()> {
        let (word, style) = match severity {
            Severity::Error => ("error", RED),
            Severity::Warning => ("warning", YELLOW),
            Severity::Note => ("note", CYAN),
        };
        if severity == Severity::Error {
            self.stages.entry(stage.clone()).or_default().errors += 1;
        } else if self.quiet {
            return Ok(());
        }
        let place = place(location);
        let mut lines = message.lines();
        let first = lines.next().unwrap_or_default();
        self.stage_line(
            stage,
            &format!("{style}{word}{RESET}: {BOLD}{place}{RESET}{first} {DIM}[{code}]{RESET}"),
        )?;
        for line in lines.chain(help.into_iter().flat_map(str::lines)) {
            self.stage_line(stage, &format!("  {line}"))?;
        }
        Ok(())
    }

    fn test(
        &mut self,
        stage: &StageName,
        suite: &str,
        name: &str,
        outcome: TestOutcome,
        message: Option<&str>,
    ) -> std::io::Result<()> {
        let bad = matches!(
            outcome,
            TestOutcome::Failed | TestOutcome::Errored | TestOutcome::UnexpectedPass
        );
        let view = self.stages.entry(stage.clone()).or_default();
        view.tests += 1;
        if bad {
            self.stage_line(stage, &format!("{RED}failed{RESET} {suite}::{name}"))?;
            // The stage reports the failure as a finding too, with its place; here only what has none.
            if let Some(message) = message.filter(|_| self.verbose) {
                for line in message.lines() {
                    self.stage_line(stage, &format!("  {line}"))?;
                }
            }
        } else if self.verbose {
            self.stage_line(stage, &format!("{DIM}{outcome:?} {suite}::{name}{RESET}"))?;
        }
        Ok(())
    }

    fn stage_finished(
        &mut self,
        stage: &StageName,
        outcome: Outcome,
        message: Option<&str>,
        duration_ms: u64,
    ) -> std::io::Result<()> {
        self.summary.add_stage(stage, outcome, message, duration_ms);
        let view = self.stages.entry(stage.clone()).or_default();
        view.running = false;
        let tests = view.tests;
        // Errors that were told with their places say better what went wrong.
        let wants_tail = view.errors == 0 && outcome != Outcome::Cancelled && !self.verbose;
        let tail = std::mem::take(&mut view.tail);
        let (style, mark) = (outcome_style(outcome), mark(outcome));
        let grave = !matches!(outcome, Outcome::Passed | Outcome::Skipped);
        if self.quiet && !grave {
            return Ok(());
        }
        if grave && !tail.is_empty() && wants_tail {
            self.stage_line(stage, &format!("{DIM}the last lines of its log:{RESET}"))?;
            for line in &tail {
                self.program_line(stage, &format!("{DIM}│{RESET} {line}"))?;
            }
        }
        let mut details = Vec::new();
        if outcome != Outcome::Skipped {
            details.push(duration(duration_ms));
        }
        if tests > 0 {
            details.push(counted(tests, "test"));
        }
        let details = if details.is_empty() {
            String::new()
        } else {
            format!(" {DIM}{}{RESET}", details.join(", "))
        };
        let mut lines = message.unwrap_or_default().lines();
        let first = lines.next().map(|line| format!(": {line}")).unwrap_or_default();
        self.stage_line(stage, &format!("{style}{mark} {outcome}{RESET}{details}{first}"))?;
        for line in lines {
            self.stage_line(stage, &format!("  {line}"))?;
        }
        self.tell_live();
        Ok(())
    }

    fn tell_live(&self) {
        let running: Vec<_> = self
            .stages
            .iter()
            .filter(|(_, view)| view.running)
            .map(|(name, view)| match view.doing.as_str() {
                "" => name.to_string(),
                doing => format!("{name} ({doing})"),
            })
            .collect();
        self.live.say(running.join(", "));
    }
}

impl Observer for Human {
    fn observe(&mut self, event: &Event) -> Result<(), ObserverError> {
        match self.show(&event.kind) {
            // A terminal that was closed does not end the run.
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(ObserverError {
                what: "write to the terminal".into(),
                error: error.to_string(),
            }),
        }
    }
}

fn stage_width(stages: &[StageName]) -> usize {
    stages
        .iter()
        .map(|stage| stage.as_str().len())
        .max()
        .unwrap_or(0)
        .clamp(4, 20)
}

/// At most two digits behind the point.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
