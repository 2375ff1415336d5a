//! Pythons in the home folder, where pyenv and uv put them, and virtual environments on them. Real files of the system's Python:
//! an installation in a folder of its own finds its library beside its executable.

use std::fs;
use std::path::{Path, PathBuf};

use tidegate_confine::{Cell, CellSpec, Exit, Level, SpawnError};

use crate::project::{HELPER, Project, run};
use crate::python_files::PythonFiles;

const LEVELS: [Level; 2] = [Level::Full, Level::Degraded];

const QUESTION: &str = "import ctypes, sqlite3, ssl, sys; print(sys.prefix, sys.base_prefix, len(sys.argv))";

/// A workspace, and a home folder with an installation in it.
struct Installed {
    home: Project,
    project: Project,
    /// Absolute, without links.
    prefix: PathBuf,
}

impl Installed {
    /// `folder` is relative to the home folder; its name is made from the version.
    fn new(folder: &str, name: impl Fn(&str) -> String) -> Self {
        let python = PythonFiles::find();
        let home = Project::new(&["private"]);
        let prefix = home.workspace.path().canonicalize().unwrap();
        let prefix = prefix.join(folder).join(name(&format!("{}.1", python.version)));
        python.copy(&prefix, "lib");
        Self {
            home,
            project: Project::new(&[]),
            prefix,
        }
    }

    /// uv's and pyenv's name for the newest of a series.
    fn link(&self, name: impl Fn(&str) -> String) -> PathBuf {
        let link = self.prefix.with_file_name(name(&PythonFiles::find().version));
        std::os::unix::fs::symlink(self.prefix.file_name().unwrap(), &link).unwrap();
        link
    }

    /// As `python -m venv` and uv make one: by the name that the base has been called by.
    fn environment(&self, base: &Path) {
        fs::create_dir_all(self.project.path(".venv/bin")).unwrap();
        let home = format!("home = {}\n", base.join("bin").display());
        fs::write(self.project.path(".venv/pyvenv.cfg"), home).unwrap();
        self.project.link(base.join("bin/python3"), ".venv/bin/python3");
        self.project.link("python3", ".venv/bin/python");
    }

    fn cell(&self, level: Level, toolchains: &[&Path]) -> Cell {
        let change = |spec: &mut CellSpec| {
            spec.level = level;
            spec.toolchains = toolchains.iter().map(|path| (*path).to_owned()).collect();
        };
        self.project.start(change)
    }

    /// What the Python says of itself: where it is, and what it is built on.
    fn ask(&self, cell: &Cell, python: &Path) -> (Exit, String) {
        let mut command = self.project.command("", &["-c", QUESTION]);
        command.program = python.into();
        command.env.push(("PYTHONPLATLIBDIR".into(), "lib".into()));
        run(cell, command)
    }
}

fn said(prefix: &Path, base: &Path) -> (Exit, String) {
    (Exit::Code(0), format!("{} {} 1\n", prefix.display(), base.display()))
}

#[test]
fn a_python_of_pyenv_s_and_an_environment_on_it() {
    let pyenv = Installed::new(".pyenv/versions", str::to_owned);
    pyenv.environment(&pyenv.prefix);
    for level in LEVELS {
        let cell = pyenv.cell(level, &[&pyenv.prefix]);
        let python = pyenv.prefix.join("bin/python3");
        assert_eq!(
            pyenv.ask(&cell, &python),
            said(&pyenv.prefix, &pyenv.prefix),
            "{level:?}"
        );
        let environment = pyenv.project.path(".venv");
        let python = environment.join("bin/python");
        assert_eq!(
            pyenv.ask(&cell, &python),
            said(&environment, &pyenv.prefix),
            "{level:?}"
        );
        let private = pyenv.home.path("private").display().to_string();
        assert_ne!(pyenv.project.shell(&cell, &format!("cat {private}")).0, Exit::Code(0));
    }
}

/// `confine` looks names up as programs will: toolchains come first.
#[test]
fn a_toolchain_s_python_comes_before_the_system_s() {
    let uv = Installed::new(".local/share/uv/python", |version| format!("cpython-{version}-linux"));
    for level in [&[][..], &["--degraded"]] {
        let mut command = std::process::Command::new(HELPER);
        command.args(level).arg("--toolchain").arg(&uv.prefix);
        command.args(["--env", "PYTHONPLATLIBDIR", "--", "python3", "-c", QUESTION]);
        command
            .env("PYTHONPLATLIBDIR", "lib")
            .env("TMPDIR", uv.project.scratch.path());
        let output = command.current_dir(uv.project.workspace.path()).output().unwrap();
        let expected = said(&uv.prefix, &uv.prefix).1;
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            expected,
            "{:?}",
            output.stderr
        );
    }
}

/// uv's link for the newest of a series, which its environments lead through.
#[test]
fn an_environment_that_leads_through_a_link_needs_the_link() {
    let uv = Installed::new(".local/share/uv/python", |version| format!("cpython-{version}-linux"));
    let link = uv.link(|version| format!("cpython-{version}-linux"));
    uv.environment(&link);
    let environment = uv.project.path(".venv");
    let python = environment.join("bin/python");
    // It is made new: where the machine's own leads by now is of no interest.
    let private = uv.home.path("private");
    let linked = |level| {
        uv.project.start(|spec| {
            spec.level = level;
            spec.toolchains = vec![uv.prefix.clone()];
            spec.links = [
                (link.clone(), uv.prefix.clone()),
                (uv.prefix.join("lib/other"), private.clone()),
                (uv.project.path("other"), private.clone()),
                ("/etc/passwd".into(), private.clone()),
                ("/etc".into(), private.clone()),
                ("/tmp".into(), private.clone()),
            ]
            .into();
        })
    };
    let degraded = linked(Level::Degraded);
    assert_eq!(uv.ask(&degraded, &python), said(&environment, &link));
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(uv.home.workspace.path(), &link).unwrap();
    let cell = linked(Level::Full);
    assert_eq!(uv.ask(&cell, &python), said(&environment, &link));
    let others = format!("ls {0}/private {0}/lib/other other", link.display());
    assert_eq!(
        uv.project.shell(&cell, &format!("{others} 2>/dev/null")),
        (Exit::Code(2), String::new())
    );
    let cell = uv.cell(Level::Full, &[&uv.prefix]);
    let mut command = uv.project.command("", &["-c", QUESTION]);
    command.program = python;
    let missing = cell.spawn(command);
    assert!(matches!(missing, Err(SpawnError::NotFound(_))), "{missing:?}");
}
