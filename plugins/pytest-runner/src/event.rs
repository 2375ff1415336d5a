use serde::Deserialize;

/// One line of the events file, an object with the event's name as its only key, as `python/tidegate_pytest.py` and the launcher write it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    NoPytest {
        python: String,
        error: PythonError,
    },
    OldPytest {
        version: String,
    },
    Launched {
        pytest: String,
        python: String,
    },
    /// A conftest file or a plugin keeps the session from starting.
    NoStart {
        conftest: Option<String>,
        error: PythonError,
    },
    /// An exception went through pytest.
    Crashed {
        error: PythonError,
    },
    Configured {
        rootdir: String,
    },
    /// With xdist once per worker.
    Collected {
        total: u64,
        deselected: u64,
    },
    CollectError {
        id: String,
        error: PythonError,
    },
    Started {
        id: String,
    },
    Rerun {
        id: String,
    },
    Test(TestEnd),
    InternalError {
        error: PythonError,
    },
    Interrupted {
        reason: String,
    },
    Finished {
        exit: i32,
        reason: Option<String>,
    },
    Coverage {
        percent: f64,
        required: Option<f64>,
    },
    Junit {
        path: String,
    },
    /// pytest has left its session: nothing follows.
    Ended {},
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct TestEnd {
    /// pytest's node id: `tests/test_cart.py::TestCart::test_total[2]`.
    pub(crate) id: String,
    /// Where the test is defined; absolute.
    pub(crate) file: Option<String>,
    /// From 1.
    pub(crate) line: Option<u32>,
    pub(crate) outcome: Outcome,
    /// Of all its phases.
    pub(crate) seconds: f64,
    pub(crate) message: Option<String>,
    pub(crate) problems: Vec<Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Errored,
    Skipped,
    ExpectedFailure,
    UnexpectedPass,
}

/// One exception of a test; a test may fail in its body and again in a fixture's end.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Problem {
    /// `setup`, `call`, `teardown`, `subtest`, or `???` when a worker died.
    pub(crate) phase: String,
    pub(crate) error: PythonError,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct PythonError {
    /// The exception's class. None when only a text is known.
    #[serde(rename = "type")]
    pub(crate) class: Option<String>,
    pub(crate) message: String,
    /// The innermost place in the project's own code; absolute.
    pub(crate) file: Option<String>,
    /// From 1.
    pub(crate) line: Option<u32>,
    /// The module that could not be imported.
    pub(crate) missing: Option<String>,
    /// It keeps Django from starting: settings or apps can't be loaded.
    pub(crate) django: bool,
}

impl PythonError {
    /// Class and message as Python prints them, the class once.
    pub(crate) fn text(&self) -> String {
        match &self.class {
            Some(class) if self.message.is_empty() => class.clone(),
            Some(class) if !self.message.contains(class.as_str()) => format!("{class}: {}", self.message),
            _ => self.message.clone(),
        }
    }

    /// The first line of [`PythonError::text`].
    pub(crate) fn first_line(&self) -> String {
        self.text().lines().next().unwrap_or_default().to_owned()
    }
}
