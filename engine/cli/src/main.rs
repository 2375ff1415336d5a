//! `tidegate`: arguments, rendering and exit codes. It decides nothing.

mod args;
mod commands;
mod console;
mod failure;
mod machine;
mod project;
mod render;
mod standard;
mod version;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use console::Console;
use failure::Failure;

fn main() -> ExitCode {
    // A Cell's helper is this program again; it never returns from here.
    tidegate_confine::run_helper_if_asked();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` come here too, with exit code 0.
            let code = if error.use_stderr() { failure::USAGE } else { 0 };
            let _ = error.print();
            return code.into();
        }
    };
    let console = Console::new(
        &cli.global,
        machine::columns(std::io::stdout()),
        machine::columns(std::io::stderr()),
    );
    match dispatch(cli.command, &console) {
        Ok(code) => code.into(),
        Err(failure) => {
            console.report(&failure);
            failure.exit_code().into()
        }
    }
}

fn dispatch(command: Command, console: &Console) -> Result<u8, Failure> {
    match command {
        Command::Run(args) => commands::run::run(args, console),
        Command::Check(args) => commands::check::run(args, console),
        Command::Plan(args) => commands::plan::run(args, console),
        Command::Inspect(args) => commands::inspect::run(args, console),
        Command::List(args) => commands::list::run(args, console),
        Command::Explain(args) => commands::explain::run(args, console),
        Command::Init(args) => commands::init::run(args, console),
        Command::Doctor(args) => commands::doctor::run(args, console),
        Command::Runs(args) => commands::runs::run(args, console),
        Command::Show(args) => commands::show::run(args, console),
        Command::Logs(args) => commands::logs::run(args, console),
        Command::Completions(args) => commands::completions::run(args, console),
    }
}
