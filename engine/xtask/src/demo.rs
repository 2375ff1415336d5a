//! The example's pipeline, for real: from a commit to a site that answers.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::setup;
use crate::shop::Shop;
use crate::step::{cargo, root, run, say};

pub(crate) fn run_all() -> anyhow::Result<()> {
    setup::run_all()?;
    let tidegate = build()?;
    pipeline(&tidegate)
}

/// A dev build: its dependencies are optimised too, it takes a fraction of a release build's time, and the tests share it.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    say("building tidegate and its stages (the first time takes minutes)");
    run(cargo(&root()).args(["build", "--package", "tidegate"]))?;
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(root().join(folder).join("debug/tidegate"))
}

/// Deploys to a host of this machine, shows the site, and removes everything.
pub(crate) fn pipeline(tidegate: &Path) -> anyhow::Result<()> {
    say("copying examples/shop to a folder of its own, and starting sshd on a loopback port as its host");
    let shop = Shop::new()?;

    say("tidegate run");
    run(shop.tidegate(tidegate).arg("run").args(shop.settings()))?;

    say(&format!("the deployed site: GET {}", shop.url("/healthz")));
    let (status, body) = shop.ask("/healthz")?;
    println!("{status}\n{body}");
    if !status.contains(" 200") || !body.contains("release") {
        bail!("the deployed site is not well");
    }

    say("tidegate runs");
    run(shop.tidegate(tidegate).arg("runs"))?;

    say("stopping the site and sshd, removing the folder");
    drop(shop);
    Ok(())
}
