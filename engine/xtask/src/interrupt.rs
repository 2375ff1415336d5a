//! Ctrl-C and SIGTERM: the program that runs is told, and everything else is cleaned up on the way out.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use anyhow::Context;

static REQUESTED: AtomicBool = AtomicBool::new(false);
/// The process group of the program that we wait for; 0 when there is none.
static RUNNING: AtomicU32 = AtomicU32::new(0);

/// From now on a signal is a request, and no sudden end.
pub(crate) fn listen() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        REQUESTED.store(true, Ordering::SeqCst);
        let running = RUNNING.load(Ordering::SeqCst);
        // Each program has a process group of its own: so it hears of every signal once, whether the terminal sent it or
        // somebody else, and those that it started hear of it too.
        if running != 0 {
            let _ = Command::new("kill")
                .args(["-INT", "--", &format!("-{running}")])
                .stderr(Stdio::null())
                .status();
        }
    })
    .context("can't listen for Ctrl-C")
}

pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// The group of `process` is told of an interrupt until this is dropped.
pub(crate) struct Told;

impl Told {
    pub(crate) fn new(process: u32) -> Self {
        RUNNING.store(process, Ordering::SeqCst);
        Self
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        RUNNING.store(0, Ordering::SeqCst);
    }
}
