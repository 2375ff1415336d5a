//! A program and those that stayed in its process group.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid};

use crate::command::Exit;
use crate::limits;

#[derive(Debug)]
pub(super) struct Group {
    /// The program's own id too.
    id: Pid,
    /// Until the program is reaped nobody else can have the group's id; after that it must get no signal.
    reaped: Mutex<bool>,
    exit: OnceLock<Exit>,
}

impl Group {
    /// `program` leads a process group of its own. The writing end of `ended` is closed at the program's end.
    pub(super) fn watch(mut program: process::Child, ended: io::PipeWriter) -> io::Result<Arc<Self>> {
        let group = Arc::new(Self {
            id: Pid::from_child(&program),
            reaped: Mutex::new(false),
            exit: OnceLock::new(),
        });
        let watched = group.clone();
        let thread = thread::Builder::new().name("program's end".into()).spawn(move || {
            watched.wait_without_reaping();
            let status = watched.kill_the_others_and_reap(&mut program);
            watched.wait_for_the_others();
            let _ = watched.exit.set(exit_of(status));
            drop(ended);
        });
        if let Err(error) = thread {
            group.signal(Signal::KILL);
            return Err(error);
        }
        Ok(group)
    }

    /// None until the program and its group have ended.
    pub(super) fn exit(&self) -> Option<Exit> {
        self.exit.get().copied()
    }

    /// Nothing when the program has ended.
    pub(super) fn signal(&self, signal: Signal) {
        let reaped = self.lock();
        if !*reaped {
            // It may have ended meanwhile.
            let _ = kill_process_group(self.id, signal);
        }
    }

    fn wait_without_reaping(&self) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(self.id), options), Err(Errno::INTR)) {}
    }

    fn kill_the_others_and_reap(&self, program: &mut process::Child) -> io::Result<process::ExitStatus> {
        let mut reaped = self.lock();
        let _ = kill_process_group(self.id, Signal::KILL);
        *reaped = true;
        program.wait()
    }

    /// They were killed; their new parent reaps them.
    fn wait_for_the_others(&self) {
        let deadline = Instant::now() + limits::END_TIME;
        while test_kill_process_group(self.id).is_ok() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        // Nothing that holds it can panic half-way.
        self.reaped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn exit_of(status: io::Result<process::ExitStatus>) -> Exit {
    let killed = Exit::Signal(Signal::KILL.as_raw());
    let Ok(status) = status else { return killed };
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => killed,
    }
}
