//! What the deployment needs from its own side: time, people, HTTP, the request to stop.

use std::time::Duration;

pub trait World {
    fn stop_requested(&self) -> bool;
    /// May return early when a stop is requested.
    fn sleep(&self, time: Duration);
    fn info(&self, message: &str);
    fn warn(&self, message: &str);
    fn progress(&self, done: u64, total: u64, what: &str);
    /// GET. The error says why there was no answer.
    fn get(&self, url: &str, timeout: Duration) -> Result<Answer, Unanswered>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The `location` header of a redirect.
    pub location: Option<String>,
    pub body: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// The manifest does not grant the origin: asking again can't help.
    NotGranted(String),
    Stopping,
    Other(String),
}

/// Who deploys what, for the lock, the releases' records and the log on the host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    pub run: String,
    pub stage: String,
    pub attempt: u32,
    pub commit: Option<String>,
    /// Whether the workspace has changes that are in no commit; none when that is not known.
    pub dirty: Option<bool>,
    pub branch: Option<String>,
}

impl Identity {
    /// Names this attempt in a lock: plain characters only, since it becomes part of file names.
    pub fn token(&self) -> String {
        format!("{}.{}", self.owner(), self.attempt)
    }

    /// Names this stage of this run. Only one attempt of it is ever alive, so a later one may take over its lock.
    pub fn owner(&self) -> String {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
                c
            } else {
                '-'
            }
        };
        format!("{}.{}", self.run, self.stage)
            .chars()
            .map(|c| if c == '.' { c } else { plain(c) })
            .collect()
    }
}
