use std::path::Path;

use tidegate_sdk::process::{Exit, Tail};
use tidegate_sdk::{Failure, failure, net_hint};

use crate::event::PythonError;
use crate::session::{Refusal, Session};
use crate::tell::in_words;

/// pytest's exit codes: <https://docs.pytest.org/en/stable/reference/exit-codes.html>
const TESTS_FAILED: i32 = 1;
const USAGE_ERROR: i32 = 4;
const NO_TESTS: i32 = 5;

/// What pytest's end means. A pass needs every sign of one: anything odd is none.
pub(crate) fn judge(session: &Session, exit: &Exit, stderr: &Tail, workspace: &Path) -> Result<(), Failure> {
    let code = match exit {
        Exit::Code(code) => *code,
        // The second is a fault of the machine, which no test can help.
        Exit::Stopped | Exit::Other(_) => return Err(failure::other(format!("pytest {exit}"))),
        Exit::OutOfMemory => {
            let help = "`grant.program-memory` sets the limit";
            return Err(failure::failed(format!("pytest {exit}{}; {help}", during(session))));
        }
        Exit::Signal(_) | Exit::TimedOut => {
            return Err(failure::failed(format!("pytest {exit}{}", during(session))));
        }
    };
    if let Some(refusal) = &session.refusal {
        return Err(refused(refusal, workspace));
    }
    if let Some(error) = &session.internal_error {
        return Err(failure::other(format!(
            "pytest broke down: {}",
            in_words(error, workspace)
        )));
    }
    if !session.launched {
        let text = format!("python {exit} before pytest was started{}", stderr.text());
        return Err(failure::other(text));
    }
    if code == USAGE_ERROR || (!session.configured && code != 0) {
        return Err(failure::misconfigured(usage(stderr)));
    }
    if !session.collect_errors.is_empty() {
        return Err(not_collected(session, workspace));
    }
    if let Some(reason) = &session.interrupted {
        return Err(failure::failed(format!(
            "the test run was interrupted: {reason}{}",
            progress(session)
        )));
    }
    if session.counts.bad() > 0 && session.finished.is_some() {
        return Err(tests_failed(session));
    }
    match code {
        0 => passed(session),
        NO_TESTS => Err(failure::misconfigured(no_tests(session))),
        TESTS_FAILED if session.finished.is_some() => Err(failure::failed(failed_without_a_test(session, stderr))),
        _ => Err(failure::failed(format!(
            "pytest {exit}{}{}",
            during(session),
            stderr.text()
        ))),
    }
}

/// Exit code 0: every other sign has to agree.
fn passed(session: &Session) -> Result<(), Failure> {
    let but = |text: String| format!("pytest ended with exit code 0, but {text}");
    let Some(collected) = session.collected else {
        let text = "no tests were collected; does `args` ask it for something else than a test run?";
        return Err(failure::misconfigured(but(text.to_owned())));
    };
    match &session.finished {
        Some(finished) if finished.exit == 0 && session.ended => {}
        // Something of the project ended it, as with any other exit code.
        _ => {
            let text = format!("its session did not reach its end{}", progress(session));
            return Err(failure::failed(but(text)));
        }
    }
    // What is missing now may have been lost on the way to us: no answer, rather than one that may be wrong.
    let odd = |text: String| Err(failure::other(but(text)));
    let seen = session.counts.total();
    if seen == 0 {
        return Err(failure::misconfigured(format!(
            "{collected} tests were collected and none was run"
        )));
    }
    if seen < collected || !session.running.is_empty() {
        return odd(format!("only {seen} of {collected} tests ended"));
    }
    if session.odd_lines > 0 {
        return odd(format!(
            "its events file holds {} lines that are no events",
            session.odd_lines
        ));
    }
    Ok(())
}

fn refused(refusal: &Refusal, workspace: &Path) -> Failure {
    match refusal {
        Refusal::NoPytest { python, error } if error.missing.as_deref() == Some("pytest") => {
            failure::misconfigured(format!(
                "pytest is not installed in {python}\n\n\
                 hint: add `pytest` to the project's requirements, or to the environment stage: \
                 with = {{ packages = [\"pytest\"] }}"
            ))
        }
        Refusal::NoPytest { python, error } => {
            failure::misconfigured(format!("pytest can't be imported in {python}: {}", error.first_line()))
        }
        Refusal::OldPytest { version } => {
            failure::misconfigured(format!("pytest {version} is too old: 7.0 or later is needed"))
        }
        Refusal::NoStart { conftest, error } => not_started(conftest.as_deref(), error, workspace),
        Refusal::Crashed { error } => not_started(None, error, workspace),
    }
}

fn not_started(conftest: Option<&str>, error: &PythonError, workspace: &Path) -> Failure {
    let what = in_words(error, workspace);
    if error.django {
        return django_not_started(error, &what);
    }
    match (conftest, &error.missing) {
        (_, Some(_)) => failure::misconfigured(format!("pytest can't start: {what}{}", not_installed(error))),
        (Some(conftest), None) => {
            let conftest = crate::place::shown(conftest, workspace);
            failure::failed(format!("{conftest} can't be loaded: {what}"))
        }
        (None, None) => failure::misconfigured(format!("pytest can't start: {what}")),
    }
}

