//! The whole program, from what is typed to what is printed: real components, real Cells, real files.

#[path = "../../../runner/tests/sshd/mod.rs"]
#[expect(dead_code, reason = "the tests of the runner need more of it")]
mod sshd;
#[path = "../support/mod.rs"]
mod support;

mod cancelling;
mod events;
mod files;
mod grants;
mod history;
mod levels;
mod machine;
mod mistakes;
mod network;
mod outcomes;
mod plan;
mod remote;
mod scheduling;
mod secrets;
mod values;

/// A manifest with one stage, `it`, that takes these steps.
fn steps(steps: &[&str]) -> String {
    format!("[stages.it]\nuses = \"probe.wasm\"\nwith = {{ steps = {steps:?} }}\n")
}

/// What `tidegate check` says about a manifest with a mistake.
#[track_caller]
fn check(manifest: &str, code: i32) -> String {
    support::Project::of(manifest).run(["check"]).code(code).only_stderr()
}
