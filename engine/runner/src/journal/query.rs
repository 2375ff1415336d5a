//! Reading the journal, for `runs`, `show` and `logs`.

use rusqlite::{OptionalExtension, Row, params};

use super::{Journal, JournalError};
use crate::RunId;

/// A run as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunSelector {
    Last,
    /// An id or an unambiguous beginning of one.
    Prefix(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    pub id: RunId,
    pub pipeline: String,
    pub branch: Option<String>,
    pub commit: Option<String>,
    pub dry_run: bool,
    pub started: String,
    /// None: still running, or its engine died.
    pub outcome: Option<String>,
    pub duration_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    pub stage: String,
    pub attempt: u32,
    pub outcome: Option<String>,
    pub message: Option<String>,
    pub duration_ms: Option<u64>,
    pub confinement: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    pub stage: String,
    pub severity: String,
    pub code: String,
    pub message: String,
    pub path: Option<String>,
    pub line: Option<u32>,
    pub help: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestRow {
    pub stage: String,
    pub suite: String,
    pub name: String,
    pub outcome: String,
    pub duration_us: u64,
    pub message: Option<String>,
}

const RUN: &str = "SELECT id, pipeline, branch, commit_id, dry_run, started, outcome, duration_ms FROM runs";

impl Journal {
    /// The newest first.
    pub fn runs(&self, limit: u32) -> Result<Vec<RunRow>, JournalError> {
        let db = self.read()?;
        let mut query = db.prepare(&format!("{RUN} ORDER BY started DESC, id DESC LIMIT ?1"))?;
        Ok(query.query_map([limit], run_row)?.collect::<Result<_, _>>()?)
    }

    pub fn run(&self, selector: &RunSelector) -> Result<RunRow, JournalError> {
        let RunSelector::Prefix(prefix) = selector else {
            return self.runs(1)?.into_iter().next().ok_or(JournalError::NoRuns);
        };
        let db = self.read()?;
        let mut query = db.prepare(&format!("{RUN} WHERE substr(id, 1, ?2) = ?1 LIMIT 2"))?;
        let found: Vec<RunRow> = query
            .query_map(params![prefix, prefix.chars().count() as i64], run_row)?
            .collect::<Result<_, _>>()?;
        match <[RunRow; 1]>::try_from(found) {
            Ok([run]) => Ok(run),
            Err(found) if found.is_empty() => Err(JournalError::NoSuchRun(prefix.clone())),
            Err(_) => Err(JournalError::Ambiguous(prefix.clone())),
        }
    }

    /// In the order in which they started.
    pub fn attempts(&self, run: &RunId) -> Result<Vec<AttemptRow>, JournalError> {
        let db = self.read()?;
        let mut query = db.prepare(
            "SELECT stage, attempt, outcome, message, duration_ms, confinement FROM attempts
             WHERE run = ?1 ORDER BY started, rowid",
        )?;
        let rows = query.query_map([run.as_str()], |row| {
            Ok(AttemptRow {
                stage: row.get(0)?,
                attempt: row.get(1)?,
                outcome: row.get(2)?,
                message: row.get(3)?,
                duration_ms: millis(row, 4)?,
                confinement: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub fn findings(&self, run: &RunId) -> Result<Vec<FindingRow>, JournalError> {
        let db = self.read()?;
        let mut query = db.prepare(
            "SELECT stage, severity, code, message, path, line, help FROM findings WHERE run = ?1 ORDER BY rowid",
        )?;
        let rows = query.query_map([run.as_str()], |row| {
            Ok(FindingRow {
                stage: row.get(0)?,
                severity: row.get(1)?,
                code: row.get(2)?,
                message: row.get(3)?,
                path: row.get(4)?,
                line: row.get(5)?,
                help: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub fn tests(&self, run: &RunId) -> Result<Vec<TestRow>, JournalError> {
        let db = self.read()?;
        let mut query = db.prepare(
            "SELECT stage, suite, name, outcome, duration_us, message FROM tests WHERE run = ?1 ORDER BY rowid",
        )?;
        let rows = query.query_map([run.as_str()], |row| {
            Ok(TestRow {
                stage: row.get(0)?,
                suite: row.get(1)?,
                name: row.get(2)?,
                outcome: row.get(3)?,
                duration_us: millis(row, 4)?.unwrap_or_default(),
                message: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The Plan that a run was started with, as JSON.
    pub fn plan_text(&self, run: &RunId) -> Result<String, JournalError> {
        let text = self
            .read()?
            .query_row("SELECT plan FROM runs WHERE id = ?1", [run.as_str()], |row| row.get(0))
            .optional()?;
        text.ok_or_else(|| JournalError::NoSuchRun(run.to_string()))
    }
}

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: row.get::<_, String>(0)?.into(),
        pipeline: row.get(1)?,
        branch: row.get(2)?,
        commit: row.get(3)?,
        dry_run: row.get(4)?,
        started: row.get(5)?,
        outcome: row.get(6)?,
        duration_ms: millis(row, 7)?,
    })
}

fn millis(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row
        .get::<_, Option<i64>>(index)?
        .and_then(|value| u64::try_from(value).ok()))
}
