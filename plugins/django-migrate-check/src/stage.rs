use tidegate_sdk::process::{Command, Error as ProcessError, Exit, Sink};
use tidegate_sdk::{Failure, Request, Stage, context, failure, report as host};

use crate::checks;
use crate::config::Config;
use crate::drift::{self, Answer, Verdict};
use crate::finding::{Code, Finding, Severity};
use crate::listing::count;
use crate::project_root::ProjectRoot;
use crate::reading::{Files, FilesError, ReadProject, is_own, read_project};
use crate::report::{Drift, Report};
use crate::selection::Selection;

pub(crate) struct DjangoMigrateCheck;

impl Stage for DjangoMigrateCheck {
    const NAME: &'static str = "django-migrate-check";
    const SUMMARY: &'static str = "Checks the migrations of a Django project: their graph, and whether one is missing";
    type Config = Config;

    fn requests(config: &Config) -> Vec<Request> {
        if config.drift {
            Self::requests_without_config()
        } else {
            Vec::new()
        }
    }

    fn requests_without_config() -> Vec<Request> {
        vec![Request::exec("python", "to compare the models with the migrations").optional()]
    }

    fn run(config: Config) -> Result<(), Failure> {
        let folder = config.project_folder();
        let ReadProject { project, mut findings } =
            read_project(&Workspace, folder.as_deref().unwrap_or_default()).map_err(|error| failure::other(error.0))?;
        findings.extend(checks::check(&project));
        findings.extend(moved_migrations()?);
        let selection = Selection::new(&config, &project).map_err(|error| failure::misconfigured(error.to_string()))?;
        selection.keep(&mut findings, &project);
        let mut report = Report {
            apps: project
                .apps
                .iter()
                .filter(|app| selection.includes(&app.label.text))
                .count(),
            migrations: project.migration_count(),
            findings,
            drift: Drift::NotChecked,
        };
        if report.migrations == 0 {
            report.findings.push(nothing_found(folder.as_deref()));
        }
        let compared = if config.drift {
            compare(&config, folder, selection, &mut report)
        } else {
            Ok(())
        };
        tell(&report)?;
        // What is wrong for certain goes before what could not be checked.
        match (report.failure(), compared) {
            (Some(text), compared) => {
                if let Err(problem) = compared {
                    host::error(format!("the models were not compared: {problem}"));
                }
                Err(failure::failed(text))
            }
            (None, compared) => compared,
        }
    }
}

/// The workspace as the contract shows it.
struct Workspace;

