use tidegate_sdk::report::Finding;
use tidegate_sdk::{Failure, failure};

use crate::code;
use crate::requirements::{Requirements, Told};

/// A compiler's words: as many lines as fit beside the message.
const BUILD_LINES: usize = 8;
/// pip's message about a requirement, with its drawing.
const BAD_REQUIREMENT_LINES: usize = 6;

/// Why an install failed, read from what pip or uv printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    pub(crate) cause: Cause,
    /// As the installer names it; it may have a version.
    pub(crate) package: Option<String>,
    /// Where the installer says that it is.
    pub(crate) place: Option<Told>,
    /// One or more lines.
    pub(crate) detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    NotFound,
    Conflict,
    HashMismatch,
    BuildFailed,
    BadRequirement,
    LockOutdated,
    Unreachable,
    LoginNeeded,
    DiskFull,
    Other,
}

impl Diagnosis {
    /// `lines` is all that the installer printed, from both outputs.
    pub(crate) fn read(lines: &[String]) -> Self {
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        // What comes first follows from nothing else: an index that can't be reached has no packages either.
        disk_full(&lines)
            .or_else(|| login_needed(&lines))
            .or_else(|| unreachable(&lines))
            .or_else(|| hash_mismatch(&lines))
            .or_else(|| lock_outdated(&lines))
            .or_else(|| build_failed(&lines))
            .or_else(|| bad_requirement(&lines))
            .or_else(|| conflict(&lines))
            .or_else(|| not_found(&lines))
            .unwrap_or_else(|| other(&lines))
    }

    pub(crate) fn failure(&self, installer: &str) -> Failure {
        let Self { package, detail, .. } = self;
        let subject = package.as_deref().unwrap_or("a package");
        match self.cause {
            Cause::NotFound => failure::misconfigured(format!("{subject} can't be installed: {detail}")),
            Cause::Conflict => failure::misconfigured(format!("the requirements exclude each other: {detail}")),
            Cause::HashMismatch => failure::failed(format!(
                "{subject} is not the file that the requirements name: {detail}"
            )),
            Cause::BuildFailed => failure::failed(format!("{subject} could not be built:\n\n{detail}")),
            Cause::BadRequirement => failure::misconfigured(format!("a requirement can't be read: {detail}")),
            Cause::LockOutdated => failure::misconfigured(
                "uv.lock does not fit pyproject.toml any more\n\nhint: run `uv lock` and commit it",
            ),
            Cause::Unreachable => failure::unavailable(format!("the package index can't be reached: {detail}")),
            Cause::LoginNeeded => failure::misconfigured(format!("the package index wants a login: {detail}")),
            Cause::DiskFull => failure::unavailable("no space is left for the packages"),
            Cause::Other => failure::failed(format!("{installer} failed: {detail}")),
        }
    }

    /// The line to look at, where one is to blame.
    pub(crate) fn finding(&self, requirements: &Requirements) -> Option<Finding> {
        let code = match self.cause {
            Cause::NotFound => code::NOT_FOUND,
            Cause::Conflict => code::CONFLICT,
            Cause::HashMismatch => code::HASH_MISMATCH,
            Cause::BuildFailed => code::BUILD_FAILED,
            Cause::BadRequirement => code::BAD_REQUIREMENT,
            Cause::LockOutdated => code::LOCK_OUTDATED,
            Cause::Unreachable | Cause::LoginNeeded | Cause::DiskFull | Cause::Other => return None,
        };
        let message = match &self.package {
            Some(package) => format!("{package}: {}", self.detail),
            None => self.detail.clone(),
        };
        let finding = Finding::error(code, message);
        let told = self.place.as_ref().and_then(|place| requirements.told(place));
        let place = told.or_else(|| requirements.place(self.package.as_deref()?));
        Some(match place {
            Some((path, line)) => finding.at(path).line(line),
            None => finding,
        })
    }
}

fn found(cause: Cause, package: Option<&str>, detail: impl Into<String>) -> Option<Diagnosis> {
    Some(Diagnosis {
        cause,
        package: package.map(str::to_owned),
        place: None,
        detail: detail.into(),
    })
}

fn with<'a>(lines: &[&'a str], signs: &[&str]) -> Option<&'a str> {
    lines
        .iter()
        .copied()
        .find(|line| signs.iter().any(|sign| line.contains(sign)))
}

