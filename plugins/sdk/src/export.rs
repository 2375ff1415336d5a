use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde_json::Value;

use crate::bindings::exports::tidegate::stage::plugin;
use crate::{Failure, Request, Stage, context};

/// Makes a component of a [`Stage`]: `tidegate_sdk::export_stage!(MyStage);`, once per crate.
///
/// The version is the crate's own. On other targets than WebAssembly nothing is exported, so that the stage's logic can be
/// tested there.
#[macro_export]
macro_rules! export_stage {
    ($stage:ident) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::bindings::exports::tidegate::stage::plugin;

            struct Exported;

            impl plugin::Guest for Exported {
                fn describe() -> plugin::Description {
                    $crate::entry::describe::<$stage>(env!("CARGO_PKG_VERSION"))
                }

                fn requests(input: String) -> Result<Vec<plugin::Request>, String> {
                    $crate::entry::requests::<$stage>(&input)
                }

                fn run() -> Result<(), plugin::Failure> {
                    $crate::entry::run::<$stage>()
                }
            }

    $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
        // Keeps the stage's code in use where it is not exported.
        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> Result<(), $crate::Failure> = || {
            let config = $crate::context::config::<<$stage as $crate::Stage>::Config>()?;
            let _ = <$stage as $crate::Stage>::requests(&config);
            let _ = <$stage as $crate::Stage>::requests_without_config();
            <$stage as $crate::Stage>::run(config)
        };
    };
}

#[derive(Deserialize)]
struct Input {
    config: Value,
    /// JSON pointers of values that earlier stages will make.
    #[serde(default)]
    unknown: Vec<String>,
}

pub fn describe<S: Stage>(version: &str) -> plugin::Description {
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<S::Config>();
    plugin::Description {
        name: S::NAME.to_owned(),
        version: version.to_owned(),
        summary: S::SUMMARY.to_owned(),
        config_schema: schema.as_value().to_string(),
    }
}

pub fn requests<S: Stage>(input: &str) -> Result<Vec<plugin::Request>, String> {
    let requests = ask::<S>(input)?;
    Ok(requests
        .into_iter()
        .map(|request| plugin::Request {
            capability: request.capability().to_owned(),
            name: request.name().to_owned(),
            reason: request.reason().to_owned(),
            optional: request.is_optional(),
        })
        .collect())
}

fn ask<S: Stage>(input: &str) -> Result<Vec<Request>, String> {
    let input: Input = serde_json::from_str(input).map_err(|error| format!("the engine's question: {error}"))?;
    match serde_json::from_value::<S::Config>(input.config) {
        Ok(config) => Ok(S::requests(&config)),
        Err(_) if !input.unknown.is_empty() => Ok(S::requests_without_config()),
        Err(error) => Err(error.to_string()),
    }
}

pub fn run<S: Stage>() -> Result<(), plugin::Failure> {
    // What a stage does after a stop counts as leaving things whole, and nothing is begun yet.
    if context::stop_requested() {
        return Err(plugin::Failure::Other(
            "the run was stopped before the stage began".to_owned(),
        ));
    }
    context::config::<S::Config>()
        .and_then(S::run)
        .map_err(|failure| match failure {
            Failure::Failed(text) => plugin::Failure::Failed(text),
            Failure::Misconfigured(text) => plugin::Failure::Misconfigured(text),
            Failure::Unavailable(text) => plugin::Failure::Unavailable(text),
            Failure::Other(text) => plugin::Failure::Other(text),
        })
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::*;

    /// How often to greet.
    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Config {
        /// A whole number.
        how_often: u32,
        /// The greeting.
        #[serde(default = "hello")]
        text: String,
    }

    fn hello() -> String {
        "hello".to_owned()
    }

    struct Greet;

    impl Stage for Greet {
        const NAME: &'static str = "greet";
        const SUMMARY: &'static str = "Greets";
        type Config = Config;

        fn requests(config: &Config) -> Vec<Request> {
            let reason = format!("to greet {} times", config.how_often);
            vec![
                Request::exec(&config.text, reason),
                Request::write("out", "the greeting").optional(),
            ]
        }

        fn requests_without_config() -> Vec<Request> {
            vec![Request::write("out", "the greeting")]
        }

        fn run(_: Config) -> Result<(), Failure> {
            Ok(())
        }
    }

    #[test]
    fn the_schema_has_names_descriptions_and_defaults_as_people_write_them() {
        let schema: Value = serde_json::from_str(&describe::<Greet>("1.2.3").config_schema).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["properties"]["how-often"]["description"], "A whole number.");
        assert_eq!(schema["properties"]["text"]["default"], "hello");
        assert_eq!(schema["required"], serde_json::json!(["how-often"]));
        assert_eq!(schema["additionalProperties"], false);
    }

    #[test]
    fn a_known_config_is_asked_for_its_requests() {
        let requests = requests::<Greet>(r#"{"config": {"how-often": 2, "text": "cowsay"}, "unknown": []}"#).unwrap();
        assert_eq!(requests[0].name, "cowsay");
        assert_eq!(requests[0].reason, "to greet 2 times");
        assert!(requests[1].optional);
    }

    #[test]
    fn an_unknown_value_that_does_not_fit_leaves_what_every_config_needs() {
        let input = r#"{"config": {"how-often": "${stages.a.outputs.n}"}, "unknown": ["/how-often"]}"#;
        let requests = requests::<Greet>(input).unwrap();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].name, "out");
    }

    #[test]
    fn a_known_config_that_does_not_fit_is_an_error() {
        let error = requests::<Greet>(r#"{"config": {"how-often": "twice"}}"#).unwrap_err();
        assert!(error.contains("expected u32"), "{error}");
    }
}
