use std::collections::VecDeque;

use tidegate_sdk::process::{Command, Exit, Sink};
use tidegate_sdk::{Failure, Request, Stage, context, failure, report};

use crate::config::{Choice, Config};
use crate::diagnosis::Diagnosis;
use crate::environment::{Environment, Found};
use crate::inputs::Inputs;
use crate::installer::{Installer, UV, sync};
use crate::interpreter::{Interpreter, PYTHON};
use crate::python_version::{self, Wanted};
use crate::stamp::Stamp;
use crate::workspace::Visible;

pub(crate) struct PythonEnv;

/// What an installer says last is what counts: a compiler's whole output is in the log.
const KEPT_LINES: usize = 2000;

impl Stage for PythonEnv {
    const NAME: &'static str = "python-env";
    const SUMMARY: &'static str = "Makes a virtual environment with what the project requires";
    type Config = Config;

    fn requests(config: &Config) -> Vec<Request> {
        let mut requests = vec![
            Request::exec(PYTHON, "to make the environment"),
            Request::net("@python-index", "to download packages"),
            Request::write(config.path.trim_end_matches('/'), "the environment"),
        ];
        match config.installer {
            Choice::Auto => requests.push(Request::exec(UV, "to install the packages, faster than pip").optional()),
            Choice::Uv => requests.push(Request::exec(UV, "to install the packages")),
            Choice::Pip => {}
        }
        requests
    }

    fn requests_without_config() -> Vec<Request> {
        vec![
            Request::exec(PYTHON, "to make the environment"),
            Request::net("@python-index", "to download packages"),
        ]
    }

    fn run(config: Config) -> Result<(), Failure> {
        let environment = Environment::new(&config.path)?;
        let interpreter = Interpreter::ask()?;
        check_version(&interpreter)?;
        let installer = Installer::choose(config.installer)?;
        if installer == Installer::Pip && !interpreter.ensurepip {
            return Err(failure::misconfigured(format!(
                "{} can't put pip into an environment\n\n\
                 hint: install its venv package (Debian, Ubuntu: apt-get install python3-venv), or grant uv",
                interpreter.executable
            )));
        }
        let inputs = Inputs::gather(&config, &installer, &Visible)?;
        inputs.warnings.iter().for_each(report::warn);

        let stamp = Stamp::new(&interpreter, &installer, &inputs.asked(), &inputs.files);
        let why = match environment.look(&context::workspace())? {
            Found::Nothing => None,
            Found::Unstamped => Some("it is half-made, or not by this stage".to_owned()),
            Found::Stamped(old) => match stamp.difference(&old) {
                Some(changed) => Some(format!("changed: {changed}")),
                None => {
                    report::info(format!("{} is up to date: nothing to do", environment.folder()));
                    return outputs(&environment, &interpreter, &installer, false);
                }
            },
        };
        let making = match why {
            None => format!("making {}", environment.folder()),
            Some(why) => format!("making {} anew ({why})", environment.folder()),
        };
        let with = format!("Python {} and {}", interpreter.version, installer.name());
        if context::dry_run() {
            report::info(format!("would be {making}, with {with}"));
            return Ok(());
        }
        report::info(format!("{making}, with {with}"));
        make(&environment, &interpreter, &installer, &inputs)?;
        environment.finish(&stamp)?;
        outputs(&environment, &interpreter, &installer, true)
    }
}

fn check_version(interpreter: &Interpreter) -> Result<(), Failure> {
    let Some(wanted) = Wanted::read(&Visible)? else {
        return Ok(());
    };
    if let Wanted::Unknown(text) = &wanted {
        report::warn(format!(
            "{}: `{text}` is not compared with the granted Python",
            python_version::FILE
        ));
    }
    match &wanted {
        Wanted::Version(version) if !wanted.allows(&interpreter.version) => Err(failure::misconfigured(format!(
            "{} asks for Python {version}, and `python` is {} ({})\n\n\
             hint: bind another one in the grant: exec = {{ python = \"python{}\" }}",
            python_version::FILE,
            interpreter.version,
            interpreter.executable,
            version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
        ))),
        _ => Ok(()),
    }
}

fn make(
    environment: &Environment,
    interpreter: &Interpreter,
    installer: &Installer,
    inputs: &Inputs,
) -> Result<(), Failure> {
    let folder = environment.folder();
    let (exit, lines) = logged(&installer.create(folder))?;
    if !exit.success() {
        ended(&exit)?;
        let last = Diagnosis::read(&lines).detail;
        return Err(failure::failed(format!(
            "{folder} could not be made: python {exit}: {last}"
        )));
    }
    let mut steps = Vec::new();
    if let Some(lock) = &inputs.lock {
        steps.push(sync(folder, &lock.folder, interpreter, &lock.extras, &lock.groups));
    }
    if !inputs.arguments.is_empty() {
        steps.push(installer.install(folder, &inputs.arguments));
    }
    for step in steps {
        let (exit, lines) = logged(&step)?;
        if !exit.success() {
            ended(&exit)?;
            let diagnosis = Diagnosis::read(&lines);
            if let Some(finding) = diagnosis.finding(&inputs.requirements) {
                finding.add();
            }
            return Err(diagnosis.failure(installer.name()));
        }
    }
    Ok(())
}

/// A program that was ended by others has nothing to say about the packages.
fn ended(exit: &Exit) -> Result<(), Failure> {
    match exit {
        Exit::Code(_) => Ok(()),
        Exit::Stopped | Exit::Other(_) => Err(failure::other(format!("the installer {exit}"))),
        exit => Err(failure::failed(format!("the installer {exit}"))),
    }
}

/// Runs a program with its output in the log, and keeps the last of it.
fn logged(command: &Command) -> Result<(Exit, Vec<String>), Failure> {
    report::debug(command.line());
    let mut lines = VecDeque::new();
    let child = command.spawn(Sink::Capture, Sink::Capture)?;
    let exit = child.each_line(|_, line| {
        report::debug(line);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    });
    Ok((exit, lines.into()))
}

fn outputs(
    environment: &Environment,
    interpreter: &Interpreter,
    installer: &Installer,
    changed: bool,
) -> Result<(), Failure> {
    report::output("path", &environment.folder())?;
    report::output("python", &interpreter.version)?;
    report::output("installer", &installer.name())?;
    report::output("changed", &changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_the_machine_says_nothing_about_the_packages() {
        let gone = Exit::Other("its cell is gone".into());
        assert!(matches!(ended(&gone), Err(Failure::Other(_))));
        assert!(matches!(ended(&Exit::Signal(9)), Err(Failure::Failed(_))));
    }
}
