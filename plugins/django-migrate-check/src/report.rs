use std::fmt::Write as _;

use crate::finding::{Code, Finding, Severity};
use crate::listing::count;

/// More rows than this help nobody; the findings themselves are all told.
const MAX_SUMMARY_ROWS: usize = 20;

/// What a run of the stage found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub apps: usize,
    pub migrations: usize,
    pub findings: Vec<Finding>,
    pub drift: Drift,
}

/// Whether the models have changes that no migration has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    None,
    Missing,
    NotChecked,
}

impl Drift {
    /// The value of the output `drift`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Missing => "missing",
            Self::NotChecked => "not-checked",
        }
    }
}

impl Report {
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }

    /// What the stage fails with; None if nothing is wrong with the migrations. A project that can't be imported is another
    /// matter: its migrations may be right.
    pub fn failure(&self) -> Option<String> {
        let errors: Vec<&Finding> = self
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error && finding.code != Code::NotImportable)
            .collect();
        match errors.as_slice() {
            [] => None,
            [only] => Some(only.message.clone()),
            [first, others @ ..] => Some(format!("{} (and {} more)", first.message, others.len())),
        }
    }

    /// Markdown for the run's report.
    pub fn markdown(&self) -> String {
        let mut text = format!("{} in {}", count(self.migrations, "migration"), count(self.apps, "app"));
        text.push_str(match self.drift {
            Drift::None => ", and none is missing",
            Drift::Missing => "; model changes without a migration",
            Drift::NotChecked => "; not compared with the models",
        });
        text.push('\n');
        let mut worst: Vec<&Finding> = self
            .findings
            .iter()
            .filter(|finding| finding.severity > Severity::Note)
            .collect();
        worst.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        if worst.is_empty() {
            return text;
        }
        text.push_str("\n| | where | what |\n|---|---|---|\n");
        for finding in worst.iter().take(MAX_SUMMARY_ROWS) {
            let severity = if finding.severity == Severity::Error {
                "error"
            } else {
                "warning"
            };
            let place = match (&finding.path, finding.line) {
                (Some(path), Some(line)) => format!("`{path}:{line}`"),
                (Some(path), None) => format!("`{path}`"),
                (None, _) => String::new(),
            };
            let message = finding.message.replace('|', "\\|").replace('\n', " ");
            // Writing to a String can't fail.
            let _ = writeln!(text, "| {severity} | {place} | {message} |");
        }
        if let Some(more) = worst.len().checked_sub(MAX_SUMMARY_ROWS).filter(|more| *more > 0) {
            let _ = writeln!(text, "\n{more} more in the findings");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Code;

    fn report(findings: Vec<Finding>) -> Report {
        Report {
            apps: 1,
            migrations: 12,
            findings,
            drift: Drift::NotChecked,
        }
    }

    #[test]
    fn notes_and_warnings_do_not_fail() {
        let calm = vec![
            Finding::new(Code::DuplicateNumber, "a"),
            Finding::new(Code::NotAPackage, "b"),
        ];
        assert_eq!(report(calm).failure(), None);
        let two = vec![Finding::new(Code::Cycle, "a circle"), Finding::new(Code::Conflict, "b")];
        assert_eq!(report(two).failure().as_deref(), Some("a circle (and 1 more)"));
    }

    #[test]
    fn the_summary_has_errors_first_and_no_notes() {
        let mixed = vec![
            Finding::new(Code::NotAPackage, "warned").at("a/b.py", None),
            Finding::new(Code::Dynamic, "noted"),
            Finding::new(Code::Syntax, "a | b").at("a/c.py", Some(3)),
        ];
        assert_eq!(
            report(mixed).markdown(),
            "12 migrations in 1 app; not compared with the models\n\n| | where | what |\n|---|---|---|\n\
             | error | `a/c.py:3` | a \\| b |\n| warning | `a/b.py` | warned |\n"
        );
    }
}
