use std::cell::RefCell;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tidegate_sdk::process::{Child, Command, Exit, Sink};
use tidegate_sdk::report::{self, Finding, Test, TestOutcome};
use tidegate_sdk::{Failure, context, failure, files, http, secrets, ssh, state};

use crate::config::Config;

thread_local! {
    /// What `reveal` found; `{secret}` in later steps stands for it.
    static SECRET: RefCell<String> = const { RefCell::new(String::new()) };
}

pub(crate) fn take(line: &str, config: &Config) -> Result<(), Failure> {
    let (word, argument) = line.split_once(' ').unwrap_or((line, ""));
    let argument = argument.replace("{secret}", &SECRET.with_borrow(String::clone));
    let argument = argument.as_str();
    match word {
        "log" => report::info(argument),
        "debug" => report::debug(argument),
        "warn" => report::warn(argument),
        "number" => report::info(format!("the number is {:?}", config.number)),
        "color" => report::info(format!("the color is {:?}", config.color)),
        "print" => print(&[argument, "\n"])?,
        "print-in-two" => {
            let half = argument.len() / 2;
            print(&[&argument[..half], &argument[half..], "\n"])?;
        }
        // So that the secret stands across the place where the engine cuts long lines.
        "print-long" => print(&[&"x".repeat(16 * 1024 - argument.len() / 2), argument, "\n"])?,
        "finding" => Finding::error("probe/found", argument)
            .at("app.py")
            .line(7)
            .help(argument)
            .add(),
        "test" => Test::new("suite", argument, TestOutcome::Failed)
            .message(argument)
            .add(),
        "progress" => report::progress(1, Some(2), argument),
        "metric" => report::metric(argument, 1.5, "s"),
        "summary" => report::summary(argument),
        "output" => {
            let (key, json) = argument.split_once(' ').unwrap_or((argument, "null"));
            let value = serde_json::from_str(json).unwrap_or_else(|_| Value::from(json));
            report::output(key, &value)?;
        }
        "keep" => report::keep("kept", &context::workspace().join(argument), "text/plain")?,
        "input" => report::info(format!("{argument} is {:?}", input(argument)?)),
        "artifact" => {
            let path = context::artifact(argument, "kept").ok_or_else(|| failure::failed("no such artifact"))?;
            report::info(std::fs::read_to_string(path)?.trim_end());
        }
        "count" => {
            let count = state::get::<u32>("count").unwrap_or(0) + 1;
            state::put("count", &count)?;
            report::info(format!("count {count}"));
        }
        "reveal" => {
            let value = secrets::reveal(argument)?;
            report::info(format!("a secret of {} bytes", value.trim().len()));
            SECRET.set(value);
        }
        "read" => say(argument, files::read_to_string(argument)),
        "wasi-read" => say(argument, std::fs::read_to_string(context::workspace().join(argument))),
        "write" => say(argument, files::write(argument, b"by files").map(|()| "written")),
        "wasi-write" => {
            let written = std::fs::write(context::workspace().join(argument), "by wasi");
            say(argument, written.map(|()| "written"));
        }
        "wasi-list" => say(argument, names_in(&context::workspace().join(argument))),
        "wasi-write-relative" => say(argument, std::fs::write(argument, "by wasi").map(|()| "written")),
        "wasi-rename" => {
            let (from, to) = argument.split_once(' ').unwrap_or((argument, ""));
            let (from, to) = (context::workspace().join(from), context::workspace().join(to));
            say(argument, std::fs::rename(from, to).map(|()| "renamed"));
        }
        "wasi-remove" => {
            let path = context::workspace().join(argument);
            let removed = std::fs::remove_file(&path).or_else(|error| match path.is_dir() {
                true => std::fs::remove_dir(&path),
                false => Err(error),
            });
            say(argument, removed.map(|()| "removed"));
        }
        "glob" => report::info(files::glob(&[argument])?.join(" ")),
        "run" => run(argument)?,
        "wait-for" => wait_for(&context::workspace().join(argument)),
        "wait-stop" => wait_until(context::stop_requested),
        "spin" => loop {
            std::hint::spin_loop();
        },
        "eat-memory" => eat_memory(),
        "trap" => unreachable!("the stage was told to trap"),
        "end" => report::info(format!("ended: {}", started(argument)?.each_line(|_, _| ()))),
        "leave" => leave(argument)?,
        "tree" => tree(argument)?,
        "get" => say(
            argument,
            http::Request::get(argument).send().map(|answer| answer.text()),
        ),
        "remote" => {
            remote(argument, |connection, line| {
                let finished = connection.shell(line, &ssh::Exec::default())?;
                report::info(format!("ended with {}", finished.exit_code));
                Ok(())
            })?;
        }
        "upload" => remote(argument, |connection, folder| {
            Ok(connection.upload(".", folder, &[]).map(drop)?)
        })?,
        "fail" => return Err(failure::failed(argument)),
        "misconfigured" => return Err(failure::misconfigured(argument)),
        "unavailable" => return Err(failure::unavailable(argument)),
        "other" => return Err(failure::other(argument)),
        unknown => return Err(failure::misconfigured(format!("no step `{unknown}`"))),
    }
    Ok(())
}

