use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::ran::Ran;

/// Far above what anything here takes, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A `tidegate` at work.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    read: Vec<u8>,
    stderr: JoinHandle<Vec<u8>>,
    folder: PathBuf,
}

impl Running {
    pub(super) fn new(mut command: Command, folder: &Path) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = child.stderr.take().unwrap();
        Self {
            child,
            stdout,
            read: Vec::new(),
            stderr: std::thread::spawn(move || read_all(stderr)),
            folder: folder.into(),
        }
    }

    /// Reads events from stdout until one fits; the one that did.
    pub(crate) fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let start = self.read.len();
            let count = self.stdout.read_until(b'\n', &mut self.read).unwrap();
            assert!(
                count > 0,
                "the run ended before: {}",
                String::from_utf8_lossy(&self.read)
            );
            let event: Value = serde_json::from_slice(&self.read[start..]).unwrap();
            if fits(&event) {
                return event;
            }
        }
    }

    /// Reads until a stage or a program logs `text`.
    pub(crate) fn until_logged(&mut self, text: &str) {
        self.until(|event| event["message"] == text);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ran {
        let mut rest = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        let reader = std::thread::spawn(move || {
            self.stdout.read_to_end(&mut rest).unwrap();
            rest
        });
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                self.child.kill().unwrap();
                panic!("tidegate did not end");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut stdout = self.read;
        stdout.extend(reader.join().unwrap());
        let output = Output {
            status,
            stdout,
            stderr: self.stderr.join().unwrap(),
        };
        Ran::new(&output, &self.folder)
    }
}

fn read_all(mut stream: ChildStderr) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}
