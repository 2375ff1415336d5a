//! The journal as an observer of a run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use tidegate_manifest::StageName;

use super::log_file::{LogLine, LogWriter};
use super::{Journal, JournalError};
use crate::event::{Event, EventKind, Observer, ObserverError};
use crate::plan::Plan;
use crate::{Outcome, RunId};

/// Writes each event before anyone else sees it.
pub struct Recorder {
    journal: Journal,
    connection: Connection,
    run: RunId,
    plan: String,
    components: BTreeMap<StageName, String>,
    attempts: BTreeMap<StageName, u32>,
    logs: BTreeMap<StageName, LogWriter>,
    engine: String,
    /// What waits for the next transaction; a test run has thousands of rows.
    pending: Vec<Event>,
    flushed: Instant,
}

/// Events that wait at most, and how long: what a crash may lose of the tests and findings of a running stage.
const MAX_PENDING: usize = 500;
const MAX_DELAY: Duration = Duration::from_secs(1);

impl Recorder {
    /// `engine`: the engine's version.
    pub fn new(journal: &Journal, run: &RunId, plan: &Plan, engine: &str) -> Result<Self, JournalError> {
        let components = plan
            .stages
            .iter()
            .map(|stage| (stage.name.clone(), stage.plugin.digest.to_string()))
            .collect();
        Ok(Self {
            connection: journal.connect()?,
            journal: journal.clone(),
            run: run.clone(),
            plan: serde_json::to_string(plan).unwrap_or_default(),
            components,
            attempts: BTreeMap::new(),
            logs: BTreeMap::new(),
            engine: engine.into(),
            pending: Vec::new(),
            flushed: Instant::now(),
        })
    }

    fn record(&mut self, event: &Event) -> Result<(), JournalError> {
        match &event.kind {
            EventKind::Log {
                stage,
                level,
                source,
                message,
            } => {
                let line = LogLine {
                    time: event.time,
                    level: *level,
                    source: *source,
                    message: message.clone(),
                };
                return self.log(stage, &line);
            }
            EventKind::Progress { .. } => return Ok(()),
            _ => {}
        }
        let may_wait = matches!(
            event.kind,
            EventKind::Test { .. }
                | EventKind::Finding { .. }
                | EventKind::Metric { .. }
                | EventKind::Summary { .. }
                | EventKind::Connection { .. }
        );
        self.pending.push(event.clone());
        if may_wait && self.pending.len() < MAX_PENDING && self.flushed.elapsed() < MAX_DELAY {
            return Ok(());
        }
        self.flush()
    }

