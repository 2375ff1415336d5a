//! The commands of all pages, run once, as somebody would who reads the tutorial first.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::page::{Block, Page, Typed, pages, root};

/// Makes the project that the other pages go on with.
const FIRST: &str = "docs/tutorial.md";

/// It shows how a project gets its manifest.
const WITHOUT_MANIFEST: &str = "README.md";

/// Of the example's tests these are enough to see what a run looks like.
const KEPT_TESTS: [&str; 3] = ["tests/__init__.py", "tests/conftest.py", "tests/test_accounts.py"];

/// A command that was run, and how it ended.
pub(crate) struct Ran {
    pub(crate) page: String,
    pub(crate) typed: Typed,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Environments and runs are slow: every test looks at the same session.
pub(crate) static SESSION: LazyLock<Vec<Ran>> = LazyLock::new(|| Session::start().run_all());

struct Session {
    folder: TempDir,
    here: PathBuf,
    /// Folders before those of this machine's PATH.
    path: String,
}

impl Session {
    /// A home folder beside a checkout in which only the example is.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().join("checkout");
        for name in ["home", "bin", "checkout"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        copy_example(&here.join("examples/shop"));
        symlink(env!("CARGO_BIN_EXE_tidegate"), folder.path().join("bin/tidegate")).unwrap();
        // Python itself, not a version manager's launcher of it, which looks into the home folder.
        let question = "import os, sys; print(os.path.dirname(os.path.realpath(sys.executable)))";
        let python = output(Command::new("python3").args(["-c", question]));
        let path = format!("{}:{}", folder.path().join("bin").display(), python.trim());
        Self { folder, here, path }
    }

    fn run_all(mut self) -> Vec<Ran> {
        let mut ran = Vec::new();
        let pages = pages();
        let (first, others): (Vec<&Page>, Vec<&Page>) = pages.iter().partition(|page| page.name == FIRST);
        for page in first.into_iter().chain(others) {
            if page.name == WITHOUT_MANIFEST {
                fs::remove_file(self.here.join("tidegate.toml")).unwrap();
            }
            for block in page.console_blocks() {
                let Block::Run(commands) = block else { continue };
                ran.extend(commands.into_iter().map(|typed| self.run(&page.name, typed)));
            }
        }
        ran
    }

    /// In a shell, as readers do; the folder that it ends in is the next command's.
    fn run(&mut self, page: &str, typed: Typed) -> Ran {
        let place = self.folder.path().join("place");
        let script = format!("{}\ncode=$?; pwd > \"$PLACE\"; exit $code", typed.command);
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("sh");
        // The pages' projects are on a branch, also where a CI system builds a pull request of Tidegate's.
        let of_ci = [
            "BITBUCKET_",
            "BUILD_",
            "CIRCLE",
            "CI_",
            "DRONE_",
            "GITHUB_",
            "GITLAB_",
            "JENKINS_",
            "TRAVIS",
        ];
        for (name, _) in std::env::vars_os() {
            if of_ci
                .iter()
                .any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
            {
                shell.env_remove(name);
            }
        }
        let output = shell
            .args(["-c", &script])
            .current_dir(&self.here)
            .env("PLACE", &place)
            .env("HOME", self.folder.path().join("home"))
            .env("PATH", format!("{}:{path}", self.path))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "reader")
            .env("GIT_AUTHOR_EMAIL", "reader@localhost")
            .env("GIT_COMMITTER_NAME", "reader")
            .env("GIT_COMMITTER_EMAIL", "reader@localhost")
            // Compiling the stages takes seconds, and has been done by an earlier run of the tests.
            .env(
                "XDG_CACHE_HOME",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs-cache"),
            )
            .env_remove("XDG_CONFIG_HOME")
            .output()
            .unwrap();
        self.here = PathBuf::from(fs::read_to_string(&place).unwrap().trim_end());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            page: page.into(),
            typed,
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

fn copy_example(to: &Path) {
    let example = root().join("examples/shop");
    let names = output(Command::new("git").args(["ls-files", "-z"]).current_dir(&example));
    for name in names.split_terminator('\0') {
        if name.starts_with("tests/") && !KEPT_TESTS.contains(&name) {
            continue;
        }
        let target = to.join(name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(example.join(name), target).unwrap();
    }
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
