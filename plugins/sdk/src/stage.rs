use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Failure, Request};

/// A stage: what it is called, what its `with` table looks like, what it asks for, and what it does.
///
/// `requests` runs when a pipeline is planned: before anything is granted, and with nothing to read but the configuration.
/// `run` runs once per attempt, in a fresh instance.
pub trait Stage {
    /// What `uses = "…"` calls it.
    const NAME: &'static str;
    /// One line for `tidegate list`.
    const SUMMARY: &'static str;

    /// The `with` table. Its JSON Schema is what the engine checks a manifest against, and doc comments become descriptions.
    type Config: DeserializeOwned + JsonSchema;

    /// What this configuration needs. A value that only an earlier stage will know stands here as its `${…}` text; one that is
    /// no text is left out, or is some value that fits.
    fn requests(config: &Self::Config) -> Vec<Request>;

    /// What every configuration needs. Asked instead of [`Stage::requests`] when a configuration with unknown values can't be
    /// read although it fits the schema. Default: nothing.
    fn requests_without_config() -> Vec<Request> {
        Vec::new()
    }

    /// Does the work. `Ok` is a pass.
    fn run(config: Self::Config) -> Result<(), Failure>;
}
