//! The whole program, from what is typed to what is printed: real components, real Cells, real files.

#[path = "../support/mod.rs"]
mod support;

mod cancelling;
mod events;
mod files;
mod grants;
mod history;
mod machine;
mod mistakes;
mod outcomes;
mod plan;
mod scheduling;
mod secrets;
mod values;

/// A manifest with one stage, `it`, that takes these steps.
fn steps(steps: &[&str]) -> String {
    format!("[stages.it]\nuses = \"probe.wasm\"\nwith = {{ steps = {steps:?} }}\n")
}
