//! Builds the standard stages, which the binary carries.

use std::path::{Path, PathBuf};
use std::process::Command;

use wasmparser::{Parser, Payload};

/// Each one's name, and the file that cargo makes of it.
const STAGES: [(&str, &str); 5] = [
    ("command", "command.wasm"),
    ("deploy-ssh", "deploy_ssh.wasm"),
    ("django-migrate-check", "django_migrate_check.wasm"),
    ("pytest-runner", "pytest_runner.wasm"),
    ("python-env", "python_env.wasm"),
];

fn main() -> Result<(), String> {
    let root = PathBuf::from(var("CARGO_MANIFEST_DIR")?).join("../..");
    let plugins = root.join("plugins");
    for path in ["plugins/Cargo.toml", "plugins/Cargo.lock", "plugins/sdk", "wit"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    for (stage, _) in STAGES {
        println!("cargo::rerun-if-changed={}", plugins.join(stage).display());
    }
    println!("cargo::rerun-if-env-changed=TIDEGATE_PLUGIN_TARGET");
    build(&plugins)?;
    wasmtime_version(&root)
}

/// In a target folder of its own: cargo holds a lock on the one that this build runs in.
fn build(plugins: &Path) -> Result<(), String> {
    let target = match std::env::var_os("TIDEGATE_PLUGIN_TARGET") {
        Some(folder) => PathBuf::from(folder),
        None => plugins.join("target"),
    };
    let mut cargo = Command::new(var("CARGO")?);
    cargo
        .args([
            "build",
            "--release",
            "--locked",
            "--target",
            "wasm32-wasip2",
            "--target-dir",
        ])
        .arg(&target)
        .current_dir(plugins);
    cargo.arg("--workspace");
    // What cargo says to this build script is not meant for the inner cargo.
    for name in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
    ] {
        cargo.env_remove(name);
    }
    let output = cargo
        .output()
        .map_err(|error| format!("cargo could not be started for the standard stages: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let hint = if text.contains("wasm32-wasip2") && text.contains("target") {
            "\nthe target is missing: run `rustup target add wasm32-wasip2` and build again"
        } else {
            ""
        };
        return Err(format!("the standard stages could not be built:\n{text}{hint}"));
    }
    for (stage, file) in STAGES {
        let component = target.join("wasm32-wasip2/release").join(file);
        let copy = PathBuf::from(var("OUT_DIR")?).join(format!("{stage}.wasm"));
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", component.display());
        let bytes = std::fs::read(&component).map_err(|error| failed(&error))?;
        let bytes = without_names(&bytes).map_err(|error| failed(&error))?;
        std::fs::write(copy, bytes).map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Without the names of the component's own parts, which nobody is shown: 9 KB of each.
fn without_names(component: &[u8]) -> Result<Vec<u8>, wasmparser::BinaryReaderError> {
    let mut kept = Vec::with_capacity(component.len());
    let (mut depth, mut from) = (0u32, 0);
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == "component-name" => {
                // In front of what the range has stand the section's number and its length.
                let length = section.range().len();
                let head = 1 + leb128_bytes(length);
                kept.extend_from_slice(&component[from..section.range().start - head]);
                from = section.range().end;
            }
            _ => {}
        }
    }
    kept.extend_from_slice(&component[from..]);
    Ok(kept)
}

fn leb128_bytes(number: usize) -> usize {
    (usize::BITS - number.leading_zeros()).div_ceil(7).max(1) as usize
}

fn wasmtime_version(root: &Path) -> Result<(), String> {
    let lock = root.join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = std::fs::read_to_string(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let version = text
        .split("name = \"wasmtime\"\nversion = \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    println!(
        "cargo::rustc-env=TIDEGATE_WASMTIME={}",
        version.ok_or("wasmtime is not in Cargo.lock")?
    );
    Ok(())
}

fn var(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|error| format!("{name}: {error}"))
}
