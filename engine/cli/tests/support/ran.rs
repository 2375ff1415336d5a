use std::path::Path;
use std::process::Output;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// What differs from run to run and from machine to machine, and what stands in its place.
static FILTERS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let filters = [
        (r"\b(run|logs) [0-9a-hjkmnp-tv-z]{10}\b", "$1 [run]"),
        (r"(?m) n[0-9a-hjkmnp-tv-z]{9}$", " [run]"),
        (r"\bn[0-9][0-9a-hjkmnp-tv-z]{8}\b", "[run]"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "[when]"),
        // With the blanks that align it.
        (r" +(\d+ ms|\d+\.\d s)\b", " [time]"),
        (r"sha256:[0-9a-f]{12,}", "sha256:[digest]"),
        (r"Python 3\.\d+\.\d+", "Python [version]"),
        (r"/tidegate-[A-Za-z0-9]{6}\b", "/[scratch]"),
        // Where in the component's code it was depends on the compiler.
        (r"(?m)^.* at function \d+\n", ""),
    ];
    filters
        .map(|(pattern, replacement)| (Regex::new(pattern).unwrap(), replacement))
        .into()
});

/// How a run of `tidegate` ended, and all that it said.
pub(crate) struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    folder: String,
}

impl Ran {
    pub(super) fn new(output: &Output, folder: &Path) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout.clone()).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr.clone()).expect("stderr is text"),
            folder: folder.to_str().unwrap().to_owned(),
        }
    }

    /// The exit code has to be this one.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(
            self.code,
            Some(expected),
            "\n---- stdout\n{}\n---- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// All of stdout, filtered; nothing may have come on stderr.
    #[track_caller]
    pub(crate) fn only_stdout(&self) -> String {
        assert_eq!(self.stderr, "", "stderr is not empty");
        self.stdout()
    }

    /// All of stderr, filtered; nothing may have come on stdout.
    #[track_caller]
    pub(crate) fn only_stderr(&self) -> String {
        assert_eq!(self.stdout, "", "stdout is not empty");
        self.stderr()
    }

    pub(crate) fn stdout(&self) -> String {
        self.filtered(&self.stdout)
    }

    pub(crate) fn stderr(&self) -> String {
        self.filtered(&self.stderr)
    }

    /// Both as they came.
    pub(crate) fn raw(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// stdout as JSON lines. Panics when anything else is there.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    /// One field of each event of a kind.
    #[track_caller]
    pub(crate) fn of_events(&self, kind: &str, field: &str) -> Vec<String> {
        let events = self.events();
        let events = events.iter().filter(|event| event["event"] == kind);
        events
            .map(|event| match &event[field] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
            .collect()
    }

    /// `STAGE: OUTCOME` of each stage, in the order in which they ended.
    #[track_caller]
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let stages = self.of_events("stage-finished", "stage");
        let outcomes = self.of_events("stage-finished", "outcome");
        stages
            .iter()
            .zip(outcomes)
            .map(|(stage, outcome)| format!("{stage}: {outcome}"))
            .collect()
    }

    /// What stages and programs logged, in order, without what the engine said itself.
    #[track_caller]
    pub(crate) fn logged(&self) -> Vec<String> {
        let events = self.events();
        let lines = events
            .iter()
            .filter(|event| event["event"] == "log" && event["source"] != "engine");
        lines
            .map(|event| event["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What the stage `name` said at its end.
    #[track_caller]
    pub(crate) fn message_of(&self, name: &str) -> String {
        let events = self.events();
        let end = events
            .iter()
            .find(|event| event["event"] == "stage-finished" && event["stage"] == name);
        let message = end.expect("the stage ended")["message"].as_str().unwrap_or_default();
        self.filtered(message)
    }

    fn filtered(&self, text: &str) -> String {
        // What keeps a text from being a command can't be seen.
        let text = text.replace(&self.folder, "[folder]").replace('\u{2060}', "[joiner]");
        FILTERS.iter().fold(text, |text, (pattern, replacement)| {
            pattern.replace_all(&text, *replacement).into_owned()
        })
    }
}
