//! The example stage in Python: its own tests, its build, and two runs of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::step::{root, run, say, watch};

/// What `examples/stages/license-check/README.md` names.
const COMPONENTIZE_PY: &str = "componentize-py==0.25.1";

/// One package, whose licence is BSD.
const REQUIREMENTS: &str = "sqlparse==0.5.5\n";

pub(crate) fn build_and_run(tidegate: &Path) -> anyhow::Result<()> {
    let stage = root().join("examples/stages/license-check");
    run(Command::new("python3")
        .args(["-m", "unittest", "discover", "-s", "tests"])
        .env("PYTHONPATH", ".")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(&stage))?;
    let folder = root().join("target/license-check");
    fs::create_dir_all(&folder)?;
    build(&stage, &folder)?;
    run(Command::new(tidegate)
        .args(["inspect", "license-check.wasm"])
        .current_dir(&folder))?;
    fs::write(folder.join("requirements.txt"), REQUIREMENTS)?;

    say("a licence that is not allowed is a finding, and a failure");
    let (code, events) = run_with(tidegate, &folder, "[\"MIT\"]")?;
    let finding = events.iter().find(|event| event.contains("\"event\":\"finding\""));
    let finding = finding.context("the stage added no finding")?;
    if code != Some(1) || !finding.contains("license/not-allowed") || !finding.contains("requirements.txt") {
        bail!("expected exit code 1 and a finding in requirements.txt; got {code:?} and {finding}");
    }

    say("an allowed one passes");
    let (code, _) = run_with(tidegate, &folder, "[\"BSD\", \"BSD-3-Clause\"]")?;
    if code != Some(0) {
        bail!("expected exit code 0, got {code:?}");
    }
    Ok(())
}

fn build(stage: &Path, folder: &Path) -> anyhow::Result<()> {
    let tools = folder.join("tools");
    let python = tools.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&tools))?;
    }
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        COMPONENTIZE_PY,
    ];
    run(Command::new(&python).args(install))?;
    let componentize = [
        "-d",
        "wit",
        "-w",
        "license-check",
        "componentize",
        "--stub-wasi",
        "app",
        "-o",
    ];
    run(Command::new(tools.join("bin/componentize-py"))
        .args(componentize)
        .arg(folder.join("license-check.wasm"))
        .current_dir(stage))
}

/// The exit code, and the events as lines of JSON.
fn run_with(tidegate: &Path, folder: &Path, allow: &str) -> anyhow::Result<(Option<i32>, Vec<String>)> {
    let manifest = format!(
        "[plugins]
license-check = \"license-check.wasm\"

[stages.env]
uses = \"python-env\"
with = {{ requirements = [\"requirements.txt\"] }}
grant = {{ exec = {{ python = \"python3\" }}, net = [\"@python-index\"], write = [\".venv\"] }}

[stages.licences]
uses = \"license-check\"
needs = [\"env\"]
with = {{ allow = {allow}, except = [\"pip\", \"setuptools\"] }}
grant = {{ exec = {{ python = \".venv/bin/python\" }} }}
"
    );
    fs::write(folder.join("tidegate.toml"), manifest)?;
    let mut events = Vec::new();
    let mut command = Command::new(tidegate);
    command.args(["run", "--format", "json"]).current_dir(folder);
    let status = watch(&mut command, |line| events.push(line.to_owned()))?;
    Ok((status.code(), events))
}
