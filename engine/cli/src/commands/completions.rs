//! `completions SHELL`: a script on stdout, to be put where the shell looks for it.

use std::io::Write;

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::console::Console;
use crate::failure::Failure;

pub(crate) fn run(args: CompletionsArgs, console: &Console) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tidegate", &mut script);
    console.stdout().write_all(&script)?;
    Ok(0)
}
