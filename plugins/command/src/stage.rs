use tidegate_sdk::process::{self, Exit, Sink};
use tidegate_sdk::{Failure, Request, Stage, context, failure, report};

use crate::config::Config;

pub(crate) struct Command;

impl Stage for Command {
    const NAME: &'static str = "command";
    const SUMMARY: &'static str = "Runs a granted program with arguments";
    type Config = Config;

    fn requests(config: &Config) -> Vec<Request> {
        vec![Request::exec(&config.program, "the program that `with.program` names")]
    }

    fn run(config: Config) -> Result<(), Failure> {
        let command = command(&config);
        let line = command.line();
        if context::dry_run() {
            report::info(format!("would run: {line}"));
            return Ok(());
        }
        report::info(format!("running: {line}"));
        let child = command.spawn(Sink::Capture, Sink::Capture)?;
        let exit = child.each_line(|_, text| report::debug(text));
        if let Exit::Code(code) = exit {
            report::output("exit-code", &code)?;
        }
        judge(&config, &line, &exit)
    }
}

fn command(config: &Config) -> process::Command {
    let mut command = process::Command::new(&config.program).args(&config.args);
    for (name, value) in &config.env {
        command = command.env(name, value);
    }
    if let Some(cwd) = &config.cwd {
        command = command.cwd(cwd);
    }
    if let Some(text) = &config.stdin {
        command = command.stdin(text.as_bytes());
    }
    if let Some(timeout) = config.timeout {
        command = command.timeout(timeout.duration());
    }
    command
}

/// One line: the engine shows the log's last lines beside it.
fn judge(config: &Config, line: &str, exit: &Exit) -> Result<(), Failure> {
    let what_next = match exit {
        Exit::Code(code) if config.expect_exit.contains(code) => return Ok(()),
        // The second is a fault of the machine, about which the program says nothing.
        Exit::Stopped | Exit::Other(_) => return Err(failure::other(format!("`{line}` {exit}"))),
        Exit::Code(_) if config.expect_exit != [0] => format!("; expected {}", either(&config.expect_exit)),
        Exit::TimedOut => match config.timeout {
            Some(limit) => format!(": `timeout` is {limit}"),
            None => String::new(),
        },
        Exit::OutOfMemory => "; `grant.program-memory` sets the limit".to_owned(),
        Exit::Code(_) | Exit::Signal(_) => String::new(),
    };
    Err(failure::failed(format!("`{line}` {exit}{what_next}")))
}

fn either(codes: &[i32]) -> String {
    codes.iter().map(i32::to_string).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(config: &str, exit: Exit) -> Result<(), Failure> {
        let config: Config = serde_json::from_str(config).unwrap();
        judge(&config, &command(&config).line(), &exit)
    }

    #[test]
    fn a_failure_says_in_one_line_what_ran_and_how_it_ended() {
        let config = r#"{"program": "python", "args": ["-c", "raise SystemExit(3)"]}"#;
        let text = "`python -c 'raise SystemExit(3)'` ended with exit code 3";
        assert_eq!(judged(config, Exit::Code(3)), Err(failure::failed(text)));
        assert_eq!(judged(config, Exit::Code(0)), Ok(()));
    }

    #[test]
    fn only_expected_exit_codes_pass() {
        let config = r#"{"program": "grep", "expect-exit": [1, 2]}"#;
        assert_eq!(judged(config, Exit::Code(1)), Ok(()));
        let text = "`grep` ended with exit code 0; expected 1 or 2";
        assert_eq!(judged(config, Exit::Code(0)), Err(failure::failed(text)));
    }

    #[test]
    fn a_program_that_never_gave_an_exit_code_has_not_passed() {
        let config = r#"{"program": "sleep", "timeout": "1m30s", "expect-exit": [-1, 9, 137]}"#;
        for (exit, text) in [
            (Exit::TimedOut, "`sleep` did not end in time: `timeout` is 1m30s"),
            (Exit::Signal(9), "`sleep` was killed by signal 9 (SIGKILL)"),
        ] {
            assert_eq!(judged(config, exit), Err(failure::failed(text)));
        }
        for exit in [Exit::Stopped, Exit::Other("its cell is gone".into())] {
            assert!(matches!(judged(config, exit), Err(Failure::Other(_))));
        }
    }

    #[test]
    fn a_program_with_its_arguments_in_one_string_is_refused_by_the_schema() {
        let schema = schemars::schema_for!(Config);
        assert_eq!(schema.as_value()["properties"]["program"]["pattern"], r"^\S+$");
    }

    /// What the engine answers to a text that is none, instead of the pattern.
    #[test]
    fn a_time_is_explained_by_examples() {
        let schema = schemars::schema_for!(Config);
        let timeout = &schema.as_value()["properties"]["timeout"];
        assert_eq!(timeout["examples"], serde_json::json!(["90s", "10m", "1h30m"]));
    }
}
