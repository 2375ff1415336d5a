//! What building and running needs, and how to get what is missing.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::step::{answer, root, run, say};

const WASM_TARGET: &str = "wasm32-wasip2";

/// Django 5.2 asks for it.
const PYTHON: (u32, u32) = (3, 10);

/// Says to Debian's package scripts that no service may be started.
const NO_SERVICES: &str = "/usr/sbin/policy-rc.d";

/// Seconds to wait while somebody else installs packages, another clone of this project for instance.
const PACKAGE_LOCK_WAIT: &str = "DPkg::Lock::Timeout=300";

/// Makes sure that everything is there. An error names all that is missing and how to install it.
pub(crate) fn run_all() -> anyhow::Result<()> {
    say("checking what this machine has");
    let mut missing = Vec::new();
    if answer("git", &["--version"]).is_none() {
        missing.push(format!("git: {}", how_to_install("git", "git", "git")));
    }
    if answer("cc", &["--version"]).is_none() {
        missing.push(format!(
            "a C compiler (cc): {}",
            how_to_install("gcc libc6-dev", "gcc", "gcc musl-dev")
        ));
    }
    missing.extend(missing_python());
    if !missing.is_empty() {
        bail!("missing on this machine:\n  {}", missing.join("\n  "));
    }
    wasm_target()?;
    sshd()
}

fn missing_python() -> Option<String> {
    let install = how_to_install("python3 python3-venv", "python3", "python3");
    let Some(version) = answer("python3", &["-c", "import sys; print(*sys.version_info[:2])"]) else {
        return Some(format!("python3: {install}"));
    };
    let numbers: Vec<u32> = version.split(' ').filter_map(|number| number.parse().ok()).collect();
    if numbers < vec![PYTHON.0, PYTHON.1] {
        return Some(format!(
            "python3 {}.{} or later; this is {}",
            PYTHON.0,
            PYTHON.1,
            version.replace(' ', ".")
        ));
    }
    // Debian takes both out of Python's own library.
    if answer("python3", &["-c", "import venv, ensurepip"]).is_none() {
        return Some(format!("python3's venv and ensurepip: {install}"));
    }
    None
}

fn wasm_target() -> anyhow::Result<()> {
    let libraries = answer("rustc", &["--print", "target-libdir", "--target", WASM_TARGET]);
    if libraries.is_some_and(|folder| Path::new(&folder).is_dir()) {
        return Ok(());
    }
    say(&format!("adding the Rust target {WASM_TARGET}"));
    run(Command::new("rustup")
        .args(["target", "add", WASM_TARGET])
        .current_dir(root()))
    .with_context(|| {
        format!("the Rust target {WASM_TARGET} is missing; install it with rustup (`rustup target add {WASM_TARGET}`)")
    })
}

/// The demo's and the tests' SSH server. It is never started as a service.
fn sshd() -> anyhow::Result<()> {
    if crate::sshd::program().is_some() && has("ssh-keygen") {
        return Ok(());
    }
    let install = how_to_install(
        "openssh-server",
        "openssh-server openssh-clients",
        "openssh-server openssh-keygen",
    );
    let is_root = answer("id", &["-u"]).as_deref() == Some("0");
    if !is_root {
        bail!("OpenSSH's sshd is missing; as root: {install}");
    }
    say("installing OpenSSH's server (its service is not started)");
    if has("apt-get") {
        install_by_apt()
    } else if has("dnf") {
        run(Command::new("dnf").args(["install", "-y", "openssh-server", "openssh-clients"]))
    } else if has("apk") {
        run(Command::new("apk").args(["add", "openssh-server", "openssh-keygen"]))
    } else {
        bail!("OpenSSH's sshd is missing, and there is no package manager that is known here; install it by hand")
    }
    .with_context(|| format!("OpenSSH's sshd is missing and could not be installed; try: {install}"))
}

fn install_by_apt() -> anyhow::Result<()> {
    let ours = !Path::new(NO_SERVICES).exists();
    if ours {
        fs::write(NO_SERVICES, "#!/bin/sh\nexit 101\n")?;
        run(Command::new("chmod").args(["755", NO_SERVICES]))?;
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        run(command
            .args(["-qq", "-o", PACKAGE_LOCK_WAIT])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let done = apt(&["update"]).and_then(|()| apt(&["install", "-y", "--no-install-recommends", "openssh-server"]));
    if ours {
        // Another clone may have removed it already.
        let _ = fs::remove_file(NO_SERVICES);
    }
    done
}

fn how_to_install(debian: &str, fedora: &str, alpine: &str) -> String {
    if has("apt-get") {
        format!("apt-get install {debian}")
    } else if has("dnf") {
        format!("dnf install {fedora}")
    } else if has("apk") {
        format!("apk add {alpine}")
    } else {
        format!("install {debian} with this system's package manager")
    }
}

fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
