use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::probe::PROBE;
use super::ran::Ran;
use super::running::Running;

/// A throw-away project with a home of its own. Everything that the program may leave behind lies in one folder.
pub(crate) struct Project {
    folder: TempDir,
    env: Vec<(String, String)>,
}

impl Project {
    /// Empty but for the component `probe.wasm`.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["project", "home", "config/tidegate", "tmp"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let project = Self {
            folder,
            env: Vec::new(),
        };
        fs::copy(&*PROBE, project.root().join("probe.wasm")).unwrap();
        project
    }

    /// A project with this manifest.
    pub(crate) fn of(manifest: &str) -> Self {
        Self::new().file("tidegate.toml", manifest)
    }

    #[must_use]
    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// The user's `config.toml`, which is not part of the project.
    #[must_use]
    pub(crate) fn config(self, text: &str) -> Self {
        fs::write(self.folder.path().join("config/tidegate/config.toml"), text).unwrap();
        self
    }

    /// A variable of the engine's own environment.
    #[must_use]
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// The user's configuration folder, for files that it names.
    pub(crate) fn config_folder(&self) -> PathBuf {
        self.folder.path().join("config/tidegate")
    }

    /// Where the engine makes its scratch folders: what is in it after a run was left behind.
    pub(crate) fn left_in_temp(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("tmp")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    }

    /// Runs `tidegate` to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran::new(&output, self.folder.path())
    }

    /// What a command of the test's own said.
    pub(crate) fn ran(&self, output: &std::process::Output) -> Ran {
        Ran::new(output, self.folder.path())
    }

    /// Starts `tidegate`; it is killed when the test does not wait for it.
    pub(crate) fn start<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Running {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Running::new(command, self.folder.path())
    }

    /// As `nohup` does.
    pub(crate) fn start_ignoring_hangup<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Running {
        let tidegate = self.command(arguments);
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
            .arg(tidegate.get_program())
            .args(tidegate.get_args())
            .current_dir(self.root())
            .env_clear()
            .envs(tidegate.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Running::new(command, self.folder.path())
    }

    /// `tidegate` with an environment that is the same on every machine.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command
            .args(arguments)
            .current_dir(self.root())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", folder.join("home"))
            .env("TMPDIR", folder.join("tmp"))
            .env("XDG_CONFIG_HOME", folder.join("config"))
            // Compiled components: once for all tests.
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .env("NO_COLOR", "1")
            .env("COLUMNS", "80")
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}
