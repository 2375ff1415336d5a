use serde::Deserialize;
use thiserror::Error;

/// What `drift.py` found out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Answer {
    /// Django compared the models with the migrations.
    Checked {
        /// Django's version.
        django: String,
        /// How many apps are installed.
        apps: usize,
        missing: Vec<MissingInApp>,
    },
    /// The `python` that is granted has no Django.
    NoDjango {
        python: String,
        version: String,
    },
    /// Neither the configuration nor manage.py nor the environment names the settings.
    NoSettings,
    /// `manage.py` itself fails.
    Manage(Problem),
    Settings(Problem),
    /// The apps can't be set up: their `apps.py`, their models, or what these import.
    Apps(Problem),
    /// Django can't load the migrations.
    Migrations(Problem),
    /// The models can't be compared.
    Models(Problem),
    /// The database does not answer, and the project asks it while it starts.
    Database(Problem),
    /// The project asks for data while it is imported, which fails on a database without tables.
    QueryAtImport(Problem),
    /// Something that ended the script: `sys.exit` in the settings.
    Crash(Problem),
}

/// A Python exception.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// Its type and text: `KeyError: 'SECRET_KEY'`.
    pub error: String,
    /// The last file of the project that it passed; absolute.
    pub path: Option<String>,
    pub line: Option<u32>,
    /// The module that could not be imported.
    #[serde(default)]
    pub missing: Option<String>,
}

/// Changes of an app's models that no migration has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MissingInApp {
    /// The label.
    pub app: String,
    /// Absolute.
    pub path: String,
    /// False for an app from an installed package.
    pub is_own: bool,
    /// The names that makemigrations would give.
    pub migrations: Vec<String>,
    pub operations: Vec<MissingOperation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MissingOperation {
    /// Django's class: `AddField`.
    pub operation: String,
    /// In Django's words: `Add field price to product`.
    pub text: String,
    /// Where the model is; absolute.
    pub path: Option<String>,
    pub line: Option<u32>,
}

#[derive(Debug, Error)]
pub enum AnswerError {
    #[error("the program gave no answer")]
    Empty,
    #[error("the answer can't be read: {0}")]
    Json(#[from] serde_json::Error),
}

impl Answer {
    /// Reads what the script printed.
    ///
    /// # Errors
    /// If the program ended before it answered, or is no Python.
    pub fn parse(stdout: &[u8]) -> Result<Self, AnswerError> {
        if stdout.is_empty() {
            return Err(AnswerError::Empty);
        }
        Ok(serde_json::from_slice(stdout)?)
    }
}
