//! Runs the commands of this stage with a real pip and a real uv, and reads what they say when they fail.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::thread;

use tidegate_sdk::process;

use crate::diagnosis::{Cause, Diagnosis};
use crate::environment::{Environment, Found};
use crate::installer::{Installer, sync};
use crate::interpreter::Interpreter;
use crate::requirements::Requirements;
use crate::stamp::Stamp;

/// uv words its errors anew now and then: these two lie on both sides of such a change.
const NEW_UV: &str = "uv==0.13.*";
const OLD_UV: &str = "uv==0.5.*";

/// Environments with a uv, made once and kept beside the build's other products.
fn uv(requirement: &str) -> PathBuf {
    static MADE: [OnceLock<PathBuf>; 2] = [const { OnceLock::new() }; 2];
    let made = MADE[usize::from(requirement == OLD_UV)].get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let target = test
            .ancestors()
            .find(|folder| folder.ends_with("debug") || folder.ends_with("release"))
            .unwrap();
        let made = target.join("python").join(requirement.replace(['=', '*'], ""));
        if !made.join("complete").is_file() {
            fs::create_dir_all(made.parent().unwrap()).unwrap();
            let new = tempfile::tempdir_in(made.parent().unwrap()).unwrap().keep();
            assert!(
                Command::new("python3")
                    .args(["-m", "venv"])
                    .arg(&new)
                    .status()
                    .unwrap()
                    .success()
            );
            let install = ["-m", "pip", "install", "--quiet", requirement];
            assert!(
                Command::new(new.join("bin/python"))
                    .args(install)
                    .status()
                    .unwrap()
                    .success()
            );
            fs::write(new.join("complete"), "").unwrap();
            // Another test run may have been faster; its environment is as good.
            let _ = fs::rename(&new, &made);
        }
        made
    });
    made.join("bin/uv")
}

/// The interpreter itself: what PATH has may be a script around it.
fn python() -> &'static PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let output = Command::new("python3")
            .args(["-c", "import sys; print(sys.executable, end='')"])
            .output()
            .unwrap();
        PathBuf::from(String::from_utf8(output.stdout).unwrap())
    })
}

struct Workspace {
    folder: tempfile::TempDir,
    uv: PathBuf,
}

