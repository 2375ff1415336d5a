//! The standard stage `python-env`: a virtual environment that holds what the project asks for.
//!
//! ```toml
//! [stages.env]
//! uses = "python-env"
//! with = { requirements = ["requirements-dev.txt"] }
//! grant = { exec = { python = "python3" }, net = ["@python-index"], write = [".venv"] }
//! ```
//!
//! - `requirements` names files, and what they include by `-r` and `-c` is followed; `packages` adds single ones.
//! - `project` reads `pyproject.toml`: its dependencies, extras and groups. With a `uv.lock` beside it uv installs exactly that.
//! - With `uv` granted it installs, else pip: `grant.exec = { python = "python3.12", uv = "uv" }`.
//! - `.python-version` is compared with the granted Python.
//!
//! The environment holds a stamp of everything that went into it. It is written last, so an environment without it is a
//! half-made one and is made anew; one with the right stamp is left alone.
//!
//! Outputs: `path`, `python` (its version), `installer`, `changed`.

mod code;
mod config;
mod diagnosis;
mod environment;
mod inputs;
mod installer;
mod interpreter;
mod pyproject;
mod python_version;
mod requirements;
mod stage;
mod stamp;
mod workspace;

use stage::PythonEnv;

tidegate_sdk::export_stage!(PythonEnv);

#[cfg(test)]
mod real_installers;
