//! `doctor`: what this machine offers, and what to do where it offers less.

mod examination;
mod finding;
mod tool;

use std::io::Write;

use serde_json::json;

use crate::args::{DoctorArgs, Format};
use crate::console::Console;
use crate::failure::{FAILED, Failure};
use crate::machine;
use crate::render::{BOLD, GREEN, RED, RESET, YELLOW, hang};
use examination::Examination;
use finding::{Finding, State};

/// What this version does not enforce at any level. The next versions shorten this list.
const NOT_ENFORCED: [&str; 2] = [
    "components run in the engine's own process: a hole in the WebAssembly engine reaches the secrets of the run",
    "no trust file and no lock file: a manifest may use every secret that your configuration has",
];

pub(crate) fn run(args: DoctorArgs, console: &Console) -> Result<u8, Failure> {
    let examination = Examination::of(&machine::host())?;
    let mut out = console.stdout();
    match args.format {
        Format::Human => out.write_all(text(&examination, console.width()).as_bytes())?,
        Format::Json => writeln!(out, "{}", object(&examination))?,
    }
    Ok(if examination.is_full() { 0 } else { FAILED })
}

fn text(examination: &Examination, width: usize) -> String {
    let system = if cfg!(target_os = "macos") {
        "macOS, Darwin"
    } else {
        "Linux"
    };
    let mut text = format!(
        "{BOLD}Confining native programs{RESET}  {system} {}\n",
        examination.kernel
    );
    lines(&mut text, &examination.confinement, width);
    text.push_str(&format!("\n{BOLD}Around it{RESET}\n"));
    lines(&mut text, &examination.surroundings, width);
    text.push_str(&format!("\n{BOLD}Not enforced in this version{RESET}\n"));
    for gap in NOT_ENFORCED {
        text.push_str(&hang("- ", gap, Some(width)));
        text.push('\n');
    }
    let verdict = if examination.is_full() {
        "This machine offers all that this version can enforce"
    } else if examination.can_degrade() {
        "Stages are refused here; `tidegate run --allow-degraded` runs their programs with what this machine offers: Landlock \
         and filters of system calls, without namespaces"
    } else {
        "Stages are refused here; `tidegate run --allow-unconfined` runs their programs as your user, without any confinement"
    };
    text.push_str(&format!("\n{}\n", hang("", verdict, Some(width))));
    text
}

fn lines(text: &mut String, findings: &[Finding], width: usize) {
    for finding in findings {
        let (word, colour) = match finding.state {
            State::Ok => ("ok", GREEN),
            State::Missing => ("missing", RED),
            State::Optional => ("absent", YELLOW),
        };
        let lead = format!("  {colour}{word:<8}{RESET} {:<18} ", finding.name);
        text.push_str(&hang(&lead, &finding.what, Some(width)));
        text.push('\n');
        if let Some(fix) = &finding.fix {
            text.push_str(&hang("           to fix: ", fix, Some(width)));
            text.push('\n');
        }
    }
}

/// The strictest one that is possible.
fn level(examination: &Examination) -> &'static str {
    match (examination.is_full(), examination.can_degrade()) {
        (true, _) => "full",
        (false, true) => "degraded",
        (false, false) => "none",
    }
}

fn object(examination: &Examination) -> serde_json::Value {
    let findings = |findings: &[Finding]| {
        let object = |finding: &Finding| {
            json!({
                "name": finding.name,
                "state": finding.state.as_str(),
                "what": finding.what,
                "fix": finding.fix,
            })
        };
        findings.iter().map(object).collect::<Vec<_>>()
    };
    json!({
        "level": level(examination),
        "kernel": examination.kernel,
        "confinement": findings(&examination.confinement),
        "surroundings": findings(&examination.surroundings),
        "not_enforced": NOT_ENFORCED,
    })
}
