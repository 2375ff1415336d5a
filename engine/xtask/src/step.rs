//! Saying what is done, and doing it with other programs.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, bail};

use crate::interrupt::{self, Told};

/// One line before each thing that takes a while.
pub(crate) fn say(text: &str) {
    println!("==> {text}");
}

/// The folder of the clone.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .components()
        .fold(PathBuf::new(), |mut path, part| {
            match part {
                std::path::Component::ParentDir => {
                    path.pop();
                }
                part => path.push(part),
            }
            path
        })
}

/// The cargo that runs us.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    command
}

/// Runs to the end with our own output. An error when it fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = wait(command)?;
    if !status.success() {
        bail!("{} failed ({status})", describe(command));
    }
    Ok(())
}

/// The same, but a failure is an answer.
pub(crate) fn wait(command: &mut Command) -> anyhow::Result<ExitStatus> {
    let mut child = start(command)?;
    let told = Told::new(child.id());
    let status = child
        .wait()
        .with_context(|| format!("can't wait for {}", describe(command)))?;
    drop(told);
    stop_if_requested()?;
    Ok(status)
}

/// Shows each line of its standard output as it comes, and gives it to `see`.
pub(crate) fn watch(command: &mut Command, mut see: impl FnMut(&str)) -> anyhow::Result<ExitStatus> {
    let mut child = start(command.stdout(Stdio::piped()))?;
    let told = Told::new(child.id());
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.context("can't read its output")?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            see(&line);
        }
    }
    let status = child
        .wait()
        .with_context(|| format!("can't wait for {}", describe(command)))?;
    drop(told);
    stop_if_requested()?;
    Ok(status)
}

/// Standard output without the white space around it; none when the program is missing or fails.
pub(crate) fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::null())
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// In a process group of its own, see `interrupt`; such a group may not read from the terminal.
fn start(command: &mut Command) -> anyhow::Result<Child> {
    let started = command.stdin(Stdio::null()).process_group(0).spawn();
    started.with_context(|| format!("can't start {}", describe(command)))
}

fn stop_if_requested() -> anyhow::Result<()> {
    if interrupt::requested() {
        bail!("stopped");
    }
    Ok(())
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    format!("`{}`", words.join(" "))
}
