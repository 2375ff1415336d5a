use std::time::Duration;

use super::{Child, Error, Exit};
use crate::bindings::tidegate::stage::process as host;

/// A program to run, by the stage's own name for it: the manifest binds that name to a program.
///
/// Defaults: no arguments, the workspace as working directory, an empty standard input, no time limit of its own. The
/// environment is what the manifest gives plus `env`.
#[derive(Debug, Clone)]
pub struct Command {
    program: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    cwd: Option<String>,
    stdin: Option<Vec<u8>>,
    timeout: Option<Duration>,
}

/// Where one of a program's outputs goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// Into the stage's log, line by line, as it comes.
    Log,
    /// To the stage.
    Capture,
    Discard,
}

/// A program that ran to its end, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub exit: Exit,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// There was more than the engine keeps (8 MiB).
    pub truncated: bool,
}

impl Command {
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            stdin: None,
            timeout: None,
        }
    }

    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub fn args<I>(mut self, args: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Relative to the workspace.
    pub fn cwd(mut self, path: impl Into<String>) -> Self {
        self.cwd = Some(path.into());
        self
    }

    /// All of the program's standard input.
    pub fn stdin(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(content.into());
        self
    }

    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// The stage's own name for the program.
    pub fn get_program(&self) -> &str {
        &self.program
    }

    pub fn get_args(&self) -> &[String] {
        &self.args
    }

    /// What `env` added, in its order.
    pub fn get_envs(&self) -> &[(String, String)] {
        &self.env
    }

    /// Program and arguments as a person would write them; for messages only.
    pub fn line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        words.map(|word| shown(word)).collect::<Vec<_>>().join(" ")
    }

    /// Runs it to its end; both outputs go into the log.
    pub fn run(&self) -> Result<Exit, Error> {
        Ok(self.run_with(Sink::Log, Sink::Log)?.exit)
    }

    /// Runs it to its end; both outputs come back and nothing is logged.
    pub fn output(&self) -> Result<Output, Error> {
        self.run_with(Sink::Capture, Sink::Capture)
    }

    /// Runs it to its end.
    pub fn run_with(&self, stdout: Sink, stderr: Sink) -> Result<Output, Error> {
        let finished = self.build(stdout, stderr).run()?;
        Ok(Output {
            exit: finished.exit.into(),
            stdout: finished.stdout,
            stderr: finished.stderr,
            truncated: finished.truncated,
        })
    }

    /// Starts it. What is captured comes through [`Child::read`]; dropping the child kills it.
    pub fn spawn(&self, stdout: Sink, stderr: Sink) -> Result<Child, Error> {
        Ok(Child::new(self.build(stdout, stderr).spawn()?))
    }

    fn build(&self, stdout: Sink, stderr: Sink) -> host::Command {
        let command = host::Command::new(&self.program);
        command.args(&self.args);
        for (name, value) in &self.env {
            command.env(name, value);
        }
        if let Some(cwd) = &self.cwd {
            command.cwd(cwd);
        }
        if let Some(stdin) = &self.stdin {
            command.stdin(stdin);
        }
        if let Some(timeout) = self.timeout {
            command.timeout_ms(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        }
        command.stdout(stdout.into());
        command.stderr(stderr.into());
        command
    }
}

impl Output {
    /// Standard output as text; bytes that are not UTF-8 are replaced.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text; bytes that are not UTF-8 are replaced.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl From<Sink> for host::Sink {
    fn from(sink: Sink) -> Self {
        match sink {
            Sink::Log => Self::Log,
            Sink::Capture => Self::Capture,
            Sink::Discard => Self::Discard,
        }
    }
}

/// Quoted only where a reader could take one word for two.
fn shown(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%^~{}[]<>!".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_shows_where_each_word_ends() {
        let command = Command::new("python").args(["-m", "pip", "install", "Django>=5.2", "a b", "", "it's"]);
        assert_eq!(command.line(), r"python -m pip install Django>=5.2 'a b' '' 'it'\''s'");
    }
}
