//! What happened, kept in the project's `.tidegate/`: `state.db` (SQLite) and one log file for each stage of each run.

mod database;
mod error;
mod log_file;
mod query;
mod recorder;
mod stage_state;

pub use database::Journal;
pub use error::JournalError;
pub use log_file::{LogLine, read_log};
pub use query::{AttemptRow, FindingRow, RunRow, RunSelector, TestRow};
pub use recorder::Recorder;
pub use stage_state::StageState;
