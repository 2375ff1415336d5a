//! The native programs of one attempt: which file a name is bound to, with what environment it starts, and the table of those
//! that run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate_confine::{Cell, SpawnError, Stdio};
use tidegate_sandbox::{Command, Exit, Finished, ProcessError, ProcessId, Stop, Stream};
use tokio::net::unix::pipe;
use tokio::sync::Notify;

use super::capture::CaptureBudget;
use super::intake::Intake;
use super::process::{Pipes, Process, Start};
use crate::interrupt::Interrupt;
use crate::plan::StagePlan;
use crate::planner::toml_key;
use crate::program::{NotConfinable, Program, Toolchain, check_workspace_program};

/// Programs at the same time; the limit on their whole trees is the Cell's.
const MAX_RUNNING: usize = 64;
/// Programs that run or whose end the stage has not yet let go of: each holds some of its output here.
const MAX_HELD: usize = 512;

/// For the kernel to end a tree of processes, and for the log to take a pipe's content: milliseconds on a machine that is not
/// overloaded. A stage waits for it.
const END_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Processes {
    pub(super) cell: Arc<Cell>,
    pub(super) stage: Arc<StagePlan>,
    pub(super) workspace: PathBuf,
    /// What the Cell shows beside the system set.
    pub(super) toolchains: Vec<Toolchain>,
    /// What every program of the attempt gets.
    pub(super) env: BTreeMap<String, String>,
    pub(super) intake: Arc<Intake>,
    pub(super) stop: Stop,
    table: Mutex<Table>,
    changed: Arc<Notify>,
    budget: CaptureBudget,
}

#[derive(Default)]
struct Table {
    next: u32,
    running: BTreeMap<u32, Arc<Process>>,
}

impl Processes {
    pub(super) fn new(
        cell: Arc<Cell>,
        stage: Arc<StagePlan>,
        workspace: PathBuf,
        toolchains: Vec<Toolchain>,
        env: BTreeMap<String, String>,
        intake: Arc<Intake>,
        stop: Stop,
    ) -> Self {
        Self {
            cell,
            stage,
            workspace,
            toolchains,
            env,
            intake,
            stop,
            table: Mutex::default(),
            changed: Arc::new(Notify::new()),
            budget: CaptureBudget::new(),
        }
    }

    pub(super) async fn spawn(&self, command: Command) -> Result<ProcessId, ProcessError> {
        // A program that is started after a stop, to leave things whole, has what is left of the stage's grace.
        let interrupt = Interrupt::from_now(&self.stop);
        self.check_room()?;
        let program = self.program(&command.program)?;
        let words = std::iter::once(command.program.as_str()).chain(command.args.iter().map(String::as_str));
        let line = words.map(shown_word).collect::<Vec<_>>().join(" ");
        self.intake.command_log(format!("runs {line}")).await;

        let failed = |error: std::io::Error| ProcessError::FailedToStart(error.to_string());
        let (stdout, child_stdout) = receiver().map_err(failed)?;
        let (stderr, child_stderr) = receiver().map_err(failed)?;
        let (stdin, child_stdin) = if command.stdin.is_some() || command.interactive {
            let (sender, receiver) = pipe::pipe().map_err(failed)?;
            (Some(sender), Stdio::Fd(receiver.into_blocking_fd().map_err(failed)?))
        } else {
            (None, Stdio::Null)
        };
        let mut env = self.env.clone();
        env.extend(command.env.iter().cloned());
        let spawned = tidegate_confine::Command {
            program: program.clone(),
            args: command.args.into_iter().map(Into::into).collect(),
            env: env
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            cwd: self.workspace.join(command.cwd.as_deref().unwrap_or_default()),
            stdin: child_stdin,
            stdout: child_stdout,
            stderr: child_stderr,
        };
        let cell = self.cell.clone();
        let child = tokio::task::spawn_blocking(move || cell.spawn(spawned))
            .await
            .map_err(|error| ProcessError::FailedToStart(error.to_string()))?
            .map_err(|error| spawn_error(&command.program, error))?;
        let start = Start {
            child,
            pipes: Pipes { stdin, stdout, stderr },
            stdout: command.stdout,
            stderr: command.stderr,
            interactive: command.interactive,
            input: command.stdin,
            timeout: command.timeout_ms.map(Duration::from_millis),
            interrupt,
            stop_grace: Duration::from_millis(self.stage.stop_grace_ms),
            budget: self.budget.clone(),
        };
        let process = Process::start(start, self.intake.clone(), self.changed.clone());
        let mut table = self.lock();
        let id = table.next;
        table.next += 1;
        table.running.insert(id, Arc::new(process));
        Ok(ProcessId(id))
    }

    fn check_room(&self) -> Result<(), ProcessError> {
        let table = self.lock();
        let full = |text: String| Err(ProcessError::FailedToStart(text));
        let running = table.running.values().filter(|process| process.exit().is_none());
        if running.count() >= MAX_RUNNING {
            return full(format!("{MAX_RUNNING} programs run already"));
        }
        if table.running.len() >= MAX_HELD {
            return full(format!(
                "the stage has not let go of {MAX_HELD} programs that it started"
            ));
        }
        Ok(())
    }

    pub(super) async fn wait(&self, id: ProcessId) -> Result<Finished, ProcessError> {
        let process = self
            .get(id)
            .ok_or_else(|| ProcessError::Other("there is no such process".into()))?;
        let exit = process.ended().await;
        let (stdout, stdout_cut) = process.stdout.take_all();
        let (stderr, stderr_cut) = process.stderr.take_all();
        Ok(Finished {
            exit,
            stdout,
            stderr,
            truncated: stdout_cut || stderr_cut,
        })
    }