    /// One short transaction: another engine of the same project waits for it, and for no more.
    fn flush(&mut self) -> Result<(), JournalError> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        for event in std::mem::take(&mut self.pending) {
            self.insert(event.time, &event.kind)?;
        }
        self.connection.execute_batch("COMMIT")?;
        self.flushed = Instant::now();
        Ok(())
    }

    fn insert(&mut self, time: Timestamp, kind: &EventKind) -> Result<(), JournalError> {
        let (run, time) = (self.run.as_str(), time.to_string());
        let db = &self.connection;
        match kind {
            EventKind::RunStarted {
                pipeline,
                dry_run,
                commit,
                branch,
                ..
            } => {
                let sql = "INSERT INTO runs (id, pipeline, plan, engine, branch, commit_id, dry_run, started)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
                db.execute(
                    sql,
                    params![run, pipeline, self.plan, self.engine, branch, commit, dry_run, time],
                )?;
            }
            EventKind::StageStarted {
                stage,
                attempt,
                confinement,
                ..
            } => {
                self.attempts.insert(stage.clone(), *attempt);
                let sql = "INSERT INTO attempts (run, stage, attempt, component, confinement, started)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                let component = self.components.get(stage);
                db.execute(
                    sql,
                    params![run, stage.as_str(), attempt, component, confinement.as_str(), time],
                )?;
            }
            EventKind::Finding {
                stage,
                severity,
                code,
                message,
                location,
                help,
                ..
            } => {
                let path = location.as_ref().map(|location| &location.path);
                let line = location.as_ref().and_then(|location| location.line);
                let severity = format!("{severity:?}").to_lowercase();
                let sql = "INSERT INTO findings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
                let attempt = self.attempt(stage);
                db.execute(
                    sql,
                    params![run, stage.as_str(), attempt, severity, code, message, path, line, help],
                )?;
            }
            EventKind::Test {
                stage,
                suite,
                name,
                outcome,
                duration_us,
                message,
                ..
            } => {
                let outcome = serde_json::to_value(outcome).unwrap_or_default();
                let sql = "INSERT INTO tests VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
                let (attempt, outcome) = (self.attempt(stage), outcome.as_str().unwrap_or_default());
                let duration = i64::try_from(*duration_us).unwrap_or(i64::MAX);
                db.execute(
                    sql,
                    params![run, stage.as_str(), attempt, suite, name, outcome, duration, message],
                )?;
            }
            EventKind::Metric {
                stage,
                name,
                value,
                unit,
            } => {
                let sql = "INSERT INTO metrics VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                db.execute(
                    sql,
                    params![run, stage.as_str(), self.attempt(stage), name, value, unit],
                )?;
            }
            EventKind::Summary { stage, markdown } => {
                let sql = "INSERT INTO summaries VALUES (?1, ?2, ?3, ?4)";
                db.execute(sql, params![run, stage.as_str(), self.attempt(stage), markdown])?;
            }
            EventKind::Output { stage, key, value } => {
                let sql = "INSERT OR REPLACE INTO outputs VALUES (?1, ?2, ?3, ?4, ?5)";
                db.execute(
                    sql,
                    params![run, stage.as_str(), self.attempt(stage), key, value.to_string()],
                )?;
            }
            EventKind::Artifact {
                stage,
                name,
                media_type,
                digest,
                bytes,
            } => {
                let sql = "INSERT OR REPLACE INTO artifacts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
                let bytes = i64::try_from(*bytes).unwrap_or(i64::MAX);
                db.execute(
                    sql,
                    params![
                        run,
                        stage.as_str(),
                        self.attempt(stage),
                        name,
                        media_type,
                        digest,
                        bytes
                    ],
                )?;
            }
            EventKind::StageFinished {
                stage,
                attempt,
                outcome,
                message,
                duration_ms,
            } => {
                self.finish_stage(stage, *attempt, *outcome, message.as_deref(), *duration_ms, &time)?;
                self.logs.remove(stage);
            }
            EventKind::RunFinished {
                outcome, duration_ms, ..
            } => {
                let sql = "UPDATE runs SET finished = ?2, outcome = ?3, duration_ms = ?4 WHERE id = ?1";
                db.execute(
                    sql,
                    params![
                        run,
                        time,
                        outcome.as_str(),
                        i64::try_from(*duration_ms).unwrap_or(i64::MAX)
                    ],
                )?;
            }
            EventKind::SecretRead { stage, name } => {
                let sql = "INSERT INTO secret_reads VALUES (?1, ?2, ?3, ?4, ?5)";
                db.execute(sql, params![run, stage.as_str(), self.attempt(stage), name, time])?;
            }
            EventKind::Connection {
                stage,
                to,
                result,
                sent,
                received,
                message,
            } => {
                let bytes = |count: &u64| i64::try_from(*count).unwrap_or(i64::MAX);
                let sql = "INSERT INTO connections VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
                db.execute(
                    sql,
                    params![
                        run,
                        stage.as_str(),
                        self.attempt(stage),
                        to,
                        result.as_str(),
                        bytes(sent),
                        bytes(received),
                        message,
                        time
                    ],
                )?;
            }
            EventKind::Log { .. } | EventKind::Progress { .. } => {}
        }
        Ok(())
    }

    /// A skipped stage was never started, so the row may have to be made now.
    fn finish_stage(
        &self,
        stage: &StageName,
        attempt: u32,
        outcome: Outcome,
        message: Option<&str>,
        duration_ms: u64,
        time: &str,
    ) -> Result<(), JournalError> {
        let sql = "INSERT INTO attempts (run, stage, attempt, started, finished, outcome, message, duration_ms)
                   VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7)
                   ON CONFLICT DO UPDATE SET finished = excluded.finished, outcome = excluded.outcome,
                       message = excluded.message, duration_ms = excluded.duration_ms";
        let duration = i64::try_from(duration_ms).unwrap_or(i64::MAX);
        let run = self.run.as_str();
        self.connection.execute(
            sql,
            params![run, stage.as_str(), attempt, time, outcome.as_str(), message, duration],
        )?;
        Ok(())
    }

    fn attempt(&self, stage: &StageName) -> u32 {
        self.attempts.get(stage).copied().unwrap_or(1)
    }

    fn log(&mut self, stage: &StageName, line: &LogLine) -> Result<(), JournalError> {
        if !self.logs.contains_key(stage) {
            let writer = LogWriter::open(&self.journal, &self.run, stage, self.attempt(stage))?;
            self.logs.insert(stage.clone(), writer);
        }
        match self.logs.get_mut(stage) {
            Some(writer) => writer.append(line),
            None => Ok(()),
        }
    }
}