impl Files for Workspace {
    fn glob(&self, patterns: &[String]) -> Result<Vec<String>, FilesError> {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        tidegate_sdk::files::glob(&patterns).map_err(|error| FilesError(error.to_string()))
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, FilesError> {
        tidegate_sdk::files::read(path).map_err(|error| FilesError(error.to_string()))
    }
}

/// Adds what Django says about the models to the report.
fn compare(
    config: &Config,
    folder: Option<String>,
    selection: Selection<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let broken = |finding: &Finding| finding.severity == Severity::Error && finding.code != Code::Conflict;
    if report.findings.iter().any(broken) {
        report
            .findings
            .push(not_compared("Django can't load the migrations as they are"));
        return Ok(());
    }
    if context::dry_run() {
        report.findings.push(not_compared("this is a dry run"));
        return Ok(());
    }
    let manage_files = tidegate_sdk::files::glob(&["**/manage.py"])?;
    let root = ProjectRoot::find(&manage_files, folder).map_err(|error| failure::misconfigured(error.to_string()))?;
    let Some(answer) = ask_django(config, &root)? else {
        let grant = format!(
            "grant it: [stages.{}] grant = {{ exec = {{ python = \".venv/bin/python\" }} }}",
            context::stage_name()
        );
        report.findings.push(not_compared("no Python is granted").help(grant));
        return Ok(());
    };
    let answer = selected(answer, selection);
    match Verdict::new(&answer, &context::workspace().to_string_lossy()) {
        Verdict::Compared(missing) => {
            let has_own = missing.iter().any(|finding| finding.severity == Severity::Error);
            report.drift = if has_own { Drift::Missing } else { Drift::None };
            report.findings.extend(missing);
        }
        Verdict::NotLoadable(finding) => report.findings.push(finding),
        Verdict::Misconfigured { text, finding } => {
            report.findings.extend(finding);
            return Err(failure::misconfigured(text));
        }
        Verdict::Unavailable(text) => return Err(failure::unavailable(text)),
    }
    Ok(())
}

/// None if the program is not granted.
fn ask_django(config: &Config, root: &ProjectRoot) -> Result<Option<Answer>, Failure> {
    let manage = if root.has_manage { "manage.py" } else { "" };
    let settings = config.settings.as_deref().unwrap_or_default();
    let mut python = Command::new("python").args(["-c", drift::SCRIPT, manage, settings]);
    if !root.folder.is_empty() {
        python = python.cwd(root.folder.as_str());
    }
    let output = match python.run_with(Sink::Capture, Sink::Log) {
        Err(ProcessError::NotGranted(_)) => return Ok(None),
        output => output?,
    };
    match (Answer::parse(&output.stdout), output.exit) {
        (Ok(answer), _) => Ok(Some(answer)),
        (Err(_), exit @ (Exit::Stopped | Exit::Signal(_) | Exit::OutOfMemory | Exit::TimedOut | Exit::Other(_))) => {
            Err(failure::other(format!(
                "python {exit} while it compared the models with the migrations"
            )))
        }
        (Err(error), exit) => Err(failure::misconfigured(format!(
            "python {exit} while it compared the models with the migrations: {error}\n\nhint: what it said is in the \
             stage's log"
        ))),
    }
}

fn selected(answer: Answer, selection: Selection<'_>) -> Answer {
    match answer {
        Answer::Checked {
            django,
            apps,
            mut missing,
        } => {
            missing.retain(|missing| selection.includes(&missing.app));
            Answer::Checked { django, apps, missing }
        }
        other => other,
    }
}

/// The setting that lets an app's migrations be elsewhere can't be known without the settings.
fn moved_migrations() -> Result<Vec<Finding>, Failure> {
    let settings = tidegate_sdk::files::glob(&["**/settings*.py", "**/settings/*.py"])?;
    let has_setting = |path: &&String| {
        let text = tidegate_sdk::files::read(path).unwrap_or_default();
        memchr::memmem::find(&text, b"MIGRATION_MODULES").is_some()
    };
    let finding = |path: &String| {
        let message = "migrations that MIGRATION_MODULES puts outside of folders called migrations were not checked";
        Finding::new(Code::MigrationModules, message).at(path.as_str(), None)
    };
    Ok(settings
        .iter()
        .filter(|path| is_own(path))
        .filter(has_setting)
        .map(finding)
        .collect())
}

fn not_compared(why: &str) -> Finding {
    Finding::new(
        Code::DriftNotChecked,
        format!("the models were not compared with the migrations: {why}"),
    )
}

fn nothing_found(folder: Option<&str>) -> Finding {
    let place = folder.filter(|folder| !folder.is_empty()).unwrap_or("the workspace");
    Finding::new(Code::NothingFound, format!("no migrations in {place}"))
}

fn tell(report: &Report) -> Result<(), Failure> {
    host::info(format!(
        "read {} of {}",
        count(report.migrations, "migration"),
        count(report.apps, "app")
    ));
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Note => host::Severity::Note,
            Severity::Warning => host::Severity::Warning,
            Severity::Error => host::Severity::Error,
        };
        let mut told = host::Finding::new(severity, finding.code.as_str(), finding.message.as_str());
        told.path.clone_from(&finding.path);
        told.line = finding.line;
        told.help.clone_from(&finding.help);
        told.add();
    }
    host::output("apps", &report.apps)?;
    host::output("migrations", &report.migrations)?;
    host::output("errors", &report.count(Severity::Error))?;
    host::output("warnings", &report.count(Severity::Warning))?;
    host::output("notes", &report.count(Severity::Note))?;
    host::output("drift", &report.drift.as_str())?;
    host::summary(report.markdown());
    Ok(())
}
