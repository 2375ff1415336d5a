use std::fmt;

/// One entry of `dependencies` or `run_before`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    pub target: Target,
    pub line: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `("shop", "0001_initial")`
    Migration { app: String, name: String },
    /// `("shop", "__first__")`, and a swappable dependency on a model that is written out.
    First { app: String },
    /// `("shop", "__latest__")`
    Latest { app: String },
    /// `swappable_dependency(settings.AUTH_USER_MODEL)`: which app that is, only the settings know.
    Swappable { setting: String },
}

impl Target {
    pub fn new(app: String, name: String) -> Self {
        match name.as_str() {
            "__first__" => Self::First { app },
            "__latest__" => Self::Latest { app },
            _ => Self::Migration { app, name },
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Migration { app, name } => write!(f, "{app}.{name}"),
            Self::First { app } => write!(f, "{app}.__first__"),
            Self::Latest { app } => write!(f, "{app}.__latest__"),
            Self::Swappable { setting } => write!(f, "settings.{setting}"),
        }
    }
}
