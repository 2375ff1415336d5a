//! `cargo xtask bench`: the figures that the project speaks of, measured here and now. Run it on a quiet machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::setup;
use crate::shop::Shop;
use crate::step::{answer, cargo, root, run, say};

/// Starts of what takes milliseconds; the median of fewer moves from run to run.
const STARTS: usize = 40;
/// Pairs of whole test runs, which take some ten seconds each.
const PAIRS: usize = 3;

pub(crate) fn run_all() -> anyhow::Result<()> {
    setup::run_all()?;
    say("building with optimisation (the first time takes minutes)");
    let started = Instant::now();
    run(cargo(&root()).args(["build", "--release", "--package", "tidegate"]))?;
    println!("build {:.0} s", started.elapsed().as_secs_f64());
    let tidegate = target().join("release/tidegate");
    println!("binary {:.1} MB", fs::metadata(&tidegate)?.len() as f64 / 1e6);

    say("each standard stage: loaded for the first time, and again");
    loads(&tidegate)?;
    say("a stage that does nothing, the whole process");
    nothing(&tidegate)?;
    say("a program in a Cell");
    run(cargo(&root()).args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "tidegate-confine",
        "--example",
        "cost",
    ]))?;
    say("the example's tests, by the stage and by pytest alone");
    tests(&tidegate)
}

fn target() -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(folder)
}

fn loads(tidegate: &Path) -> anyhow::Result<()> {
    let listing = answer(&tidegate.display().to_string(), &["list", "--standard"]).context("no list of stages")?;
    let names = listing.lines().filter(|line| !line.starts_with(' '));
    for name in names.filter_map(|line| line.split_whitespace().next()) {
        let cache = TempDir::new()?;
        let load = || {
            let mut command = Command::new(tidegate);
            command.args(["inspect", name]).env("XDG_CACHE_HOME", cache.path());
            milliseconds(&mut command)
        };
        let (first, mut again) = (load()?, Vec::new());
        for _ in 0..10 {
            again.push(load()?);
        }
        println!("{name:22} first {first:6.0} ms, again {}", median(again));
    }
    Ok(())
}

/// With the guest of the end-to-end tests.
fn nothing(tidegate: &Path) -> anyhow::Result<()> {
    let guests = root().join("engine/cli/tests/guests");
    let built = target().join("bench-guests");
    let mut build = cargo(&guests);
    build.args([
        "build",
        "--quiet",
        "--release",
        "--locked",
        "--target",
        "wasm32-wasip2",
        "--target-dir",
    ]);
    run(build.arg(&built))?;
    let project = TempDir::new()?;
    fs::copy(
        built.join("wasm32-wasip2/release/probe.wasm"),
        project.path().join("probe.wasm"),
    )?;
    let manifest = "[stages.nothing]\nuses = \"probe.wasm\"\nwith = { steps = [] }\n";
    fs::write(project.path().join("tidegate.toml"), manifest)?;
    let mut times = Vec::new();
    for _ in 0..=STARTS {
        times.push(milliseconds(
            Command::new(tidegate).args(["run", "--quiet"]).current_dir(&project),
        )?);
    }
    // The first one compiles.
    println!("first {:.0} ms, again {}", times.remove(0), median(times));
    Ok(())
}

fn tests(tidegate: &Path) -> anyhow::Result<()> {
    let shop = Shop::new()?;
    run(shop.tidegate(tidegate).args(["run", "--quiet", "env"]))?;
    let mut ratios = Vec::new();
    for _ in 0..PAIRS {
        let stage = milliseconds(shop.tidegate(tidegate).args(["run", "--quiet", "--no-needs", "tests"]))?;
        let mut pytest = Command::new(shop.project().join(".venv/bin/python"));
        pytest.args(["-m", "pytest", "-q"]);
        pytest.args(["accounts", "catalog", "orders", "shop"].map(|package| format!("--cov={package}")));
        let alone = milliseconds(pytest.current_dir(shop.project()).env("DEBUG", "0"))?;
        println!("stage {:.1} s, pytest alone {:.1} s", stage / 1e3, alone / 1e3);
        ratios.push(stage / alone);
    }
    ratios.sort_by(f64::total_cmp);
    println!("ratio {:.2}", ratios[PAIRS / 2]);
    Ok(())
}

fn milliseconds(command: &mut Command) -> anyhow::Result<f64> {
    let started = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

fn median(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    let (first, last) = (times[0], times[times.len() - 1]);
    format!("{:.1} ms ({first:.1} to {last:.1})", times[times.len() / 2])
}
