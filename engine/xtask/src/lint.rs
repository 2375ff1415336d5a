//! Formatting and lints, in the engine's workspace and in the plugins'.

use crate::step::{cargo, root, run, say};

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
    Ok(())
}