impl Workspace {
    fn new(files: &[(&str, &str)], uv_requirement: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self {
            folder,
            uv: uv(uv_requirement),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// As the engine runs it: the stage's names are bound to programs.
    fn run(&self, command: &process::Command) -> Output {
        let program = if command.get_program() == "uv" {
            &self.uv
        } else {
            python()
        };
        Command::new(program)
            .args(command.get_args())
            .envs(command.get_envs().iter().map(|(name, value)| (name, value)))
            .current_dir(self.path())
            .output()
            .unwrap()
    }

    fn succeed(&self, command: &process::Command) {
        let output = self.run(command);
        assert!(
            output.status.success(),
            "{}: {}",
            command.line(),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn fail(&self, command: &process::Command) -> Diagnosis {
        let output = self.run(command);
        assert!(!output.status.success(), "{} succeeded", command.line());
        let both = [output.stdout, output.stderr].concat();
        let lines: Vec<String> = String::from_utf8_lossy(&both).lines().map(str::to_owned).collect();
        Diagnosis::read(&lines)
    }

    fn interpreter(&self) -> Interpreter {
        Interpreter::parse(&self.run(&Interpreter::command()).stdout).unwrap()
    }
}

fn installers() -> [Installer; 2] {
    [Installer::Pip, Installer::Uv("uv".to_owned())]
}

/// What every installer says to a failing install: each pip and uv of interest, the oldest pip being Python's own.
fn diagnoses(arguments: &[&str], files: &[(&str, &str)]) -> Vec<Diagnosis> {
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let [pip, uv] = installers();
    let new = Workspace::new(files, NEW_UV);
    new.succeed(&pip.create(".venv"));
    let mut found = vec![new.fail(&pip.install(".venv", &arguments))];
    new.succeed(&pip.install(".venv", &["--upgrade".to_owned(), "pip".to_owned()]));
    found.push(new.fail(&pip.install(".venv", &arguments)));
    found.push(new.fail(&uv.install(".venv", &arguments)));
    let old = Workspace::new(files, OLD_UV);
    old.succeed(&uv.create(".venv"));
    found.push(old.fail(&uv.install(".venv", &arguments)));
    found
}

fn assert_all(found: &[Diagnosis], cause: Cause, package: Option<&str>) {
    for diagnosis in found {
        let name = diagnosis.package.as_deref().map(crate::requirements::name);
        assert_eq!((diagnosis.cause, name), (cause, package), "{found:#?}");
    }
}

#[test]
fn an_environment_is_made_stamped_and_found_again() {
    for installer in installers() {
        let workspace = Workspace::new(&[("requirements.txt", "idna==3.4\n")], NEW_UV);
        let environment = Environment::new(".venv").unwrap();
        assert_eq!(environment.look(workspace.path()).unwrap(), Found::Nothing);
        workspace.succeed(&installer.create(".venv"));
        assert_eq!(environment.look(workspace.path()).unwrap(), Found::Unstamped);
        workspace.succeed(&installer.install(".venv", &["-r".to_owned(), "requirements.txt".to_owned()]));

        let import = [".venv/bin/python", "-c", "import idna; print(idna.__version__)"];
        let output = Command::new(workspace.path().join(import[0]))
            .args(&import[1..])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "3.4");

        let stamp = Stamp::new(&workspace.interpreter(), &installer, &[], &BTreeMap::new());
        fs::write(workspace.path().join(".venv").join(crate::stamp::FILE), stamp.text()).unwrap();
        assert_eq!(
            environment.look(workspace.path()).unwrap(),
            Found::Stamped(Box::new(stamp))
        );
        fs::remove_file(workspace.path().join(".venv/bin/python")).unwrap();
        assert_eq!(environment.look(workspace.path()).unwrap(), Found::Unstamped);
        // Made anew over what is there.
        workspace.succeed(&installer.create(".venv"));
    }
}

#[test]
fn the_interpreter_describes_itself() {
    let interpreter = Workspace::new(&[], NEW_UV).interpreter();
    assert!(interpreter.version.starts_with("3."), "{interpreter:?}");
    assert!(
        interpreter.executable.starts_with('/') && interpreter.ensurepip,
        "{interpreter:?}"
    );
}

const PROJECT: &str = "[project]\nname = 'shop'\nversion = '1'\nrequires-python = '>=3.8'\ndependencies = ['idna==3.4']\n\
                       [dependency-groups]\ntest = ['iniconfig']\ndev = ['ruff']\n";

#[test]
fn a_lock_is_installed_exactly_and_refused_when_it_does_not_fit() {
    let workspace = Workspace::new(&[("pyproject.toml", PROJECT)], NEW_UV);
    assert!(
        Command::new(&workspace.uv)
            .args(["lock", "--quiet"])
            .current_dir(workspace.path())
            .status()
            .unwrap()
            .success()
    );
    let [_, uv] = installers();
    let sync = sync(".venv", ".", &workspace.interpreter(), &[], &["test".to_owned()]);
    workspace.succeed(&uv.create(".venv"));
    workspace.succeed(&sync);
    let import = [
        "-c",
        "import idna, iniconfig, importlib.util; assert importlib.util.find_spec('ruff') is None",
    ];
    assert!(
        Command::new(workspace.path().join(".venv/bin/python"))
            .args(import)
            .status()
            .unwrap()
            .success()
    );

    fs::write(workspace.path().join("pyproject.toml"), PROJECT.replace("3.4", "3.5")).unwrap();
    assert_eq!(workspace.fail(&sync).cause, Cause::LockOutdated);
}

#[test]
fn an_absent_package_or_version_is_named() {
    let found = diagnoses(&["tidegate-no-such-package==1"], &[]);
    assert_all(&found, Cause::NotFound, Some("tidegate-no-such-package"));
    for diagnosis in &found {
        assert!(
            diagnosis.detail.starts_with("the index has no such package"),
            "{found:#?}"
        );
    }
    let found = diagnoses(&["idna==999"], &[]);
    assert_all(&found, Cause::NotFound, Some("idna"));
}

#[test]
fn requirements_that_exclude_each_other_are_a_conflict() {
    let found = diagnoses(&["idna==3.4", "idna==3.5"], &[]);
    for diagnosis in &found {
        assert_eq!(diagnosis.cause, Cause::Conflict, "{found:#?}");
        assert!(
            diagnosis.detail.contains("idna==3.4") && diagnosis.detail.contains("idna==3.5"),
            "{found:#?}"
        );
    }
}

#[test]
fn a_wrong_hash_names_the_package_and_both_sums() {
    let zeros = "0".repeat(64);
    let text = format!("idna==3.4 --hash=sha256:{zeros}\n");
    let found = diagnoses(&["-r", "requirements.txt"], &[("requirements.txt", &text)]);
    assert_all(&found, Cause::HashMismatch, Some("idna"));
    for diagnosis in &found {
        assert!(
            diagnosis.detail.starts_with("expected ") && diagnosis.detail.contains(&zeros),
            "{found:#?}"
        );
    }
}

#[test]
fn a_failed_build_shows_the_compilers_error() {
    let setup = "from setuptools import setup, Extension\n\
                 setup(name='broken', version='1', ext_modules=[Extension('broken', ['broken.c'])])\n";
    let files = [
        ("lib/setup.py", setup),
        ("lib/broken.c", "#include <no-such-header.h>\n"),
    ];
    let found = diagnoses(&["./lib"], &files);
    assert_all(&found, Cause::BuildFailed, Some("broken"));
    for diagnosis in &found {
        assert!(
            diagnosis.detail.contains("no-such-header.h: No such file or directory"),
            "{found:#?}"
        );
    }
}

#[test]
fn a_requirement_that_can_not_be_read_is_shown() {
    let found = diagnoses(
        &["-r", "requirements.txt"],
        &[("requirements.txt", "idna==3.4\nidna 3 4\n")],
    );
    assert_all(&found, Cause::BadRequirement, None);
    let files = BTreeMap::from([("requirements.txt", "idna==3.4\nidna 3 4\n")]);
    let requirements = Requirements::read(&["requirements.txt".to_owned()], &files).unwrap();
    for diagnosis in &found {
        let finding = diagnosis.finding(&requirements).unwrap();
        let place = (finding.path.as_deref(), finding.line);
        assert_eq!(place, (Some("requirements.txt"), Some(2)), "{found:#?}");
    }
}

#[test]
fn an_index_that_is_not_there_asks_for_a_retry() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let found = diagnoses(
        &["-r", "r.txt"],
        &[("r.txt", &format!("--index-url http://{free}/simple\nidna\n"))],
    );
    assert_all(&found, Cause::Unreachable, None);
    for diagnosis in &found {
        assert!(diagnosis.detail.contains("Connection refused"), "{found:#?}");
    }
}

#[test]
fn an_index_that_wants_a_login_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Ends with the test's process.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let answer = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\
                          WWW-Authenticate: Basic realm=\"x\"\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let requirements = format!("--index-url http://user:wrong@{address}/simple\nidna\n");
    let found = diagnoses(&["-r", "r.txt"], &[("r.txt", &requirements)]);
    // Python's own pip says nothing of a login.
    assert_all(&found[..1], Cause::NotFound, Some("idna"));
    assert_all(&found[1..], Cause::LoginNeeded, None);
    for diagnosis in &found {
        assert!(!diagnosis.detail.contains("wrong"), "{found:#?}");
    }
}
