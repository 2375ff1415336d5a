//! A program of this machine and what it says of itself.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tidegate_runner::Host;

/// Longest answer that is shown: versions are short, and the line has 80 columns.
const MAX_ANSWER_CHARS: usize = 40;

pub(super) struct Tool {
    pub(super) path: PathBuf,
    /// The first line that it printed.
    pub(super) answer: String,
}

impl Tool {
    /// `None` when there is no such program on the PATH, or when it fails.
    pub(super) fn ask(host: &Host, name: &str, args: &[&str]) -> Option<Self> {
        let path = host
            .var("PATH")?
            .split(':')
            .map(|folder| PathBuf::from(folder).join(name));
        let path = path.into_iter().find(|path| path.is_absolute() && path.is_file())?;
        // Outside of any project, whose files could change what it does.
        let output = Command::new(&path)
            .args(args)
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = tidegate_runner::one_line(said.lines().next()?.trim());
        output.status.success().then(|| Self {
            path,
            answer: line.chars().take(MAX_ANSWER_CHARS).collect(),
        })
    }
}
