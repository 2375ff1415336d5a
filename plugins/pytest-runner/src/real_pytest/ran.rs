use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tidegate_sdk::Failure;
use tidegate_sdk::process::{Exit, Tail};

use crate::config::Config;
use crate::event::{Event, Outcome};
use crate::event_file::EventFile;
use crate::harness::{EVENTS_VARIABLE, Harness, JUNIT_VARIABLE};
use crate::session::Session;
use crate::verdict::judge;

/// The newest line of each, and what a Django project has beside it.
pub(super) const NEW: &[&str] = &[
    "pytest==9.*",
    "pytest-django",
    "pytest-xdist",
    "pytest-cov",
    "django==5.2.*",
];
pub(super) const MIDDLE: &[&str] = &["pytest==8.*", "pytest-xdist"];
pub(super) const OLD: &[&str] = &["pytest==7.*", "pytest-xdist"];
pub(super) const NONE: &[&str] = &[];

pub(super) struct Ran {
    pub(super) session: Session,
    pub(super) events: Vec<Event>,
    pub(super) verdict: Result<(), Failure>,
    pub(super) junit: bool,
}

impl Ran {
    pub(super) fn outcomes(&self) -> BTreeMap<&str, Outcome> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Test(end) => Some((end.id.split_once("::").map_or("", |(_, name)| name), end.outcome)),
                _ => None,
            })
            .collect()
    }

    pub(super) fn failed(&self) -> &str {
        match &self.verdict {
            Err(Failure::Failed(text)) => text,
            verdict => panic!("{verdict:?}"),
        }
    }

    pub(super) fn misconfigured(&self) -> &str {
        match &self.verdict {
            Err(Failure::Misconfigured(text)) => text,
            verdict => panic!("{verdict:?}"),
        }
    }

    pub(super) fn unavailable(&self) -> &str {
        match &self.verdict {
            Err(Failure::Unavailable(text)) => text,
            verdict => panic!("{verdict:?}"),
        }
    }

    pub(super) fn other(&self) -> &str {
        match &self.verdict {
            Err(Failure::Other(text)) => text,
            verdict => panic!("{verdict:?}"),
        }
    }
}

/// A virtual environment with `packages`, made once and kept beside the build's other products.
fn python(packages: &'static [&'static str]) -> PathBuf {
    static MADE: [OnceLock<PathBuf>; 4] = [const { OnceLock::new() }; 4];
    let index = [NEW, MIDDLE, OLD, NONE]
        .iter()
        .position(|known| *known == packages)
        .unwrap();
    MADE[index].get_or_init(|| make(packages)).join("bin/python")
}

fn make(packages: &[&str]) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test
        .ancestors()
        .find(|folder| folder.ends_with("debug") || folder.ends_with("release"))
        .unwrap();
    let name: String = packages
        .iter()
        .flat_map(|package| [package, "-"])
        .collect::<String>()
        .replace(['=', '*'], "");
    let made = target.join("python").join(if name.is_empty() { "none" } else { &name });
    if made.join("complete").is_file() {
        return made;
    }
    fs::create_dir_all(made.parent().unwrap()).unwrap();
    let new = tempfile::tempdir_in(made.parent().unwrap()).unwrap().keep();
    run(Command::new("python3").args(["-m", "venv"]).arg(&new));
    if !packages.is_empty() {
        run(Command::new(new.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet"])
            .args(packages));
    }
    fs::write(new.join("complete"), "").unwrap();
    // Another test run may have been faster; its environment is as good.
    let _ = fs::rename(&new, &made);
    made
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

pub(super) fn pytest(packages: &'static [&'static str], config: &str, files: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().canonicalize().unwrap().join("workspace");
    for (name, text) in files {
        let path = workspace.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::create_dir_all(&workspace).unwrap();
    let harness = Harness::write(&folder.path().join("scratch")).unwrap();
    let config: Config = serde_json::from_str(config).unwrap();
    let command = config.command(harness.launcher.to_str().unwrap());
    let output = Command::new(python(packages))
        .args(command.get_args())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(command.get_envs().iter().map(|(name, value)| (name, value)))
        .env(EVENTS_VARIABLE, &harness.events)
        .env(JUNIT_VARIABLE, &harness.junit)
        .current_dir(&workspace)
        .output()
        .unwrap();

    let mut file = EventFile::new(harness.events);
    let mut session = Session::default();
    let mut events = Vec::new();
    loop {
        let read = file.read().unwrap();
        session.odd_lines += read.odd_lines;
        for event in read.events {
            session.take(event.clone());
            events.push(event);
        }
        if read.at_end {
            break;
        }
    }
    let mut stderr = Tail::default();
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .for_each(|line| stderr.push(line));
    let exit = match output.status.code() {
        Some(code) => Exit::Code(code),
        None => Exit::Signal(std::os::unix::process::ExitStatusExt::signal(&output.status).unwrap()),
    };
    let verdict = judge(&session, &exit, &stderr, &workspace);
    Ran {
        session,
        events,
        verdict,
        junit: Path::new(&harness.junit).is_file(),
    }
}
