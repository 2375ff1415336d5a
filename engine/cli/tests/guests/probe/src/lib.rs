//! A stage that does what its configuration says, step by step: `steps = ["log hello", "fail no"]`.

mod config;
mod stage;
mod step;

use stage::Probe;

tidegate_sdk::export_stage!(Probe);
