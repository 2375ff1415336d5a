//! A stage's log: one JSON object per line, only ever appended to.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tidegate_manifest::StageName;
use tidegate_sandbox::Level;

use super::{Journal, JournalError};
use crate::RunId;
use crate::event::LogSource;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    pub time: Timestamp,
    pub level: Level,
    pub source: LogSource,
    pub message: String,
}

/// An open log file.
pub(super) struct LogWriter {
    path: PathBuf,
    file: File,
}

impl LogWriter {
    pub(super) fn open(journal: &Journal, run: &RunId, stage: &StageName, attempt: u32) -> Result<Self, JournalError> {
        let folder = journal.run_folder(run);
        std::fs::create_dir_all(&folder).map_err(|error| JournalError::Write {
            path: folder.clone(),
            error,
        })?;
        let path = folder.join(format!("{stage}.{attempt}.log"));
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|error| JournalError::Write {
            path: path.clone(),
            error,
        })?;
        Ok(Self { path, file })
    }

    /// One write for each line, so that a reader or a crash never sees half a line.
    pub(super) fn append(&mut self, line: &LogLine) -> Result<(), JournalError> {
        let write = |error| JournalError::Write {
            path: self.path.clone(),
            error,
        };
        let mut text = serde_json::to_string(line).map_err(|error| write(error.into()))?;
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(write)
    }
}

/// The log of a stage's latest attempt; empty when it wrote none.
pub fn read_log(journal: &Journal, run: &RunId, stage: &str, attempt: u32) -> Result<Vec<LogLine>, JournalError> {
    let path = journal.run_folder(run).join(format!("{stage}.{attempt}.log"));
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(JournalError::Read { path, error }),
    };
    lines(BufReader::new(file), &path)
}

fn lines(reader: impl BufRead, path: &Path) -> Result<Vec<LogLine>, JournalError> {
    let mut lines = Vec::new();
    for line in reader.lines() {
        let line = line.map_err(|error| JournalError::Read {
            path: path.into(),
            error,
        })?;
        // A line that a full disk cut short is passed over; the others are still worth reading.
        lines.extend(serde_json::from_str::<LogLine>(&line));
    }
    Ok(lines)
}
