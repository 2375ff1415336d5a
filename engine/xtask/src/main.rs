//! `cargo xtask demo` and `cargo xtask test`: from a fresh clone to a whole run, with nothing left behind; and what serves
//! those who change the code.

mod bench;
mod demo;
mod interrupt;
mod lint;
mod python_stage;
mod setup;
mod shop;
mod sshd;
mod step;
mod suite;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  demo   build tidegate and run the example's pipeline for real, up to the deployed site
  test   pass all tests
  lint   check formatting and lints, and that the engine compiles for macOS
  bench  measure what the project says about its speed
";

/// The shell's convention for a program that SIGINT ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let command = match words[..] {
        ["demo"] => demo::run_all,
        ["test"] => suite::run_all,
        ["lint"] => lint::run_all,
        ["bench"] => bench::run_all,
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match interrupt::listen().and_then(|()| command()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if interrupt::requested() => {
            eprintln!("stopped, and cleaned up");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
