use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use deploy_ssh::remote::{Finished, Remote, RemoteError};

use super::TestWorld;

/// Stands in paths for the host's own name.
pub(crate) const HOST_MARK: &str = "@host@";

/// In a command line: once it has run, a stop is requested.
pub(crate) const STOP_MARK: &str = "# stop here";

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection breaks before the call reaches the host.
    LostBefore,
    /// The host does it, and the answer gets lost.
    LostAfter,
    /// A stop is requested while the call is under way; the host does it nevertheless.
    Stop,
    /// The host does it, and the engine is gone: a panic, which nothing in the stage catches.
    Killed,
}

pub(crate) struct LocalHost<'a> {
    pub(crate) name: String,
    pub(crate) calls: Rc<RefCell<usize>>,
    pub(crate) fault: Option<(usize, Fault)>,
    pub(crate) world: &'a TestWorld,
}

impl LocalHost<'_> {
    fn tampered<T>(&self, call: impl FnOnce() -> Result<T, RemoteError>) -> Result<T, RemoteError> {
        let number = *self.calls.borrow();
        *self.calls.borrow_mut() += 1;
        let lost = || RemoteError::Disconnected("the cable was pulled".to_owned());
        match self.fault.filter(|(index, _)| *index == number) {
            None => call(),
            Some((_, Fault::LostBefore)) => Err(lost()),
            Some((_, Fault::LostAfter)) => call().and_then(|_| Err(lost())),
            Some((_, Fault::Stop)) => {
                self.world.stop();
                call().and_then(|_| Err(RemoteError::Stopping))
            }
            Some((_, Fault::Killed)) => {
                let _ = call();
                std::panic::resume_unwind(Box::new("killed"))
            }
        }
    }

    fn here(&self, text: &str) -> String {
        text.replace(HOST_MARK, &self.name)
    }
}

impl Remote for LocalHost<'_> {
    fn host(&self) -> &str {
        &self.name
    }

    fn exec(&mut self, argv: &[&str], _: Duration) -> Result<Finished, RemoteError> {
        let words: Vec<String> = argv.iter().map(|word| self.here(word)).collect();
        self.tampered(|| Ok(run(Command::new(&words[0]).args(&words[1..]))))
    }

    fn shell(&mut self, line: &str, _: Duration) -> Result<Finished, RemoteError> {
        let line = self.here(line);
        let finished = self.tampered(|| Ok(run(Command::new("sh").args(["-c", &line]))));
        if line.contains(STOP_MARK) {
            self.world.stop();
        }
        finished
    }

    fn upload(&mut self, local: &str, remote: &str, exclude: &[String]) -> Result<u64, RemoteError> {
        let remote = self.here(remote);
        self.tampered(|| Ok(mirror(Path::new(local), Path::new(&remote), exclude)))
    }
}

fn run(command: &mut Command) -> Finished {
    let output = command.output().unwrap();
    Finished {
        exit_code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// One level of files is enough here; the engine's upload has its own tests.
fn mirror(local: &Path, remote: &Path, exclude: &[String]) -> u64 {
    let excluded = |name: &std::ffi::OsStr| {
        exclude
            .iter()
            .any(|pattern| Path::new(pattern.trim_matches('/')) == name)
    };
    for entry in fs::read_dir(remote).unwrap().map(Result::unwrap) {
        if !excluded(&entry.file_name()) && !local.join(entry.file_name()).exists() {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let mut sent = 0;
    for entry in fs::read_dir(local).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        let (from, to) = (entry.path(), remote.join(&name));
        if !excluded(&name) && fs::read(&from).unwrap() != fs::read(&to).unwrap_or_default() {
            sent += fs::copy(&from, &to).unwrap();
        }
    }
    sent
}
