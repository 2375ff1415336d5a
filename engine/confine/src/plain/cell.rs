//! The place where the native programs of one stage attempt run: nowhere else than every program of the user.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::process::Signal;

use super::child::Child;
use super::group::Group;
use super::helpers::Helpers;
use super::view::View;
use crate::command::{Command, SpawnError, Stdio};
use crate::failure::StartError;
use crate::ids::Ids;
use crate::limits;
use crate::network::Connection;
use crate::spec::{CellSpec, Level};

/// First bytes of what the kernel starts itself: scripts that name their interpreter, and the machine's programs.
#[cfg(target_vendor = "apple")]
const EXECUTABLE: [&[u8]; 4] = [b"#!", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"];
#[cfg(not(target_vendor = "apple"))]
const EXECUTABLE: [&[u8]; 2] = [b"#!", b"\x7fELF"];

/// Dropping it kills the process groups of everything that runs in it. A program that leaves its group, and every program when
/// the engine itself is killed, goes on.
#[derive(Debug)]
pub struct Cell {
    view: Arc<View>,
    ids: Ids,
    running: Mutex<Vec<Weak<Group>>>,
}

impl Cell {
    /// Blocks while the workspace is walked. Any level but [`Level::Unconfined`] is refused: it would be a promise.
    pub fn start(helpers: &Helpers, spec: &CellSpec) -> Result<Self, StartError> {
        if spec.level != Level::Unconfined {
            return Err(StartError::Unsupported);
        }
        for folder in [spec.home(), spec.temp()] {
            std::fs::create_dir_all(folder).map_err(StartError::Helper)?;
        }
        Ok(Self {
            view: View::build(helpers, spec)?,
            ids: if rustix::process::geteuid().is_root() {
                Ids::Root {
                    why: "without confinement programs have the engine's id".to_owned(),
                }
            } else {
                Ids::Engine
            },
            running: Mutex::default(),
        })
    }

    /// The same: connections are the user's own here, and nobody is told of them.
    pub fn start_observed(
        helpers: &Helpers,
        spec: &CellSpec,
        _observer: impl Fn(Connection) + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        Self::start(helpers, spec)
    }

    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    pub fn level(&self) -> Level {
        Level::Unconfined
    }

    /// The engine's own.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    pub fn spawn(&self, command: Command) -> Result<Child, SpawnError> {
        refuse_what_a_shell_would_get(&command.program)?;
        if !command.cwd.is_absolute() || !command.cwd.is_dir() {
            return Err(SpawnError::BadCwd {
                cwd: command.cwd,
                reason: "it is not the absolute path of a folder".to_owned(),
            });
        }
        let failed = |error: io::Error| SpawnError::Failed(format!("can't start a program: {error}"));
        let (reader, writer) = io::pipe().map_err(failed)?;
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|group| group.strong_count() > 0);
        if running.len() >= limits::RUNNING_COMMANDS {
            return Err(SpawnError::Failed(format!(
                "{} programs are running already",
                limits::RUNNING_COMMANDS
            )));
        }
        let started = process::Command::new(&command.program)
            .args(&command.args)
            .env_clear()
            .envs(command.env)
            .current_dir(&command.cwd)
            .stdin(stdio(command.stdin))
            .stdout(stdio(command.stdout))
            .stderr(stdio(command.stderr))
            .process_group(0)
            .spawn();
        let started = started.map_err(|error| not_started(&command.program, &error))?;
        let group = Group::watch(started, writer).map_err(failed)?;
        running.push(Arc::downgrade(&group));
        Ok(Child::new(group, reader))
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
        for group in running.iter().filter_map(Weak::upgrade) {
            group.signal(Signal::KILL);
        }
    }
}

fn stdio(stdio: Stdio) -> process::Stdio {
    match stdio {
        Stdio::Null => process::Stdio::null(),
        Stdio::Fd(descriptor) => descriptor.into(),
    }
}

/// Where the kernel says that a file is no program, the C library starts a shell with it.
fn refuse_what_a_shell_would_get(program: &Path) -> Result<(), SpawnError> {
    if !program.is_absolute() || !program.is_file() {
        return Err(SpawnError::NotFound(program.to_owned()));
    }
    let mut head = [0; 4];
    let read = match File::open(program).and_then(|mut file| file.read(&mut head)) {
        Ok(read) => read,
        Err(error) => return Err(not_started(program, &error)),
    };
    if EXECUTABLE.iter().any(|known| head[..read].starts_with(known)) {
        return Ok(());
    }
    Err(SpawnError::NotExecutable {
        program: program.to_owned(),
        reason: "it is neither a program of this machine nor a script with a `#!` line".to_owned(),
    })
}

