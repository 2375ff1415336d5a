//! `tidegate runs`.

use std::io::Write;

use tidegate_runner::Outcome;

use crate::args::RunsArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::project::journal;
use crate::render::{duration, mark, outcome_style};

pub(crate) fn run(args: RunsArgs, console: &Console) -> Result<u8, Failure> {
    let journal = journal(args.manifest.as_deref())?;
    let mut out = console.stdout();
    for run in journal.runs(args.limit)? {
        let outcome = run.outcome.as_deref().and_then(Outcome::parse);
        let (style, mark) = outcome.map_or(("", "…"), |outcome| (outcome_style(outcome), mark(outcome)));
        let word = run.outcome.as_deref().unwrap_or("unfinished");
        let time = run.duration_ms.map(duration).unwrap_or_default();
        let dry = if run.dry_run { " (dry run)" } else { "" };
        let started = run.started.get(..19).unwrap_or(&run.started).replace('T', " ");
        let branch = run.branch.unwrap_or_default();
        let line = format!(
            "{style}{mark} {word:<14}\x1b[0m {time:>10}  {started}  {branch:<16}{dry} {}",
            run.id
        );
        writeln!(out, "{line}")?;
    }
    Ok(0)
}
