//! What `init` tells people that it found.

use super::branch::Branch;
use super::packages::Source;
use super::survey::Survey;
use super::test_runner::TestRunner;

/// One line for each thing, its name first.
pub(super) fn lines(survey: &Survey) -> Vec<(&'static str, String)> {
    let Survey {
        django,
        packages,
        tests,
        programs,
        branch,
        ..
    } = survey;
    let mut lines = vec![("project", django.manage())];
    if !django.others.is_empty() {
        lines.push(("", format!("not used: {}", django.others.join(", "))));
    }
    lines.push((
        "settings",
        match (&django.settings, survey.settings()) {
            (Some(settings), _) => format!("{}, from {}", settings.module, settings.named_in),
            (None, Some(module)) => format!("{module}, from pytest's configuration"),
            (None, None) => "not found; Django's own variable decides".into(),
        },
    ));
    lines.push((
        "packages",
        match &packages.source {
            Source::Requirements(files) => files.join(", "),
            Source::Project { folder, extras, groups } => {
                let file = super::tree::join(folder, if packages.has_lock { "uv.lock" } else { "pyproject.toml" });
                let parts: Vec<_> = extras.iter().chain(groups).map(String::as_str).collect();
                if parts.is_empty() {
                    file
                } else {
                    format!("{file}, with {}", parts.join(", "))
                }
            }
            Source::Guess => "nothing says what to install; a guess".into(),
        },
    ));
    if !packages.others.is_empty() {
        lines.push(("", format!("not used: {}", packages.others.join(", "))));
    }
    if survey.lacks_pytest() {
        lines.push(("", "pytest is not among them; added".into()));
    }
    lines.push((
        "installer",
        match (survey.installs_with_uv(), packages.has_lock) {
            (true, _) => "uv".into(),
            (false, true) => "pip, without the lock: uv is not on the PATH".into(),
            (false, false) => "pip".into(),
        },
    ));
    lines.push((
        "python",
        match &programs.wanted {
            Some(wanted) if !programs.is_exact() => {
                format!(
                    "{}; .python-version asks for {wanted}, which is not on the PATH",
                    programs.python
                )
            }
            Some(_) => format!("{}, from .python-version", programs.python),
            None if !programs.has_python => format!("{}, which is not on the PATH", programs.python),
            None => programs.python.clone(),
        },
    ));
    lines.push((
        "tests",
        match tests {
            TestRunner::Pytest { because, .. } => format!("pytest: {because}"),
            TestRunner::Manage => "manage.py test: no sign of pytest".into(),
        },
    ));
    if let Some(server) = django.database_server {
        lines.push((
            "database",
            format!("{server}; its address has to be granted to the tests"),
        ));
    }
    if !django.required.is_empty() {
        lines.push((
            "variables",
            format!("{}, without a default", django.required.join(", ")),
        ));
    }
    lines.push((
        "static files",
        match &django.static_files {
            Some(found) => format!("{}, from {}", found.folder, found.named_in),
            None => "no STATIC_ROOT that could be read".into(),
        },
    ));
    lines.push((
        "branch",
        match branch {
            Branch::Remote(name) => format!("{name}, the default of origin"),
            Branch::Current(name) => format!("{name}, which is checked out"),
            Branch::Guess => "main; no repository says another".into(),
        },
    ));
    if survey.is_cut {
        lines.push(("", "the project has more files than were looked at".into()));
    }
    lines
}