fn not_started(program: &Path, error: &io::Error) -> SpawnError {
    let not_executable = |reason: String| SpawnError::NotExecutable {
        program: program.to_owned(),
        reason,
    };
    match error.kind() {
        // The kernel gives the same answer when the file is there and its interpreter is not.
        ErrorKind::NotFound if program.is_file() => {
            not_executable("the interpreter or loader that it names does not exist".to_owned())
        }
        ErrorKind::NotFound | ErrorKind::NotADirectory => SpawnError::NotFound(program.to_owned()),
        ErrorKind::PermissionDenied | ErrorKind::ExecutableFileBusy => not_executable(error.to_string()),
        _ => SpawnError::Failed(format!("can't execute `{}`: {error}", program.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    use super::*;
    use crate::command::Exit;

    struct Place {
        workspace: tempfile::TempDir,
        scratch: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            Self {
                workspace: tempfile::tempdir().unwrap(),
                scratch: tempfile::tempdir().unwrap(),
            }
        }

        fn start(&self, level: Level) -> Result<Cell, StartError> {
            let mut spec = CellSpec::new(self.workspace.path(), self.scratch.path());
            spec.level = level;
            Cell::start(&Helpers::of("/nowhere"), &spec)
        }

        fn shell(&self, script: &str) -> Command {
            let mut command = Command::new("/bin/sh", self.workspace.path());
            command.args = ["-c", script].map(Into::into).into();
            command
        }
    }

    #[test]
    fn only_what_promises_nothing_starts() {
        let place = Place::new();
        assert!(matches!(place.start(Level::Full), Err(StartError::Unsupported)));
        assert!(place.start(Level::Unconfined).is_ok());
    }

    #[test]
    fn gets_what_it_is_given_and_its_exit_is_told() {
        let place = Place::new();
        let cell = place.start(Level::Unconfined).unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let mut command = place.shell("/usr/bin/env; pwd; exit 3");
        command.env = vec![("ONLY".into(), "this".into())];
        command.stdout = Stdio::Fd(writer.into());
        let child = cell.spawn(command).unwrap();
        let mut printed = String::new();
        reader.read_to_string(&mut printed).unwrap();
        assert_eq!(child.wait(), Exit::Code(3));
        let mut lines: Vec<_> = printed.lines().filter(|line| !line.starts_with("_=")).collect();
        lines.sort_unstable();
        let folder = place.workspace.path().canonicalize().unwrap();
        // `PWD` and `SHLVL` are of the shell's making.
        assert!(
            lines.contains(&"ONLY=this") && lines.contains(&folder.to_str().unwrap()),
            "{lines:?}"
        );
        assert!(!lines.iter().any(|line| line.starts_with("PATH=")), "{lines:?}");
    }

    #[test]
    fn the_group_ends_with_the_program_at_a_kill_and_with_the_cell() {
        let place = Place::new();
        let cell = place.start(Level::Unconfined).unwrap();
        let began = Instant::now();
        // Each holds the pipe through a program of its own that would outlive it.
        let spawn = |script: &str| {
            let (reader, writer) = io::pipe().unwrap();
            let mut command = place.shell(script);
            command.stdout = Stdio::Fd(writer.into());
            (cell.spawn(command).unwrap(), reader)
        };
        let gone = |mut reader: io::PipeReader| {
            reader.read_to_end(&mut Vec::new()).unwrap();
        };
        let (ends, reader) = spawn("/bin/sleep 1000 & exit 5");
        assert_eq!(ends.wait(), Exit::Code(5));
        gone(reader);
        let (killed, reader) = spawn("trap '' TERM; /bin/sleep 1000 & wait");
        assert_eq!(killed.try_wait(), None);
        killed.kill();
        assert_eq!(killed.wait(), Exit::Signal(9));
        gone(reader);
        let (asked, reader) = spawn("/bin/sleep 1000");
        asked.terminate(15);
        assert_eq!(asked.wait(), Exit::Signal(15));
        gone(reader);
        let (dropped, reader) = spawn("/bin/sleep 1000 & wait");
        drop(cell);
        assert_eq!(dropped.wait(), Exit::Signal(9));
        gone(reader);
        assert!(began.elapsed().as_secs() < 500);
    }

    #[test]
    fn a_file_that_a_shell_would_get_does_not_start() {
        let place = Place::new();
        let cell = place.start(Level::Unconfined).unwrap();
        let start = |name: &str, content: &str, mode: u32| {
            let path = place.workspace.path().join(name);
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            cell.spawn(Command::new(&path, place.workspace.path()))
        };
        let not_executable = |result| matches!(result, Err(SpawnError::NotExecutable { .. }));
        assert!(not_executable(start("plain", "touch made\n", 0o755)));
        assert!(not_executable(start("closed", "#!/bin/sh\n", 0o644)));
        assert!(not_executable(start("lost", "#!/no/such/interpreter\n", 0o755)));
        assert!(start("good", "#!/bin/sh\nexit 0\n", 0o755).is_ok_and(|child| child.wait() == Exit::Code(0)));
        assert!(!place.workspace.path().join("made").exists());
        let missing = cell.spawn(Command::new("/no/such/program", place.workspace.path()));
        assert_eq!(missing.unwrap_err(), SpawnError::NotFound("/no/such/program".into()));
        let bad_cwd = cell.spawn(Command::new("/bin/sh", "/no/such/folder"));
        assert!(matches!(bad_cwd, Err(SpawnError::BadCwd { .. })));
    }
}
