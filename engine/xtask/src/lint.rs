//! Formatting and lints, in the engine's workspace and in the plugins'; and whether the engine compiles for macOS.

use std::path::Path;

use crate::step::{answer, cargo, root, run, say};

const MACOS: &str = "aarch64-apple-darwin";

pub(crate) fn run_all() -> anyhow::Result<()> {
    for folder in [root(), root().join("plugins")] {
        let place = folder
            .strip_prefix(root())
            .ok()
            .filter(|path| !path.as_os_str().is_empty());
        let place = place.map_or_else(|| "the engine".to_owned(), |path| path.display().to_string());
        say(&format!("cargo fmt --check, {place}"));
        run(cargo(&folder).args(["fmt", "--all", "--", "--check"]))?;
        say(&format!("cargo clippy, {place}"));
        run(cargo(&folder).args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    }
    if cfg!(target_os = "macos") {
        return Ok(());
    }
    for_macos()
}

/// Types and lints of what is compiled there only. Nothing is linked and nothing runs.
fn for_macos() -> anyhow::Result<()> {
    let libraries = answer("rustc", &["--print", "target-libdir", "--target", MACOS]);
    if !libraries.is_some_and(|folder| Path::new(&folder).is_dir()) {
        say(&format!("not checked for macOS: rustup target add {MACOS}"));
        return Ok(());
    }
    say("cargo clippy, the engine for macOS");
    let suffix = MACOS.replace('-', "_");
    run(cargo(&root())
        .args(["clippy", "--workspace", "--target", MACOS, "--", "--deny", "warnings"])
        // Build scripts compile C for crates of SQLite and cryptography. Only linking would need that, and a compiler with the
        // headers of macOS is hard to get.
        .env(format!("CC_{suffix}"), "true")
        .env(format!("AR_{suffix}"), "true")
        .env("SDKROOT", "/"))
}