/// The text in the first pair of back-quotes.
fn quoted(line: &str) -> Option<&str> {
    line.split('`').nth(1)
}

fn disk_full(lines: &[&str]) -> Option<Diagnosis> {
    let line = with(lines, &["No space left on device", "(os error 28)", "[Errno 28]"])?;
    found(Cause::DiskFull, None, line.trim())
}

fn login_needed(lines: &[&str]) -> Option<Diagnosis> {
    let signs = [
        "401 Error",
        "401 Unauthorized",
        "401 Client Error",
        "403 Error",
        "403 Forbidden",
        "403 Client Error",
    ];
    let line = with(lines, &signs)?;
    // Never the line itself: it may hold the address with its password.
    let answer = if line.contains("401") {
        "401 (unauthorized)"
    } else {
        "403 (forbidden)"
    };
    found(Cause::LoginNeeded, None, format!("it answers {answer}"))
}

fn unreachable(lines: &[&str]) -> Option<Diagnosis> {
    // pip: in its words a broken connection is a warning, and what follows from it the error.
    let pip = [
        "connection broken by",
        "Max retries exceeded",
        "ReadTimeoutError",
        "Temporary failure in name resolution",
    ];
    if let Some(line) = with(lines, &pip) {
        let reason = line.rsplit_once("[Errno ").and_then(|(_, rest)| rest.split_once("] "));
        let reason = reason.map_or(line.trim(), |(_, text)| text.split(['\'', ')']).next().unwrap_or(text));
        return found(Cause::Unreachable, None, reason);
    }
    let uv = [
        "client error (Connect)",
        "dns error",
        "operation timed out",
        "tcp connect error",
        "connection reset",
    ];
    with(lines, &uv)?;
    let failed = with(lines, &["Failed to fetch", "Request failed"]).unwrap_or_default();
    let url = failed.split_once(": http").map_or("", |(_, rest)| rest);
    let last = lines
        .iter()
        .rfind(|line| line.contains("cause: ") || line.contains("Caused by: "));
    let reason = last
        .and_then(|line| line.split_once(": "))
        .map_or("no connection", |(_, text)| text);
    if url.is_empty() {
        found(Cause::Unreachable, None, reason)
    } else {
        found(
            Cause::Unreachable,
            None,
            format!("{reason} (http{})", url.trim_matches('`')),
        )
    }
}

fn hash_mismatch(lines: &[&str]) -> Option<Diagnosis> {
    if let Some(line) = with(lines, &["Hash mismatch for "]) {
        return found(Cause::HashMismatch, quoted(line), sums(lines, "Expected:", "Computed:"));
    }
    if let Some(at) = lines.iter().position(|line| line.contains("DO NOT MATCH THE HASHES")) {
        let package = lines.get(at + 1).and_then(|line| line.split_whitespace().next());
        return found(Cause::HashMismatch, package, sums(lines, "Expected sha256", "Got"));
    }
    let line = with(
        lines,
        &[
            "Hashes are required in --require-hashes mode",
            "In `--require-hashes` mode",
        ],
    )?;
    found(Cause::HashMismatch, None, line.trim().trim_start_matches("ERROR: "))
}

/// The two sums stand behind their words, on the same line or on the next.
fn sums(lines: &[&str], expected: &str, got: &str) -> String {
    let after = |word: &str| {
        let at = lines.iter().position(|line| line.trim_start().starts_with(word))?;
        let rest = lines[at]
            .trim_start()
            .strip_prefix(word)
            .map(str::trim)
            .filter(|rest| !rest.is_empty());
        rest.or_else(|| lines.get(at + 1).map(|line| line.trim()))
    };
    match (after(expected), after(got)) {
        (Some(expected), Some(got)) => format!("expected {expected}, got {got}"),
        _ => "the SHA-256 differs".to_owned(),
    }
}

fn lock_outdated(lines: &[&str]) -> Option<Diagnosis> {
    let line = with(lines, &["The lockfile at "]).filter(|line| line.contains("needs to be updated"))?;
    found(Cause::LockOutdated, None, line.trim_start_matches("error: "))
}