fn input(name: &str) -> Result<Option<Value>, Failure> {
    let (stage, key) = name.split_once('.').unwrap_or((name, ""));
    context::input(stage, key)
}

fn names_in(folder: &Path) -> std::io::Result<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.join(" "))
}

/// Each piece is a write of its own.
fn print(pieces: &[&str]) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    for piece in pieces {
        out.write_all(piece.as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

/// Trying is no failure: a stage may see what it gets.
fn say<T: AsRef<str>, E: std::fmt::Debug>(what: &str, result: Result<T, E>) {
    report::info(match result {
        Ok(text) => format!("{what}: {}", text.as_ref().trim_end()),
        Err(error) => format!("{what}: {error:?}"),
    });
}

/// `PROGRAM ARGUMENT`, where the argument goes on to the end of the line.
fn run(line: &str) -> Result<(), Failure> {
    let mut words = line.splitn(3, ' ');
    let program = words.next().unwrap_or_default();
    let output = Command::new(program).args(words).run_with(Sink::Log, Sink::Log)?;
    match output.exit {
        Exit::Code(0) => Ok(()),
        exit => Err(failure::failed(format!("`{program}` {exit}"))),
    }
}

/// `PROGRAM ARGUMENT`, started and not waited for.
fn started(line: &str) -> Result<Child, Failure> {
    let mut words = line.splitn(3, ' ');
    let program = words.next().unwrap_or_default();
    Ok(Command::new(program).args(words).spawn(Sink::Log, Sink::Log)?)
}

/// Lets go of a program once it has made `left` in its folder for temporary files.
fn leave(line: &str) -> Result<(), Failure> {
    let child = started(line)?;
    wait_for(&context::scratch().join("tmp/left"));
    drop(child);
    Ok(())
}

/// All that is in an artifact, folders with a slash at their end.
fn tree(stage: &str) -> Result<(), Failure> {
    let root = context::artifact(stage, "kept").ok_or_else(|| failure::failed("no such artifact"))?;
    let root = Path::new(&root);
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            if path.is_dir() {
                found.push(format!("{name}/"));
                folders.push(path);
            } else {
                found.push(name);
            }
        }
    }
    found.sort();
    report::info(found.join(" "));
    Ok(())
}

/// `TARGET REST`, on the target's first host.
fn remote(argument: &str, act: impl FnOnce(&ssh::Connection, &str) -> Result<(), Failure>) -> Result<(), Failure> {
    let (target, rest) = argument.split_once(' ').unwrap_or((argument, ""));
    let hosts = ssh::hosts(target)?;
    act(&ssh::Connection::open(target, &hosts[0])?, rest)
}

fn wait_for(path: &Path) {
    wait_until(|| path.exists());
}

/// Looks often enough that a test does not feel it.
fn wait_until(done: impl Fn() -> bool) {
    while !done() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn eat_memory() -> ! {
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![1u8; 1 << 20]);
    }
}
