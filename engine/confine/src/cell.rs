//! The place where the native programs of one stage attempt run, seen from the engine.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{self, Stdio as ProcessStdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::child::Child;
use crate::command::{Command, SpawnError, Stdio};
use crate::failure::{Failure, StartError, Step};
use crate::inside::HELPER_ARGUMENT;
use crate::limits;
use crate::machine;
use crate::spec::{CellSpec, Level};
use crate::view::View;
use crate::wire::{self, CommandLine, Reply, Request};

/// Dropping it kills everything that runs in it; so does the end of the engine's process, however it ends. The View lives on.
#[derive(Debug)]
pub struct Cell {
    /// One request and its reply at a time.
    socket: Mutex<UnixStream>,
    helper: process::Child,
    level: Level,
    view: Arc<View>,
}

impl Cell {
    /// Blocks until the Cell is ready, some milliseconds. `helper` is a program whose `main` begins with
    /// `run_helper_if_asked`, usually `/proc/self/exe`.
    pub fn start(helper: &Path, spec: &CellSpec) -> Result<Self, StartError> {
        refuse_odd_names(spec)?;
        let (socket, theirs) = UnixStream::pair().map_err(StartError::Helper)?;
        let mut process = process::Command::new(helper)
            .arg(HELPER_ARGUMENT)
            .env_clear()
            .stdin(OwnedFd::from(theirs))
            .stdout(ProcessStdio::null())
            .stderr(ProcessStdio::piped())
            .spawn()
            .map_err(StartError::Helper)?;
        let answer = Self::ask_to_start(&socket, spec);
        let (views, hidden) = match answer {
            Ok(Some((Reply::Started { hidden }, views))) => (views, hidden),
            Ok(Some((Reply::NotStarted(failure), _))) => {
                end(&mut process);
                return Err(refused(failure));
            }
            other => {
                drop(socket);
                end(&mut process);
                let error = match other {
                    Err(error) => error.to_string(),
                    Ok(_) => "it ended without an answer".to_owned(),
                };
                return Err(StartError::Helper(io::Error::other(format!(
                    "{error}{}",
                    last_words(&mut process)
                ))));
            }
        };
        // It would block a helper that writes more than a pipe holds, and nobody reads it from here on.
        process.stderr = None;
        match View::new(spec, views, hidden.into_iter().map(Into::into).collect()) {
            Ok(view) => Ok(Self {
                socket: Mutex::new(socket),
                helper: process,
                level: spec.level,
                view: Arc::new(view),
            }),
            Err(error) => {
                drop(socket);
                end(&mut process);
                Err(error)
            }
        }
    }

    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    pub fn level(&self) -> Level {
        self.level
    }

    /// Blocks until the program runs, some milliseconds.
    pub fn spawn(&self, command: Command) -> Result<Child, SpawnError> {
        let lost = |error: io::Error| SpawnError::Failed(format!("no answer from the cell: {error}"));
        let Command {
            program,
            args,
            env,
            cwd,
            stdin,
            stdout,
            stderr,
        } = command;
        let stdio = [(stdin, false), (stdout, true), (stderr, true)]
            .into_iter()
            .map(|(stdio, write)| open(stdio, write))
            .collect::<io::Result<Vec<OwnedFd>>>()
            .map_err(|error| SpawnError::Failed(format!("can't open /dev/null: {error}")))?;
        let descriptors: Vec<_> = stdio.iter().map(AsFd::as_fd).collect();
        let request = Request::Spawn(CommandLine {
            program,
            args,
            env,
            cwd,
        });
        let reply = self.ask(&request, &descriptors).map_err(lost)?;
        // Before the wait for the program: its pipes must not stay open here.
        drop(stdio);
        match reply {
            Some((Reply::Spawned, descriptors)) => {
                let mut descriptors = descriptors.into_iter();
                let status = descriptors
                    .next()
                    .ok_or_else(|| SpawnError::Failed("the cell sent no status".to_owned()))?;
                Child::started(status, descriptors.next(), self.level)
            }
            Some((Reply::NotSpawned(error), _)) => Err(error),
            Some((Reply::Started { .. } | Reply::NotStarted(_), _)) => Err(SpawnError::Failed(
                "the cell gave an answer to another question".to_owned(),
            )),
            None => Err(SpawnError::Failed("the cell has ended".to_owned())),
        }
    }

    fn ask(&self, request: &Request, descriptors: &[BorrowedFd<'_>]) -> io::Result<Option<(Reply, Vec<OwnedFd>)>> {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let reply = wire::send(&socket, request, descriptors).and_then(|()| wire::receive(&socket));
        if reply
            .as_ref()
            .is_err_and(|error| error.kind() != io::ErrorKind::InvalidInput)
        {
            // A late reply would be taken for the next one's. InvalidInput means that nothing was sent.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
        reply
    }

    fn ask_to_start(socket: &UnixStream, spec: &CellSpec) -> io::Result<Option<(Reply, Vec<OwnedFd>)>> {
        // Also for spawning: the helper answers that at once.
        socket.set_read_timeout(Some(limits::START_TIME))?;
        wire::send(socket, &Request::Start(spec.clone()), &[])?;
        wire::receive(socket)
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let socket = self.socket.get_mut().unwrap_or_else(PoisonError::into_inner);
        // The helper takes the end of its socket as the order to end everything.
        let _ = socket.shutdown(std::net::Shutdown::Both);
        end(&mut self.helper);
    }
}

/// The specification travels as JSON, which holds text only.
fn refuse_odd_names(spec: &CellSpec) -> Result<(), StartError> {
    let lists = [
        &spec.read_only,
        &spec.write,
        &spec.read,
        &spec.toolchains,
        &spec.for_programs,
    ];
    let mut paths = lists.into_iter().flatten().chain([&spec.workspace, &spec.scratch]);
    match paths.find(|path| path.to_str().is_none()) {
        Some(path) => Err(StartError::Spec(format!(
            "the name of `{}` is not text (UTF-8); rename the folder",
            path.display()
        ))),
        None => Ok(()),
    }
}

fn open(stdio: Stdio, write: bool) -> io::Result<OwnedFd> {
    match stdio {
        Stdio::Fd(descriptor) => Ok(descriptor),
        Stdio::Null => Ok(std::fs::OpenOptions::new()
            .read(!write)
            .write(write)
            .open("/dev/null")?
            .into()),
    }
}

/// Waits for the helper's end, and makes it if it does not come: everything in the Cell dies with the helper.
fn end(helper: &mut process::Child) {
    let deadline = Instant::now() + limits::END_TIME;
    while matches!(helper.try_wait(), Ok(None)) {
        if Instant::now() >= deadline {
            let _ = helper.kill();
            let _ = helper.wait();
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn last_words(helper: &mut process::Child) -> String {
    let mut text = Vec::new();
    if let Some(stderr) = helper.stderr.take() {
        let _ = stderr.take(limits::HELPER_STDERR_BYTES).read_to_end(&mut text);
    }
    let text = String::from_utf8_lossy(&text);
    if text.trim().is_empty() {
        String::new()
    } else {
        format!(" ({})", text.trim())
    }
}

fn refused(failure: Failure) -> StartError {
    match machine::explain(&failure) {
        Some(why) => StartError::Machine {
            step: failure.step,
            why,
        },
        None if matches!(failure.step, Step::Spec | Step::Masks) => StartError::Spec(failure.text),
        None => StartError::Failed(failure),
    }
}