fn build_failed(lines: &[&str]) -> Option<Diagnosis> {
    let uv = lines.iter().position(|line| {
        let line = line.trim_start_matches([' ', '×', 'x']);
        line.starts_with("Failed to build `") || line.starts_with("error: Failed to build `")
    });
    if let Some(at) = uv {
        let package = quoted(lines[at]).map(|package| package.split(" @ ").next().unwrap_or(package));
        let said = lines[at..].iter().position(|line| line.trim() == "[stderr]");
        let said = said.map_or(&lines[at..], |from| &lines[at + from + 1..]);
        let end = said
            .iter()
            .position(|line| line.trim_start().starts_with("hint: "))
            .unwrap_or(said.len());
        return found(Cause::BuildFailed, package, telling(&said[..end]));
    }
    let end = lines
        .iter()
        .position(|line| line.trim_start_matches([' ', '|', '│']).starts_with("[end of output]"))?;
    let begin = lines[..end]
        .iter()
        .rposition(|line| line.contains("lines of output]"))
        .map_or(0, |at| at + 1);
    let named = lines.iter().find_map(|line| {
        line.split_once("Failed building wheel for ")
            .or_else(|| line.split_once("Failed to build installable wheels for some pyproject.toml based projects ("))
            .or_else(|| line.split_once("Failed to build '"))
    });
    let package = named.map(|(_, rest)| rest.split(['\'', ')', ' ']).next().unwrap_or(rest));
    let collecting = || {
        lines[..begin]
            .iter()
            .rev()
            .find_map(|line| line.trim().strip_prefix("Collecting "))
    };
    let package = package.or_else(|| collecting().map(|text| text.split(" (from").next().unwrap_or(text)));
    found(Cause::BuildFailed, package, telling(&lines[begin..end]))
}

