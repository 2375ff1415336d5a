use tidegate_sdk::{Failure, Request, Stage};

use crate::config::Config;
use crate::step;

pub(crate) struct Probe;

impl Stage for Probe {
    const NAME: &'static str = "probe";
    const SUMMARY: &'static str = "Does what its configuration says";
    type Config = Config;

    fn requests(config: &Config) -> Vec<Request> {
        config.asks.iter().map(|ask| request(ask)).collect()
    }

    fn run(config: Config) -> Result<(), Failure> {
        config.steps.iter().try_for_each(|line| step::take(line, &config))
    }
}

fn request(ask: &str) -> Request {
    let (ask, optional) = match ask.strip_prefix('?') {
        Some(ask) => (ask, true),
        None => (ask, false),
    };
    let (capability, name) = ask.split_once(' ').unwrap_or((ask, "something"));
    // The SDK wants a name that lives as long as the stage.
    let capability: &'static str = String::leak(capability.to_owned());
    let request = Request::new(capability, name, format!("to try {name}"));
    if optional { request.optional() } else { request }
}
