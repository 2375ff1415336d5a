//! What stands in the user's own `config.toml`, outside every repository.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::Spanned;

/// The default has no secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserConfig {
    /// `[secrets.NAME]`.
    pub secrets: BTreeMap<String, Spanned<SecretSource>>,
}

/// Where a secret's value comes from. It is read when a stage asks for it, never here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `env`: a variable of the engine's environment.
    Env(String),
    /// `file`: absolute, `~/…`, or relative to the configuration's folder.
    File(PathBuf),
}
