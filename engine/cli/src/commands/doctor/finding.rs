//! One line of `doctor`.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    /// Needed, and not there.
    Missing,
    /// Not there, and only needed for some things.
    Optional,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) name: &'static str,
    pub(super) state: State,
    pub(super) what: String,
    /// A command to run or a setting to change.
    pub(super) fix: Option<String>,
}

impl State {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Optional => "absent",
        }
    }
}

impl Finding {
    pub(super) fn ok(name: &'static str, what: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            what: what.into(),
            fix: None,
        }
    }

    pub(super) fn missing(name: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Missing,
            what: what.into(),
            fix: Some(fix.into()),
        }
    }

    pub(super) fn optional(name: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Optional,
            what: what.into(),
            fix: Some(fix.into()),
        }
    }
}