    pub(super) fn read(&self, id: ProcessId, stream: Stream) -> Vec<u8> {
        let Some(process) = self.get(id) else { return Vec::new() };
        match stream {
            Stream::Stdout => process.stdout.take_piece(),
            Stream::Stderr => process.stderr.take_piece(),
        }
    }

    pub(super) async fn write(&self, id: ProcessId, content: Vec<u8>) -> Result<(), ProcessError> {
        let process = self
            .get(id)
            .ok_or_else(|| ProcessError::Other("there is no such process".into()))?;
        let interrupt = Interrupt::from_now(&self.stop);
        tokio::select! {
            written = process.write(&content) => written.map_err(ProcessError::Other),
            () = interrupt.requested() => Err(ProcessError::Stopping),
        }
    }

    pub(super) async fn close_stdin(&self, id: ProcessId) {
        if let Some(process) = self.get(id) {
            process.close_stdin().await;
        }
    }

    /// All output has been taken in when this says something.
    pub(super) fn exit(&self, id: ProcessId) -> Option<Exit> {
        self.get(id)?.exit()
    }

    pub(super) fn kill(&self, id: ProcessId) {
        if let Some(process) = self.get(id) {
            process.kill();
        }
    }

    /// Returns when the program is gone and its last lines are told: nothing of it comes after the stage's end.
    pub(super) async fn forget(&self, id: ProcessId) {
        if let Some(process) = self.get(id) {
            // A timeout means that the kernel or the log is slow; the program goes on ending by itself.
            let _ = tokio::time::timeout(END_TIMEOUT, process.end()).await;
        }
        // Only now: a call that is dropped while it waits is made again at the attempt's end.
        self.lock().running.remove(&id.0);
    }

    pub(super) async fn poll(&self, ids: &[ProcessId], timeout: Duration) -> Vec<u32> {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                // Registered before looking, so that a change between looking and waiting is not missed.
                changed.as_mut().enable();
                let ready = self.ready(ids);
                if !ready.is_empty() {
                    return ready;
                }
                changed.await;
            }
        };
        let interrupt = Interrupt::from_now(&self.stop);
        tokio::select! {
            ready = wait => ready,
            () = tokio::time::sleep(timeout) => Vec::new(),
            () = interrupt.requested() => self.ready(ids),
        }
    }

    fn ready(&self, ids: &[ProcessId]) -> Vec<u32> {
        let is_ready = |id: &ProcessId| {
            self.get(*id)
                .is_none_or(|p| p.stdout.has_some() || p.stderr.has_some() || p.exit().is_some())
        };
        (0..)
            .zip(ids)
            .filter(|(_, id)| is_ready(id))
            .map(|(index, _)| index)
            .collect()
    }

    /// The file that a stage's name is bound to. Whatever it is, it starts in the Cell; this check is for a clear answer.
    fn program(&self, name: &str) -> Result<PathBuf, ProcessError> {
        match self.stage.grant.exec.get(name) {
            None => {
                let text = format!(
                    "`{name}`; the manifest has to bind it: grant.exec = {{ {} = \"…\" }}",
                    toml_key(name)
                );
                Err(ProcessError::NotGranted(text))
            }
            Some(Program::Host { path, .. }) => Ok(path.clone()),
            Some(Program::Workspace { path }) => {
                match check_workspace_program(&self.workspace, path, &self.toolchains) {
                    Ok(_) => Ok(self.workspace.join(path)),
                    Err(error @ NotConfinable::Missing { .. }) => Err(ProcessError::NotFound(format!(
                        "{error} (bound to `{name}`); an earlier stage has to make it, such as python-env"
                    ))),
                    Err(error) => Err(ProcessError::NotConfinable(error.to_string())),
                }
            }
        }
    }

    fn get(&self, id: ProcessId) -> Option<Arc<Process>> {
        self.lock().running.get(&id.0).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        // Nothing panics while it holds the lock.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a stage's Cell has to show so that its programs start. Programs that don't exist yet need nothing.
pub(super) fn needed_toolchains(stage: &StagePlan, workspace: &Path, known: &[Toolchain]) -> Vec<Toolchain> {
    let mut needed: Vec<Toolchain> = Vec::new();
    for program in stage.grant.exec.values() {
        match program {
            Program::Host { toolchains, .. } => needed.extend(toolchains.iter().cloned()),
            Program::Workspace { path } => {
                needed.extend(check_workspace_program(workspace, path, known).unwrap_or_default());
            }
        }
    }
    needed.sort();
    needed.dedup();
    needed
}

fn receiver() -> std::io::Result<(pipe::Receiver, Stdio)> {
    let (sender, receiver) = pipe::pipe()?;
    Ok((receiver, Stdio::Fd(sender.into_blocking_fd()?)))
}

fn spawn_error(name: &str, error: SpawnError) -> ProcessError {
    match error {
        SpawnError::NotFound(path) => ProcessError::NotFound(format!(
            "`{name}` is bound to {}, which does not exist there",
            path.display()
        )),
        other => ProcessError::FailedToStart(format!("`{name}`: {other}")),
    }
}

/// For people who read the log; nothing parses it.
fn shown_word(word: &str) -> String {
    let plain = !word.is_empty()
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(&b));
    if plain {
        word.into()
    } else {
        format!("'{}'", word.replace('\n', "⏎"))
    }
}
