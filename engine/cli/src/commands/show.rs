//! `tidegate show`.

use std::io::Write;

use tidegate_runner::Outcome;
use tidegate_runner::journal::RunSelector;

use crate::args::ShowArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::project::journal;
use crate::render::{counted, duration, mark, outcome_style};

/// Tests that are shown by name beside the bad ones: none. Findings and failures are what people come for.
const BAD_TESTS: [&str; 3] = ["failed", "errored", "unexpected-pass"];

pub(crate) fn run(args: ShowArgs, console: &Console) -> Result<u8, Failure> {
    let journal = journal(args.manifest.as_deref())?;
    let run = journal.run(&selector(&args.run))?;
    let mut out = console.stdout();
    let style = |outcome: Option<&str>| outcome.and_then(Outcome::parse).map_or("", outcome_style);
    let word = run
        .outcome
        .as_deref()
        .unwrap_or("unfinished (still running, or its engine was killed)");
    let started = run.started.get(..19).unwrap_or(&run.started).replace('T', " ");
    let time = run
        .duration_ms
        .map(|millis| format!(" in {}", duration(millis)))
        .unwrap_or_default();
    writeln!(
        out,
        "\x1b[1m{}\x1b[0m: {}{word}\x1b[0m{time}",
        run.pipeline,
        style(run.outcome.as_deref())
    )?;
    let source = [
        run.branch.as_deref(),
        run.commit.as_deref().map(|commit| &commit[..commit.len().min(10)]),
    ];
    let source: Vec<_> = source.into_iter().flatten().collect();
    let source = if source.is_empty() {
        String::new()
    } else {
        format!(", {}", source.join(" "))
    };
    let dry = if run.dry_run { ", dry run" } else { "" };
    writeln!(out, "started {started} UTC{source}{dry}, run {}\n", run.id)?;

    let attempts = journal.attempts(&run.id)?;
    let width = attempts.iter().map(|attempt| attempt.stage.len()).max().unwrap_or(0);
    for attempt in &attempts {
        let outcome = attempt.outcome.as_deref();
        let mark = outcome.and_then(Outcome::parse).map_or("…", mark);
        let word = outcome.unwrap_or("unfinished");
        let time = attempt
            .duration_ms
            .filter(|_| word != "skipped")
            .map(duration)
            .unwrap_or_default();
        let message = attempt
            .message
            .as_deref()
            .and_then(|message| message.lines().next())
            .unwrap_or_default();
        let line = format!(
            "  {}{mark}\x1b[0m {:<width$}  {}{word:<14}\x1b[0m {time:>10}  {message}",
            style(outcome),
            attempt.stage,
            style(outcome)
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    for finding in journal.findings(&run.id)? {
        let place = match (&finding.path, finding.line) {
            (Some(path), Some(line)) => format!("{path}:{line}: "),
            (Some(path), None) => format!("{path}: "),
            _ => String::new(),
        };
        writeln!(
            out,
            "\n{} {}: {place}{} [{}]",
            finding.stage, finding.severity, finding.message, finding.code
        )?;
        for line in finding.help.iter().flat_map(|help| help.lines()) {
            writeln!(out, "  {line}")?;
        }
    }
    let tests = journal.tests(&run.id)?;
    let bad: Vec<_> = tests
        .iter()
        .filter(|test| BAD_TESTS.contains(&test.outcome.as_str()))
        .collect();
    if !tests.is_empty() {
        writeln!(out, "\n{}, {} failed", counted(tests.len() as u64, "test"), bad.len())?;
    }
    for test in bad {
        writeln!(out, "\n{} {}: {}::{}", test.stage, test.outcome, test.suite, test.name)?;
        for line in test.message.iter().flat_map(|message| message.lines()) {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(0)
}

pub(super) fn selector(text: &str) -> RunSelector {
    match text {
        "last" => RunSelector::Last,
        other => RunSelector::Prefix(other.to_owned()),
    }
}
