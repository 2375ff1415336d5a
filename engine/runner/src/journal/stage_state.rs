//! A stage's small memory between runs.

use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use tidegate_manifest::StageName;
use tidegate_sandbox::limits::{KEY_BYTES, STATE_KEYS, STATE_VALUE_BYTES};

use super::{Journal, JournalError};

pub struct StageState {
    connection: Mutex<Connection>,
    pipeline: String,
    stage: String,
}

impl StageState {
    pub fn open(journal: &Journal, pipeline: &str, stage: &StageName) -> Result<Self, JournalError> {
        let connection = Mutex::new(journal.connect()?);
        Ok(Self {
            connection,
            pipeline: pipeline.into(),
            stage: stage.to_string(),
        })
    }

    pub fn get(&self, key: &str) -> Result<Option<String>, JournalError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let query = "SELECT value FROM state WHERE pipeline = ?1 AND stage = ?2 AND key = ?3";
        Ok(connection
            .query_row(query, params![self.pipeline, self.stage, key], |row| row.get(0))
            .optional()?)
    }

    /// The error is a text for the stage.
    pub fn put(&self, key: &str, value: &str) -> Result<(), String> {
        if key.is_empty() || key.len() > KEY_BYTES {
            return Err(format!("a key has 1 to {KEY_BYTES} bytes"));
        }
        if value.len() > STATE_VALUE_BYTES {
            return Err(format!("a value has at most {STATE_VALUE_BYTES} bytes"));
        }
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let text = |error: rusqlite::Error| error.to_string();
        let count = "SELECT count(*) FROM state WHERE pipeline = ?1 AND stage = ?2 AND key <> ?3";
        let keys: u32 = connection
            .query_row(count, params![self.pipeline, self.stage, key], |row| row.get(0))
            .map_err(text)?;
        if keys as usize >= STATE_KEYS {
            return Err(format!("a stage has at most {STATE_KEYS} keys"));
        }
        let put = "INSERT INTO state VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET value = excluded.value";
        connection
            .execute(put, params![self.pipeline, self.stage, key, value])
            .map_err(text)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_per_stage() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let open = |stage: &str| StageState::open(&journal, "shop", &stage.parse().unwrap()).unwrap();
        let (test, other) = (open("test"), open("other"));
        test.put("durations", "1").unwrap();
        test.put("durations", "2").unwrap();
        assert_eq!(open("test").get("durations").unwrap().as_deref(), Some("2"));
        assert_eq!(other.get("durations").unwrap(), None);
    }

    #[test]
    fn bounds() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let state = StageState::open(&journal, "shop", &"test".parse().unwrap()).unwrap();
        assert!(state.put("", "x").is_err());
        assert!(state.put(&"k".repeat(KEY_BYTES + 1), "x").is_err());
        assert!(state.put("k", &"x".repeat(STATE_VALUE_BYTES + 1)).is_err());
        state.put("k", &"x".repeat(STATE_VALUE_BYTES)).unwrap();
        for key in 1..STATE_KEYS {
            state.put(&format!("k{key}"), "").unwrap();
        }
        assert_eq!(state.put("one more", "").unwrap_err(), "a stage has at most 1000 keys");
        state.put("k", "still").unwrap();
    }
}
