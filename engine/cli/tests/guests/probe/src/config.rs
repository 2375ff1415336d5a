use schemars::JsonSchema;
use serde::Deserialize;

/// What to ask for and what to do.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// Steps, one after the other: a word and its argument.
    pub(crate) steps: Vec<String>,
    /// Requests as `CAPABILITY NAME`, with a `?` in front of an optional one.
    #[serde(default)]
    pub(crate) asks: Vec<String>,
    /// A number, to see its type.
    pub(crate) number: Option<u32>,
    /// A choice, to see what is refused.
    pub(crate) color: Option<Color>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Color {
    Red,
    Green,
}
