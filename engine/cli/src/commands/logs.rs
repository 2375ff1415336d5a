//! `tidegate logs`.

use std::io::Write;

use tidegate_runner::event::LogSource;
use tidegate_runner::journal::{AttemptRow, LogLine, read_log};
use tidegate_sandbox::Level;

use super::show::selector;
use crate::args::LogsArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::project::journal;

pub(crate) fn run(args: LogsArgs, console: &Console) -> Result<u8, Failure> {
    let journal = journal(args.manifest.as_deref())?;
    let run = journal.run(&selector(&args.run))?;
    let attempts = journal.attempts(&run.id)?;
    let wanted: Vec<&AttemptRow> = match &args.stage {
        None => attempts.iter().collect(),
        Some(stage) => attempts.iter().filter(|attempt| attempt.stage == *stage).collect(),
    };
    if let (Some(stage), true) = (&args.stage, wanted.is_empty()) {
        let names: Vec<_> = attempts.iter().map(|attempt| attempt.stage.as_str()).collect();
        let failure = Failure::usage(format!("the run {} has no stage `{stage}`", run.id));
        return Err(failure.hint(format!("it has {}", names.join(", "))));
    }
    let mut out = console.stdout();
    for attempt in wanted {
        let lines = read_log(&journal, &run.id, &attempt.stage, attempt.attempt)?;
        // What programs print is debug to a terminal that watches, and the reason why one asks for the log.
        if lines.is_empty() && args.stage.is_some() {
            writeln!(console.stderr(), "{}", without_log(attempt))?;
        }
        let is_shown =
            |line: &&LogLine| console.verbose || line.source != LogSource::Engine || line.level != Level::Debug;
        for line in lines.iter().filter(is_shown) {
            let name = if args.stage.is_some() {
                String::new()
            } else {
                format!("\x1b[2m{}\x1b[0m ", attempt.stage)
            };
            writeln!(out, "{name}{}", line.message)?;
        }
    }
    Ok(0)
}

/// Why there is nothing to print.
fn without_log(attempt: &AttemptRow) -> String {
    let AttemptRow {
        stage,
        outcome,
        message,
        ..
    } = attempt;
    match (
        outcome.as_deref(),
        message.as_deref().and_then(|text| text.lines().next()),
    ) {
        (Some("skipped"), Some(why)) => format!("{stage} has no log: it was skipped, because {why}"),
        (Some("skipped"), None) => format!("{stage} has no log: it was skipped"),
        _ => format!("{stage} has no log: it said nothing"),
    }
}
