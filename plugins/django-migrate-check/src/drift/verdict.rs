use tidegate_sdk::net_hint;

use super::{Answer, MissingInApp, Problem};
use crate::finding::{Code, Finding};
use crate::listing;

/// What an answer means for the stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Models and migrations were compared. No findings: they agree.
    Compared(Vec<Finding>),
    /// The migrations can't be loaded: they are wrong.
    NotLoadable(Finding),
    /// Somebody has to change the project or its environment first. With a finding when a file of the workspace is to blame.
    Misconfigured { text: String, finding: Option<Finding> },
    /// A retry may help.
    Unavailable(String),
}

impl Verdict {
    /// `workspace` is absolute; paths in findings are relative to it.
    #[must_use]
    pub fn new(answer: &Answer, workspace: &str) -> Self {
        let misconfigured = |what: &str, problem: &Problem, next: &str| {
            let next = match &problem.missing {
                Some(module) => {
                    format!("hint: if `{module}` comes from a package, add that to the requirements of the environment")
                }
                None => next.to_owned(),
            };
            let finding = relative(problem.path.as_deref(), workspace).map(|path| {
                Finding::new(Code::NotImportable, format!("{what}: {}", problem.error)).at(path, problem.line)
            });
            let place = place(problem, workspace);
            let text = format!("{what}: {}{place}\n\n{next}", problem.error);
            Self::Misconfigured { text, finding }
        };
        let alone = |text: String| Self::Misconfigured { text, finding: None };
        match answer {
            Answer::Checked { missing, .. } => Self::Compared(
                missing
                    .iter()
                    .flat_map(|missing| findings(missing, workspace))
                    .collect(),
            ),
            Answer::NoDjango { python, version } => alone(format!(
                "Django is not installed in {python} (Python {version})\n\nhint: grant the project's own Python: \
                 exec = {{ python = \".venv/bin/python\" }}"
            )),
            Answer::NoSettings => alone(
                "no settings module is known\n\nhint: name it: with = { settings = \"mysite.settings\" }".to_owned(),
            ),
            Answer::Manage(problem) => misconfigured(
                "manage.py fails",
                problem,
                "hint: run it by hand: python manage.py check",
            ),
            Answer::Settings(problem) => misconfigured(
                "the settings can't be imported",
                problem,
                "hint: a variable that they read has to be in [env], or in the stage's grant: env = [\"NAME\"]",
            ),
            Answer::Apps(problem) => misconfigured(
                "the apps can't be loaded",
                problem,
                "hint: run it by hand: python manage.py check",
            ),
            Answer::Models(problem) => misconfigured(
                "the models can't be compared with the migrations",
                problem,
                "hint: run it by hand: python manage.py makemigrations --check --dry-run",
            ),
            Answer::QueryAtImport(problem) => misconfigured(
                "the project asks for data while it is imported, before there are tables",
                problem,
                "hint: move the query into a function that is called later",
            ),
            Answer::Crash(problem) => misconfigured(
                "the project ended Python while it was loaded",
                problem,
                "hint: run it by hand: python manage.py check",
            ),
            Answer::Migrations(problem) => {
                let finding = Finding::new(
                    Code::NotLoadable,
                    format!("Django can't load the migrations: {}", problem.error),
                );
                Self::NotLoadable(match relative(problem.path.as_deref(), workspace) {
                    Some(path) => finding.at(path, problem.line),
                    None => finding,
                })
            }
            Answer::Database(problem) => Self::Unavailable(format!(
                "the database does not answer, and the project asks it while it starts: {}{}{}",
                problem.error.lines().next().unwrap_or_default(),
                place(problem, workspace),
                net_hint(&problem.error)
            )),
        }
    }
}

fn findings(missing: &MissingInApp, workspace: &str) -> Vec<Finding> {
    let app = &missing.app;
    if !missing.is_own {
        let count = listing::count(missing.operations.len(), "model change");
        let message = format!("the installed app `{app}` has {count} that none of its migrations has");
        let help = "often DEFAULT_AUTO_FIELD of the settings; give the app's configuration its own default_auto_field";
        return vec![Finding::new(Code::DriftInInstalledApp, message).help(help)];
    }
    let finding = |operation: &super::MissingOperation| {
        let finding = Finding::new(Code::Drift, format!("`{app}` has no migration for: {}", operation.text)).help(
            format!("run `python manage.py makemigrations {app}` and commit the file"),
        );
        match relative(operation.path.as_deref(), workspace) {
            Some(path) => finding.at(path, operation.line),
            None => finding,
        }
    };
    missing.operations.iter().map(finding).collect()
}

/// ` (shop/settings.py:12)`
fn place(problem: &Problem, workspace: &str) -> String {
    match (relative(problem.path.as_deref(), workspace), problem.line) {
        (Some(path), Some(line)) => format!(" ({path}:{line})"),
        (Some(path), None) => format!(" ({path})"),
        (None, _) => String::new(),
    }
}

/// None for a path outside of the workspace.
fn relative(path: Option<&str>, workspace: &str) -> Option<String> {
    let inside = path?.strip_prefix(workspace.trim_end_matches('/'))?.strip_prefix('/')?;
    Some(inside.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_tells_what_where_and_what_next() {
        let stdout = br#"{"kind": "settings", "error": "KeyError: 'KEY'", "path": "/w/shop/settings.py", "line": 3}"#;
        let Verdict::Misconfigured { text, finding } = Verdict::new(&Answer::parse(stdout).unwrap(), "/w") else {
            panic!("misconfigured")
        };
        assert!(text.starts_with("the settings can't be imported: KeyError: 'KEY' (shop/settings.py:3)\n\nhint: "));
        let finding = finding.unwrap();
        assert_eq!(finding.message, "the settings can't be imported: KeyError: 'KEY'");
        assert_eq!(
            (finding.path.as_deref(), finding.line),
            (Some("shop/settings.py"), Some(3))
        );
    }

    #[test]
    fn a_refused_database_shows_what_to_grant() {
        let stdout = br#"{"kind": "database", "error": "OperationalError: connection to server at \"127.0.0.1\", port 5433 failed: refused\n\tIs it there?", "path": "/w/shop/apps.py", "line": 7}"#;
        let Verdict::Unavailable(text) = Verdict::new(&Answer::parse(stdout).unwrap(), "/w") else {
            panic!("unavailable")
        };
        assert_eq!(
            text,
            "the database does not answer, and the project asks it while it starts: OperationalError: connection to server \
             at \"127.0.0.1\", port 5433 failed: refused (shop/apps.py:7)\n\nhint: if this stage has no `net` grant, its \
             programs have no network; it would be: net = [\"host-loopback:5433\"]"
        );
    }

    #[test]
    fn a_path_outside_of_the_workspace_is_not_told() {
        assert_eq!(relative(Some("/workspace2/a.py"), "/workspace"), None);
        assert_eq!(relative(Some("/workspace/a.py"), "/workspace/"), Some("a.py".into()));
    }
}
