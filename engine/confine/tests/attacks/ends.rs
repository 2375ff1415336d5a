//! Outliving the command.

use std::fs;
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::arena::Place;
use crate::attack::{Attack, Outcome};
use crate::wall::Wall::PidNs;

/// What is left writes its marker as the title of a process that sleeps for this long at most, also where nothing ends it.
const PRELUDE: &str = "import os, signal, sys, time\n\
    marker = sys.argv[1]\n\
    def stay():\n\
    \x20   null = os.open('/dev/null', os.O_RDWR)\n\
    \x20   for number in range(3): os.dup2(null, number)\n\
    \x20   os.execv('/bin/sleep', ['sleep', marker])\n\
    def daemon(body):\n\
    \x20   if os.fork() == 0:\n\
    \x20       os.setsid()\n\
    \x20       if os.fork() == 0: body()\n\
    \x20       os._exit(0)\n";

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::engine("a daemon that forked twice", &[PidNs], |place| {
        outliving(place, "daemon(stay)\n", false)
    }),
    Attack::engine("a session of its own", &[PidNs], |place| {
        outliving(place, "if os.fork() == 0: os.setsid(); stay()\n", false)
    }),
    Attack::engine("signals that are ignored", &[PidNs], |place| {
        let ignore = "for number in set(signal.valid_signals()) - {9, 19}:\n\
            \x20   try: signal.signal(number, signal.SIG_IGN)\n\
            \x20   except (OSError, ValueError): pass\n";
        outliving(place, &format!("{ignore}daemon(stay)\n"), false)
    }),
    Attack::engine("a process that has stopped itself", &[PidNs], |place| {
        let stop = "def stop():\n\
            \x20   null = os.open('/dev/null', os.O_RDWR)\n\
            \x20   for number in range(3): os.dup2(null, number)\n\
            \x20   os.execv('/bin/sh', ['sh', '-c', 'sleep \"$0\" & kill -STOP $!; kill -STOP $$', marker])\n";
        outliving(place, &format!("{stop}daemon(stop)\n"), false)
    }),
    Attack::engine("a chain that forks faster than it is killed", &[PidNs], |place| {
        let chain = "def chain():\n\
            \x20   null = os.open('/dev/null', os.O_RDWR)\n\
            \x20   for number in range(3): os.dup2(null, number)\n\
            \x20   for _ in range(300):\n\
            \x20       if os.fork(): os._exit(0)\n\
            \x20       os.setsid()\n\
            \x20   stay()\n";
        outliving(place, &format!("{chain}daemon(chain)\n"), false)
    }),
    Attack::engine("a daemon of a program that is killed", &[PidNs], |place| {
        outliving(
            place,
            "daemon(stay)\ntime.sleep(0.1)\nprint('ready', flush=True)\ntime.sleep(60)\n",
            true,
        )
    }),
];

/// Whether anything with the marker lives after the command has ended. It is ended here, where nothing else did.
fn outliving(place: &Place, script: &str, kill: bool) -> Outcome {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let marker = format!(
        "30.{}{:04}",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    );
    let script = format!("{PRELUDE}{script}");
    let (reader, running) = place.start_python(&script, &[&marker]);
    if kill {
        let mut said = String::new();
        BufReader::new(reader).read_line(&mut said).unwrap();
        if said != "ready\n" {
            return Outcome::NotAttempted(said);
        }
        running.kill();
    } else {
        running.wait();
    }
    let confined = place.cell.is_some();
    // In a Cell nothing may be left at once; without one the daemon may need a moment to become what is looked for.
    let deadline = Instant::now() + Duration::from_secs(if confined { 0 } else { 5 });
    loop {
        let left = with_marker(&marker);
        if !left.is_empty() {
            left.iter().for_each(|pid| end(*pid));
            return Outcome::Breached(format!("{} processes are left", left.len()));
        }
        if Instant::now() >= deadline {
            return Outcome::Stopped("nothing is left".to_owned());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn with_marker(marker: &str) -> Vec<i32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| {
            let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
            arguments
                .split(|byte| *byte == 0)
                .any(|argument| argument == marker.as_bytes())
        })
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .collect()
}

fn end(pid: i32) {
    // It may have ended since.
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
}
