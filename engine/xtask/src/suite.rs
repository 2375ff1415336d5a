//! All tests, of all parts.

use anyhow::bail;

use crate::python_stage::build_and_run;
use crate::step::{cargo, root, say, watch};
use crate::{demo, setup};

/// Runs every part also when an earlier one failed; an error names those that did.
pub(crate) fn run_all() -> anyhow::Result<()> {
    setup::run_all()?;
    let mut counts = Counts::default();
    let mut failed = Vec::new();
    for (name, folder) in [
        ("the engine's tests", root()),
        ("the stages' tests", root().join("plugins")),
    ] {
        say(name);
        let mut tests = cargo(&folder);
        let status = watch(tests.args(["test", "--workspace", "--no-fail-fast"]), |line| {
            counts.add(line)
        })?;
        if !status.success() {
            failed.push(name);
        }
    }
    let tidegate = demo::build()?;
    let parts: [(&str, &dyn Fn() -> anyhow::Result<()>); 2] = [
        ("the example stage in Python", &|| build_and_run(&tidegate)),
        ("the example's pipeline", &|| demo::pipeline(&tidegate)),
    ];
    for (name, part) in parts {
        say(name);
        match part() {
            Ok(()) => counts.passed += 1,
            Err(error) if crate::interrupt::requested() => return Err(error),
            Err(error) => {
                eprintln!("{name}: {error:#}");
                counts.failed += 1;
                failed.push(name);
            }
        }
    }
    println!(
        "\n{} passed, {} failed, {} skipped",
        counts.passed, counts.failed, counts.ignored
    );
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// What the test programs say about themselves.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; …`
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let result = result.split_once(". ").map_or(result, |(_, counts)| counts);
        for part in result.split("; ") {
            match part.split_once(' ') {
                Some((count, "passed")) => self.passed += count.parse().unwrap_or(0),
                Some((count, "failed")) => self.failed += count.parse().unwrap_or(0),
                Some((count, "ignored")) => self.ignored += count.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_up() {
        let mut counts = Counts::default();
        counts.add("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        counts.add("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        counts.add("test deploy::first ... ok");
        assert_eq!(
            counts,
            Counts {
                passed: 4,
                failed: 2,
                ignored: 1
            }
        );
    }
}