impl Observer for Recorder {
    fn observe(&mut self, event: &Event) -> Result<(), ObserverError> {
        let what = "keep the run's journal".to_owned();
        self.record(event).map_err(|error| ObserverError {
            what,
            error: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use tidegate_sandbox::TestOutcome;

    use super::*;
    use crate::journal::RunSelector;

    fn recorder(journal: &Journal, run: &RunId) -> Recorder {
        Recorder::new(journal, run, &Plan::default(), "0.0.0").unwrap()
    }

    fn started(run: &RunId) -> EventKind {
        EventKind::RunStarted {
            run: run.clone(),
            pipeline: "shop".into(),
            stages: Vec::new(),
            dry_run: false,
            commit: None,
            branch: None,
            not_enforced: Vec::new(),
        }
    }

    fn test(name: &str) -> EventKind {
        EventKind::Test {
            stage: "tests".parse().unwrap(),
            suite: "suite".into(),
            name: name.into(),
            outcome: TestOutcome::Passed,
            duration_us: 1,
            message: None,
            location: None,
            extra: serde_json::Value::Null,
        }
    }

    fn tell(recorder: &mut Recorder, kind: EventKind) {
        recorder
            .observe(&Event {
                time: Timestamp::now(),
                kind,
            })
            .unwrap();
    }

    #[test]
    fn two_runs_at_once_do_not_wait_for_each_others_tests() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let (first, second) = (RunId::new(1, 1), RunId::new(2, 2));
        let (mut one, mut two) = (recorder(&journal, &first), recorder(&journal, &second));
        tell(&mut one, started(&first));
        tell(&mut one, test("a"));
        let begun = Instant::now();
        tell(&mut two, started(&second));
        tell(&mut two, test("b"));
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "it waited for the other's transaction"
        );
        for (recorder, run) in [(&mut one, &first), (&mut two, &second)] {
            let (run, outcome) = (run.clone(), Outcome::Passed);
            tell(
                recorder,
                EventKind::RunFinished {
                    run,
                    outcome,
                    exit_code: 0,
                    duration_ms: 1,
                },
            );
        }
        assert_eq!(journal.tests(&first).unwrap()[0].name, "a");
        assert_eq!(journal.tests(&second).unwrap()[0].name, "b");
        assert_eq!(
            journal.run(&RunSelector::Last).unwrap().outcome.as_deref(),
            Some("passed")
        );
    }
}
