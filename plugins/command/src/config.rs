use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_sdk::Period;

/// One program, run once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// The program's name, as `grant.exec` binds it. One word: arguments go into `args`, and there is no shell.
    #[schemars(regex(pattern = r"^\S+$"))]
    pub(crate) program: String,
    /// Its arguments, one string each.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// Environment variables, besides those of the manifest.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// Working folder, relative to the workspace. Default: the workspace.
    pub(crate) cwd: Option<String>,
    /// Text for its standard input. Default: none.
    pub(crate) stdin: Option<String>,
    /// How long it may take, as in `90s` or `10m`. Default: as long as the stage.
    pub(crate) timeout: Option<Period>,
    /// Exit codes that count as a pass.
    #[serde(default = "zero")]
    #[schemars(length(min = 1))]
    pub(crate) expect_exit: Vec<i32>,
}

fn zero() -> Vec<i32> {
    vec![0]
}