/// Broken test files are the tests' fault; a Django that can't start, or a package that is not there, is the set-up's.
fn not_collected(session: &Session, workspace: &Path) -> Failure {
    let errors = &session.collect_errors;
    let (id, first) = errors
        .iter()
        .find(|(_, error)| error.django)
        .or_else(|| errors.first())
        .expect("asked only when there is an error");
    let what = in_words(first, workspace);
    if first.django {
        return django_not_started(first, &what);
    }
    let text = match errors.len() {
        1 => format!("{id} can't be collected: {what}"),
        files => format!("{files} test files can't be collected; the first: {id}: {what}"),
    };
    if errors.iter().all(|(_, error)| error.missing.is_some()) {
        failure::misconfigured(format!("{text}{}", not_installed(first)))
    } else {
        failure::failed(text)
    }
}

/// An app that asks the database while it starts is not to blame when that is away.
fn django_not_started(error: &PythonError, what: &str) -> Failure {
    let text = format!("Django can't start: {what}");
    if is_unreachable(error) {
        failure::unavailable(format!("{text}{}", net_hint(&error.message)))
    } else {
        failure::misconfigured(format!("{text}{}", not_installed(error)))
    }
}

fn not_installed(error: &PythonError) -> String {
    match &error.missing {
        Some(module) => {
            format!("\n\nhint: if `{module}` comes from a package, add that to the requirements of the environment")
        }
        None => String::new(),
    }
}

fn tests_failed(session: &Session) -> Failure {
    let counts = &session.counts;
    if let Some(error) = unreachable_database(session) {
        return failure::unavailable(format!(
            "the database can't be reached: {}{}",
            error.first_line(),
            net_hint(&error.message)
        ));
    }
    let mut parts = Vec::new();
    for (count, what) in [
        (counts.failed, "failed"),
        (counts.errored, "errored"),
        (
            counts.strict_passes,
            match counts.strict_passes {
                1 => "passed though it is expected to fail",
                _ => "passed though they are expected to fail",
            },
        ),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let stopped = match session.finished.as_ref().and_then(|finished| finished.reason.as_ref()) {
        Some(reason) => format!(" ({reason})"),
        None => String::new(),
    };
    let total = session.collected.unwrap_or_default().max(counts.total());
    failure::failed(format!("{} of {total} tests{stopped}", parts.join(", ")))
}

/// When no test got further than its database, that is what is missing, and not the code's fault.
fn unreachable_database(session: &Session) -> Option<&PythonError> {
    let all =
        session.counts.bad() == session.counts.errored && session.bad_tests.len() as u64 == session.counts.errored;
    let problems = || session.bad_tests.iter().flat_map(|test| &test.problems);
    let every = problems().all(|problem| problem.phase == "setup" && is_unreachable(&problem.error));
    if all && every {
        problems().next().map(|problem| &problem.error)
    } else {
        None
    }
}

/// A database driver that got no connection.
fn is_unreachable(error: &PythonError) -> bool {
    let text = error.message.to_lowercase();
    let signs = [
        "connection",
        "connect to",
        "could not translate host",
        "failed to resolve",
        "server host",
    ];
    error.class.as_deref() == Some("OperationalError") && signs.iter().any(|sign| text.contains(sign))
}

fn failed_without_a_test(session: &Session, stderr: &Tail) -> String {
    if let Some(finding) = session.coverage.and_then(crate::tell::coverage) {
        return finding.message;
    }
    let counts = session.counts.total();
    format!(
        "pytest ended with exit code 1, and none of {counts} tests failed: a plugin or a conftest file decided so; \
         the log says more{}",
        stderr.text()
    )
}

fn no_tests(session: &Session) -> String {
    match session.deselected {
        0 => "pytest found no tests\n\n\
              hint: name their folder by `paths`, or check `testpaths` and `python_files` in pytest's configuration"
            .to_owned(),
        count => format!(
            "pytest found {count} tests and none was chosen\n\nhint: `keyword`, `marker` or `args` leave all of them out"
        ),
    }
}

/// Options that come with a package, for the message about an option that pytest doesn't know.
const OPTIONS: [(&str, &str); 9] = [
    ("--cov", "pytest-cov"),
    ("--create-db", "pytest-django"),
    ("--ds", "pytest-django"),
    ("--nomigrations", "pytest-django"),
    ("--reuse-db", "pytest-django"),
    ("--reruns", "pytest-rerunfailures"),
    ("--timeout", "pytest-timeout"),
    ("--numprocesses", "pytest-xdist"),
    ("-n", "pytest-xdist"),
];

/// pytest's own words: they are on standard error, and nowhere else.
fn usage(stderr: &Tail) -> String {
    let said = stderr
        .lines()
        .filter_map(|line| line.split_once("error: ").or_else(|| line.split_once("ERROR: ")))
        .map(|(_, text)| text.trim())
        .find(|text| !text.starts_with("usage:"));
    let Some(text) = said else {
        return format!("pytest refused its arguments or its configuration{}", stderr.text());
    };
    let unknown = text
        .strip_prefix("unrecognized arguments: ")
        .and_then(|rest| rest.split_whitespace().next());
    let package = unknown.and_then(|argument| {
        let name = argument.split('=').next()?;
        OPTIONS
            .iter()
            .find(|(option, _)| name == *option || (*option == "--cov" && name.starts_with("--cov-")))
    });
    match package {
        Some((option, package)) => {
            format!("pytest: {text}\n\nhint: `{option}` comes with {package}, which is not installed")
        }
        None => format!("pytest: {text}"),
    }
}

/// Which test ran when pytest went away.
fn during(session: &Session) -> String {
    match session.running.as_slice() {
        [] => progress(session),
        [one] => format!(" while it ran {one}"),
        [first, rest @ ..] => format!(" while it ran {first} and {} more", rest.len()),
    }
}

fn progress(session: &Session) -> String {
    match session.collected {
        Some(collected) => format!(" after {} of {collected} tests", session.counts.total()),
        None => String::new(),
    }
}
