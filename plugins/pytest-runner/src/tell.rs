use std::path::Path;
use std::time::Duration;

use tidegate_sdk::report::{Finding, Test, TestOutcome};

use crate::code;
use crate::event::{Outcome, PythonError, TestEnd};
use crate::place::{shown, shown_with_line, suite_and_name};
use crate::session::Coverage;

/// A test as the engine counts and shows it.
pub(crate) fn test(end: &TestEnd, workspace: &Path) -> Test {
    let (suite, name) = suite_and_name(&end.id);
    let outcome = match end.outcome {
        Outcome::Passed => TestOutcome::Passed,
        Outcome::Failed => TestOutcome::Failed,
        Outcome::Errored => TestOutcome::Errored,
        Outcome::Skipped => TestOutcome::Skipped,
        Outcome::ExpectedFailure => TestOutcome::ExpectedFailure,
        Outcome::UnexpectedPass => TestOutcome::UnexpectedPass,
    };
    let mut test = Test::new(suite, name, outcome).duration(seconds(end.seconds));
    if let Some(message) = &end.message {
        test = test.message(message);
    }
    if let Some(file) = &end.file {
        test = test.at(shown(file, workspace));
    }
    if let Some(line) = end.line {
        test = test.line(line);
    }
    test
}

/// One finding for each exception of a test, at the line that raised it.
pub(crate) fn findings(end: &TestEnd, workspace: &Path) -> Vec<Finding> {
    let (_, name) = suite_and_name(&end.id);
    end.problems
        .iter()
        .map(|problem| {
            let code = match (end.outcome, problem.phase.as_str()) {
                (Outcome::UnexpectedPass, _) => code::UNEXPECTED_PASS,
                (_, "call" | "subtest") => code::FAILED,
                _ => code::ERRORED,
            };
            let during = match problem.phase.as_str() {
                "setup" => " (setup)",
                "teardown" => " (teardown)",
                "subtest" => " (subtest)",
                _ => "",
            };
            let error = &problem.error;
            let finding = Finding::error(code, format!("{name}{during}: {}", error.text()));
            match (&error.file, &end.file) {
                (Some(file), _) => at(finding, file, error.line, workspace),
                (None, Some(file)) => at(finding, file, end.line, workspace),
                (None, None) => finding,
            }
        })
        .collect()
}

/// A test file that could not be imported.
pub(crate) fn collection(id: &str, error: &PythonError, workspace: &Path) -> Finding {
    let code = if error.django {
        code::DJANGO_START
    } else {
        code::COLLECTION
    };
    let finding = Finding::error(code, format!("{id} can't be collected: {}", error.text()));
    match &error.file {
        Some(file) => at(finding, file, error.line, workspace),
        None => finding.at(id),
    }
}

pub(crate) fn internal_error(error: &PythonError, workspace: &Path) -> Finding {
    let finding = Finding::error(code::INTERNAL_ERROR, format!("pytest broke down: {}", error.text()));
    match &error.file {
        Some(file) => at(finding, file, error.line, workspace),
        None => finding,
    }
}

/// What keeps a session from starting, when it lies in a file of the project.
pub(crate) fn no_start(error: &PythonError, workspace: &Path) -> Option<Finding> {
    let file = error.file.as_ref()?;
    let code = if error.django {
        code::DJANGO_START
    } else {
        code::COLLECTION
    };
    Some(at(Finding::error(code, error.text()), file, error.line, workspace))
}

/// None when the project requires no more than it has.
pub(crate) fn coverage(coverage: Coverage) -> Option<Finding> {
    let required = coverage.required.filter(|&required| coverage.percent < required)?;
    let message = format!(
        "the tests cover {:.1} %, and {required} % are required",
        coverage.percent
    );
    Some(Finding::error(code::COVERAGE, message))
}

/// An exception and where it lies, for a message.
pub(crate) fn in_words(error: &PythonError, workspace: &Path) -> String {
    match &error.file {
        Some(file) => format!(
            "{} ({})",
            error.first_line(),
            shown_with_line(file, error.line, workspace)
        ),
        None => error.first_line(),
    }
}

fn at(finding: Finding, file: &str, line: Option<u32>, workspace: &Path) -> Finding {
    let finding = finding.at(shown(file, workspace));
    match line {
        Some(line) => finding.line(line),
        None => finding,
    }
}

/// A number from outside: what is no length of time counts as none.
fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}
