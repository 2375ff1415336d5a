use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidegate_confine::{Cell, CellSpec, Command, Exit, Helpers, Stdio};

pub(crate) const HELPER: &str = env!("CARGO_BIN_EXE_confine");

pub(crate) fn helpers() -> Helpers {
    Helpers::of(HELPER)
}

/// A workspace and a scratch folder.
pub(crate) struct Project {
    pub(crate) workspace: TempDir,
    pub(crate) scratch: TempDir,
}

impl Project {
    /// With these files, each of which holds its own name.
    pub(crate) fn new(files: &[&str]) -> Self {
        let project = Self {
            workspace: tempfile::tempdir().unwrap(),
            scratch: tempfile::tempdir().unwrap(),
        };
        for file in files {
            let path = project.path(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        project
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.workspace.path().join(relative)
    }

    pub(crate) fn link(&self, target: impl AsRef<Path>, relative: &str) {
        symlink(target, self.path(relative)).unwrap();
    }

    pub(crate) fn spec(&self) -> CellSpec {
        CellSpec::new(self.workspace.path(), self.scratch.path())
    }

    pub(crate) fn start(&self, change: impl FnOnce(&mut CellSpec)) -> Cell {
        let mut spec = self.spec();
        change(&mut spec);
        Cell::start(&helpers(), &spec).unwrap()
    }

    pub(crate) fn shell(&self, cell: &Cell, script: &str) -> (Exit, String) {
        run(cell, self.command("/bin/sh", &["-c", script]))
    }

    pub(crate) fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program, self.workspace.path());
        command.args = args.iter().map(Into::into).collect();
        command.env = self
            .spec()
            .identity()
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        command
    }
}

/// Runs to the end. Both output streams as one text.
pub(crate) fn run(cell: &Cell, mut command: Command) -> (Exit, String) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    command.stderr = Stdio::Fd(writer.try_clone().unwrap().into());
    command.stdout = Stdio::Fd(writer.into());
    let child = cell.spawn(command).unwrap();
    let mut output = String::new();
    reader.read_to_string(&mut output).unwrap();
    (child.wait(), output)
}

/// A duration for `sleep` that no other process has, to find the process by.
pub(crate) fn marker() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!(
        "86000.{}{:04}",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    )
}

/// Whether any process of the machine was started with this marker, alone as an argument.
pub(crate) fn is_running(marker: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        arguments
            .split(|byte| *byte == 0)
            .any(|argument| argument == marker.as_bytes())
    })
}

pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
