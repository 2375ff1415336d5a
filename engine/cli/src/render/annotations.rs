//! Findings as annotations of GitHub Actions: its runner acts on lines such as `::error file=a.py,line=3::text`.

use std::io::Write;

use tidegate_runner::event::{Event, EventKind, Observer, ObserverError};
use tidegate_sandbox::{Location, Severity};

/// GitHub shows ten of each severity for one step; more only make the log longer.
const MAX_ANNOTATIONS: u32 = 30;

pub(crate) struct Annotations<W> {
    out: W,
    left: u32,
}

impl<W: Write> Annotations<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            left: MAX_ANNOTATIONS,
        }
    }
}

impl<W: Write + Send> Observer for Annotations<W> {
    fn observe(&mut self, event: &Event) -> Result<(), ObserverError> {
        let EventKind::Finding {
            severity,
            code,
            message,
            location,
            ..
        } = &event.kind
        else {
            return Ok(());
        };
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        let line = annotation(*severity, code, message, location.as_ref());
        let written = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        written.map_err(|error| ObserverError {
            what: "write to stdout".into(),
            error: error.to_string(),
        })
    }
}

/// The texts come from a stage: each is escaped so that it can't end its place in the command.
fn annotation(severity: Severity, code: &str, message: &str, location: Option<&Location>) -> String {
    let command = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(location) = location {
        properties.push(format!("file={}", property(&location.path)));
        properties.extend(location.line.map(|line| format!("line={line}")));
        properties.extend(location.column.map(|column| format!("col={column}")));
    }
    properties.push(format!("title={}", property(code)));
    format!("::{command} {}::{}", properties.join(","), data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_with_its_place() {
        let location = Location {
            path: "shop/models.py".into(),
            line: Some(3),
            column: None,
        };
        assert_eq!(
            annotation(Severity::Warning, "migrate/conflict", "two leaves", Some(&location)),
            "::warning file=shop/models.py,line=3,title=migrate/conflict::two leaves"
        );
    }

    #[test]
    fn a_stages_texts_stay_in_their_place() {
        let location = Location {
            path: "a,line=9::x\n::error::y".into(),
            line: None,
            column: None,
        };
        let line = annotation(Severity::Error, "c::d", "100%\n::stop-commands::z", Some(&location));
        assert_eq!(
            line,
            "::error file=a%2Cline=9%3A%3Ax%0A%3A%3Aerror%3A%3Ay,title=c%3A%3Ad::100%25%0A::stop-commands::z"
        );
        assert_eq!(line.lines().count(), 1);
    }
}
