use schemars::JsonSchema;
use serde::Deserialize;

/// What the environment is made of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// The environment's folder, relative to the workspace. Needs `grant.write`.
    #[serde(default = "venv")]
    #[schemars(length(min = 1))]
    pub(crate) path: String,
    /// Requirements files, relative to the workspace; `-r` and `-c` in them are followed.
    #[serde(default)]
    pub(crate) requirements: Vec<String>,
    /// Single packages, as in a requirements file: `pytest>=8`.
    #[serde(default)]
    pub(crate) packages: Vec<String>,
    /// Install what a `pyproject.toml` asks for.
    pub(crate) project: Option<Project>,
    /// Which program installs.
    #[serde(default)]
    pub(crate) installer: Choice,
}

/// The dependencies of a `pyproject.toml`, and the project itself when it has a `[build-system]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Project {
    /// Its folder, relative to the workspace.
    #[serde(default = "here")]
    pub(crate) folder: String,
    /// Names from `[project.optional-dependencies]`.
    #[serde(default)]
    pub(crate) extras: Vec<String>,
    /// Names from `[dependency-groups]`.
    #[serde(default)]
    pub(crate) groups: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Choice {
    /// uv when it is granted and there, else pip.
    #[default]
    Auto,
    Pip,
    Uv,
}

fn venv() -> String {
    ".venv".to_owned()
}

fn here() -> String {
    ".".to_owned()
}
