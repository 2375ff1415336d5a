//! The manifest that `init` writes: every value is one that was found, or has a comment that says it is a guess.

use super::packages::Source;
use super::stage_table::{StageTable, comment, inline, list, one_line, quoted};
use super::survey::Survey;
use super::test_runner::TestRunner;

/// The Python of the environment, as the stages after `env` are granted it.
const VENV_PYTHON: &str = "{ python = \".venv/bin/python\" }";

pub(super) struct ManifestText<'a> {
    pub(super) survey: &'a Survey,
    /// The pipeline's name.
    pub(super) name: &'a str,
}

impl ManifestText<'_> {
    /// A manifest that passes `check`; its stages in `stages` of the same order.
    pub(super) fn text(&self) -> String {
        let blocks = [
            self.head(),
            self.env_variables(),
            self.environment(),
            self.migrations(),
            self.check(),
            self.tests(),
            self.static_files(),
            self.deploy(),
        ];
        blocks.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }

    /// Names of the stages that are not commented out.
    pub(super) fn stages(&self) -> Vec<&'static str> {
        let mut stages = vec!["env", "migrations", "check", "tests"];
        if self.survey.django.static_files.is_some() {
            stages.push("static");
        }
        stages
    }

    fn head(&self) -> Option<String> {
        let note = comment(
            "The pipeline of this project, written by `tidegate init`; change what it got wrong.\n\n\
             `tidegate check` reads it, `tidegate plan` shows what each stage may do, `tidegate run` runs it.\n\
             A stage can do what its `grant` says, and nothing else.",
        );
        Some(format!("{note}\n[pipeline]\nname = {}\n", quoted(self.name)))
    }

    fn env_variables(&self) -> Option<String> {
        let names = &self.survey.django.required;
        if names.is_empty() {
            return None;
        }
        let note = comment(
            "Variables for the programs of all stages; never secrets: this file is in the repository. The settings\n\
             read these and have no default, and no stage sees `.env`. The values are guesses that only tests can use.",
        );
        let lines: String = names
            .iter()
            .map(|name| format!("{name} = {}\n", quoted(for_tests(name))))
            .collect();
        Some(format!("{note}[env]\n{lines}"))
    }

    fn environment(&self) -> Option<String> {
        let Survey { packages, programs, .. } = self.survey;
        let mut note = vec!["The only stage that has the network: it installs packages.".to_owned()];
        let mut with = Vec::new();
        let mut extra = Vec::new();
        match &packages.source {
            Source::Requirements(files) => with.push(("requirements", list(files))),
            Source::Project { folder, extras, groups } => {
                let mut project = Vec::new();
                if !folder.is_empty() {
                    project.push(("folder", quoted(folder)));
                }
                if !extras.is_empty() {
                    project.push(("extras", list(extras)));
                }
                if !groups.is_empty() {
                    project.push(("groups", list(groups)));
                }
                with.push((
                    "project",
                    if project.is_empty() {
                        "{}".to_owned()
                    } else {
                        inline(&project)
                    },
                ));
            }
            Source::Guess => {
                note.push(
                    "Nothing was found that says what to install, so this is a guess. Better name a requirements file:\n\
                     with = { requirements = [\"requirements.txt\"] }"
                        .into(),
                );
                if packages.is_poetry_only {
                    note.push(
                        "Poetry's own tables can't be read; `poetry export` makes a requirements file of them.".into(),
                    );
                }
                extra.push("django");
            }
        }
        if !packages.others.is_empty() {
            note.push(format!("Not used: {}.", one_line(&packages.others.join(", "))));
        }
        if self.survey.lacks_pytest() {
            note.push("The tests run under pytest, which nothing else here installs: `packages` is a guess.".into());
            extra.extend(["pytest", "pytest-django"]);
        }
        if !extra.is_empty() {
            with.push(("packages", list(&extra)));
        }
        let mut exec = vec![("python", quoted(&programs.python))];
        if self.survey.installs_with_uv() {
            exec.push(("uv", quoted("uv")));
        } else if packages.has_lock {
            note.push(
                "uv was not on the PATH when this was written, so pip installs, and does not keep to uv.lock. With uv:\n\
                 take `installer` away and grant `uv = \"uv\"` beside python."
                    .into(),
            );
            with.push(("installer", quoted("pip")));
        }
        match &programs.wanted {
            Some(wanted) if programs.is_exact() => note.push(format!(".python-version asks for Python {wanted}.")),
            Some(wanted) => note.push(format!(
                ".python-version asks for Python {wanted}; a program of that version was not on the PATH."
            )),
            None => {}
        }
        let grant = vec![
            ("exec", inline(&exec)),
            ("net", list(&["@python-index"])),
            ("write", list(&[".venv"])),
        ];
        let table = StageTable {
            name: "env",
            uses: "python-env",
            needs: &[],
            when: None,
            timeout: None,
            with,
            grant,
        };
        Some(comment(&note.join("\n")) + &table.text())
    }

    fn migrations(&self) -> Option<String> {
        let django = &self.survey.django;
        let mut note = vec![
            "Reads the graph of the migrations, and compares the models with it: for the latter it runs Python."
                .to_owned(),
        ];
        let mut with = Vec::new();
        if !django.others.is_empty() {
            let folder = if django.folder.is_empty() { "." } else { &django.folder };
            note.push(format!(
                "There is more than one manage.py: also {}.",
                one_line(&django.others.join(", "))
            ));
            with.push(("project", quoted(folder)));
        }
        match self.survey.settings() {
            Some(module) => with.push(("settings", quoted(module))),
            None => note.push(
                "The settings module was not found in manage.py. Name it here if Django does not find it:\n\
                 with = { settings = \"PROJECT.settings\" }"
                    .into(),
            ),
        }
        let table = StageTable {
            name: "migrations",
            uses: "django-migrate-check",
            needs: &["env"],
            when: None,
            timeout: None,
            with,
            grant: vec![("exec", VENV_PYTHON.into())],
        };
        Some(comment(&note.join("\n")) + &table.text())
    }

    fn check(&self) -> Option<String> {
        let note = comment("Django's own checks. Before a deployment `--deploy` adds those of production settings.");
        Some(note + &self.manage("check", &["check"], None, Vec::new()).text())
    }

    fn tests(&self) -> Option<String> {
        let mut note = Vec::new();
        let table = match &self.survey.tests {
            TestRunner::Pytest {
                folder,
                because,
                settings,
            } => {
                note.push(format!("pytest, since {}.", one_line(because)));
                let mut with = Vec::new();
                if !folder.is_empty() {
                    with.push(("cwd", quoted(folder)));
                }
                match (settings, &self.survey.django.settings) {
                    (Some((module, file)), _) => {
                        note.push(format!("{} names the settings: {}.", one_line(file), one_line(module)));
                    }
                    (None, Some(found)) => with.push(("settings", quoted(&found.module))),
                    (None, None) => {}
                }
                StageTable {
                    name: "tests",
                    uses: "pytest-runner",
                    needs: &["env"],
                    when: None,
                    timeout: Some("30m"),
                    with,
                    grant: vec![("exec", VENV_PYTHON.into())],
                }
            }
            TestRunner::Manage => {
                note.push("Django's own test runner: no sign of pytest was found.".into());
                self.manage("tests", &["test"], Some("30m"), Vec::new())
            }
        };
        note.push("What tests write into the project is thrown away after the stage.".into());
        if let Some(server) = self.survey.django.database_server {
            let (port, variable) = if server == "MySQL" {
                (3306, "mysql")
            } else {
                (5432, "postgres")
            };
            note.push(format!(
                "The settings speak of {server}. A stage reaches nothing that is not granted; for a server on this machine add\n\
                 net = [\"host-loopback:{port}\"] and, for an address in a variable ({variable}://…), env = [\"DATABASE_URL\"]."
            ));
        }
        Some(comment(&note.join("\n")) + &table.text())
    }

    fn static_files(&self) -> Option<String> {
        let found = self.survey.django.static_files.as_ref()?;
        let note = comment(&format!(
            "Programs may write anywhere in the project, but only the folders under `write` keep it.\n\
             STATIC_ROOT in {} says this one.",
            one_line(&found.named_in)
        ));
        let write = ("write", list(&[&found.folder]));
        Some(
            note + &self
                .manage("static", &["collectstatic", "--noinput"], None, vec![write])
                .text(),
        )
    }

    /// A stage that runs manage.py.
    fn manage<'a>(
        &self,
        name: &'a str,
        args: &[&str],
        timeout: Option<&'a str>,
        grant: Vec<(&'a str, String)>,
    ) -> StageTable<'a> {
        let folder = &self.survey.django.folder;
        let args: Vec<_> = std::iter::once("manage.py").chain(args.iter().copied()).collect();
        let mut with = vec![("program", quoted("python")), ("args", list(&args))];
        if !folder.is_empty() {
            with.push(("cwd", quoted(folder)));
        }
        let mut grants = vec![("exec", VENV_PYTHON.to_owned())];
        grants.extend(grant);
        StageTable {
            name,
            uses: "command",
            needs: &["env"],
            when: None,
            timeout,
            with,
            grant: grants,
        }
    }
}

/// A value that settings accept where only tests run.
fn for_tests(name: &str) -> &'static str {
    match name {
        _ if name.contains("DEBUG") => "0",
        _ if name.contains("HOSTS") => "localhost",
        _ if name.contains("DATABASE") && name.contains("URL") => "sqlite:///db.sqlite3",
        _ => "only-for-tests",
    }
}
