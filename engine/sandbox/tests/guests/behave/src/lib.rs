//! A stage that behaves as its config says: `{"behave": "spin"}`. Each name in [`BEHAVIOURS`] has a test in the host.

mod behaviour;

use behaviour::BEHAVIOURS;

wit_bindgen::generate!({ path: "../../../../../wit", world: "stage" });

use exports::tidegate::stage::plugin::{Description, Failure, Guest, Request};
use tidegate::stage::context;

struct Behave;

export!(Behave);

impl Guest for Behave {
    fn describe() -> Description {
        Description {
            name: "behave".into(),
            version: "0.1.0".into(),
            summary: BEHAVIOURS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" "),
            config_schema: r#"{"type":"object"}"#.into(),
        }
    }

    /// `{"want": "PROGRAM"}` asks for it, `{"want": "many"}` for far too much; other inputs are refused.
    fn requests(input: String) -> Result<Vec<Request>, String> {
        let input: serde_json::Value = serde_json::from_str(&input).map_err(|error| error.to_string())?;
        let want = input["want"].as_str().ok_or("`want` is missing")?;
        let request = |name: &str| Request {
            capability: "exec".into(),
            name: name.into(),
            reason: "to run it".into(),
            optional: false,
        };
        match want {
            "many" => Ok(vec![request("x"); 10_000]),
            "program" => match tidegate::stage::process::Command::new("git").run() {
                Ok(_) => Err("a program ran before it was granted".into()),
                Err(error) => Ok(vec![request(&format!("{error:?}"))]),
            },
            name => Ok(vec![request(name)]),
        }
    }

    fn run() -> Result<(), Failure> {
        let config: serde_json::Value =
            serde_json::from_str(&context::config()).map_err(|error| Failure::Misconfigured(error.to_string()))?;
        let name = config["behave"].as_str().unwrap_or_default();
        match BEHAVIOURS.iter().find(|(known, _)| *known == name) {
            Some((_, behave)) => behave(&config),
            None => Err(Failure::Misconfigured(format!("no behaviour `{name}`"))),
        }
    }
}