/// From the first error on, as compilers go on after it; without one the last lines.
fn telling(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
        .collect();
    let error = lines
        .iter()
        .position(|line| line.contains("error: ") || line.contains("Error: "));
    let from = error.unwrap_or(lines.len().saturating_sub(BUILD_LINES));
    lines[from..]
        .iter()
        .take(BUILD_LINES)
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn bad_requirement(lines: &[&str]) -> Option<Diagnosis> {
    let at = lines
        .iter()
        .position(|line| line.contains("Invalid requirement: ") || line.contains("Couldn't parse requirement"))?;
    let line = lines[at]
        .trim()
        .trim_start_matches("ERROR: ")
        .trim_start_matches("error: ");
    let cause = lines
        .get(at + 1)
        .and_then(|line| line.split_once("cause: ").or_else(|| line.split_once("Caused by: ")));
    let detail = match cause {
        Some((_, cause)) => format!("{line}: {cause}"),
        None => line.to_owned(),
    };
    // Newer pips draw the mistake before they say where it is.
    let place = lines[at..]
        .iter()
        .take(BAD_REQUIREMENT_LINES)
        .find_map(|line| told(line));
    Some(Diagnosis {
        place,
        ..found(Cause::BadRequirement, None, detail)?
    })
}

/// `(from line 2 of requirements.txt)`, `-r requirements.txt (line 2)`, and uv's `` `requirements.txt` at position 10 ``.
fn told(line: &str) -> Option<Told> {
    if let Some((_, rest)) = line.split_once("(from line ") {
        let (number, path) = rest.split_once(" of ")?;
        return Some(Told::Line {
            path: path.split(')').next()?.to_owned(),
            line: number.parse().ok()?,
        });
    }
    if let Some((path, rest)) = line.strip_prefix("-r ").and_then(|rest| rest.split_once(" (line ")) {
        return Some(Told::Line {
            path: path.to_owned(),
            line: rest.split(')').next()?.parse().ok()?,
        });
    }
    let (path, rest) = line.split_once(" in `")?.1.split_once("` at position ")?;
    Some(Told::Offset {
        path: path.to_owned(),
        bytes: rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?,
    })
}

fn conflict(lines: &[&str]) -> Option<Diagnosis> {
    if let Some(at) = lines
        .iter()
        .position(|line| line.starts_with("The conflict is caused by:"))
    {
        let reasons: Vec<&str> = lines[at + 1..]
            .iter()
            .map(|line| line.trim())
            .take_while(|line| !line.is_empty())
            .collect();
        let culprits = with(lines, &["ERROR: Cannot install "])
            .and_then(|line| line.strip_prefix("ERROR: Cannot install "))
            .unwrap_or_default();
        let place = told(culprits);
        let package = match place {
            None => culprits.split([' ', ',']).next().filter(|word| !word.is_empty()),
            Some(_) => None,
        };
        return Some(Diagnosis {
            place,
            ..found(Cause::Conflict, package, reasons.join("; "))?
        });
    }
    let text = unsatisfiable(lines)?;
    let single = text.contains("was not found in")
        || text.contains("there is no version of")
        || text.contains("there are no versions of");
    if single {
        None
    } else {
        found(Cause::Conflict, None, text)
    }
}

fn not_found(lines: &[&str]) -> Option<Diagnosis> {
    if let Some(text) = unsatisfiable(lines) {
        let because = text.strip_prefix("Because ").unwrap_or(&text);
        let package = because
            .strip_prefix("there is no version of ")
            .or_else(|| because.strip_prefix("there are no versions of "));
        let package = package.unwrap_or(because).split_whitespace().next();
        let detail = if because.contains("was not found in") {
            "the index has no such package"
        } else {
            "the index has no such version"
        };
        return found(Cause::NotFound, package, detail);
    }
    let (_, package) = with(lines, &["No matching distribution found for "])?.split_once("found for ")?;
    let package = package.split(" (from").next().unwrap_or(package);
    let none = with(lines, &["(from versions: none)"]).is_some();
    let detail = match (ignored(lines, package), none) {
        (Ignored::This(python), _) => format!("this version needs another Python: {python}"),
        (Ignored::Perhaps, true) => {
            "the index has no such package, or none of its versions is for this Python".to_owned()
        }
        (Ignored::Perhaps, false) => "the index has no version that fits, or only one for another Python".to_owned(),
        // Before version 24 pip is silent about a login that is missing.
        (Ignored::Nothing, true) => "the index has no such package, or does not show it without a login".to_owned(),
        (Ignored::Nothing, false) => "the index has no such version".to_owned(),
    };
    found(Cause::NotFound, Some(package), detail)
}

/// What pip left out because of the Python's version.
#[derive(Debug, PartialEq)]
enum Ignored {
    /// The very version that is asked for; with the Python that it needs.
    This(String),
    /// Some versions of some packages.
    Perhaps,
    Nothing,
}

/// pip lists the versions that it left out, of all packages together and without their names: `5.2 Requires-Python >=3.10; …`
fn ignored(lines: &[&str], requirement: &str) -> Ignored {
    let sign = "Ignored the following versions that require a different python version: ";
    let Some((_, versions)) = with(lines, &[sign]).and_then(|line| line.split_once(sign)) else {
        return Ignored::Nothing;
    };
    let Some((_, wanted)) = requirement
        .split_once("==")
        .filter(|(_, wanted)| !wanted.contains([',', '*']))
    else {
        return Ignored::Perhaps;
    };
    let this = versions.split("; ").find_map(|entry| {
        let (version, python) = entry.split_once(" Requires-Python ")?;
        (version.trim() == wanted.trim()).then(|| python.trim().to_owned())
    });
    this.map_or(Ignored::Nothing, Ignored::This)
}

/// uv's reasoning, in one line. It is broken into several, with a drawing in older versions.
fn unsatisfiable(lines: &[&str]) -> Option<String> {
    let at = lines
        .iter()
        .position(|line| line.contains("No solution found when resolving"))?;
    let clean = |line: &&str| {
        line.trim_start_matches([' ', '│', '╰', '─', '▶', '>', '-', '|'])
            .to_owned()
    };
    let reasoning = lines[at + 1..]
        .iter()
        .take_while(|line| !line.trim().is_empty())
        .map(clean);
    let text = reasoning.collect::<Vec<_>>().join(" ");
    Some(
        text.trim()
            .trim_start_matches("cause: ")
            .trim_start_matches("Caused by: ")
            .to_owned(),
    )
}

/// The installer's own last error, or its last words.
fn other(lines: &[&str]) -> Diagnosis {
    let error = lines.iter().rev().find_map(|line| {
        line.trim()
            .strip_prefix("ERROR: ")
            .or_else(|| line.trim().strip_prefix("error: "))
    });
    let last = lines
        .iter()
        .rfind(|line| !line.trim().is_empty())
        .map(|line| line.trim());
    let detail = error.or(last).unwrap_or("it said nothing").to_owned();
    Diagnosis {
        cause: Cause::Other,
        package: None,
        place: None,
        detail,
    }
}

#[cfg(test)]
mod tests;
