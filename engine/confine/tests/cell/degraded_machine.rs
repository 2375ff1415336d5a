//! The degraded level where it is meant for, on a machine without namespaces; and what it keeps from the host's processes.

use std::process::{Child as HostChild, Command as HostCommand, Stdio};

use tidegate_confine::{Cell, Exit, Level, StartError};

use crate::machines::{Denied, on_machine, without_namespaces};
use crate::project::{Project, eventually, helpers, is_running, marker, run};

const OK: Exit = Exit::Code(0);

#[test]
fn a_machine_without_namespaces_refuses_the_full_level_and_runs_this_one() {
    let project = Project::new(&[".env", "plain"]);
    let mut spec = project.spec();
    let (full, degraded) = on_machine(without_namespaces(), || {
        let full = Cell::start(&helpers(), &spec);
        spec.level = Level::Degraded;
        let cell = Cell::start(&helpers(), &spec).unwrap();
        (full, project.shell(&cell, "cat plain; cat .env || ls -A"))
    });
    let Err(StartError::Machine { why, .. }) = full else {
        panic!("{full:?}");
    };
    assert!(why.what.contains("namespaces"), "{why:?}");
    let (exit, output) = degraded;
    assert_eq!(exit, OK);
    assert!(
        output.starts_with("plain") && output.ends_with(".env\nplain\n"),
        "{output}"
    );
}

#[test]
fn without_landlock_there_is_no_such_level() {
    let project = Project::new(&[]);
    let mut spec = project.spec();
    spec.level = Level::Degraded;
    let denied = Denied::from([(libc::SYS_landlock_create_ruleset, Vec::new())]);
    let started = on_machine(denied, || Cell::start(&helpers(), &spec));
    let Err(StartError::Machine { why, .. }) = started else {
        panic!("{started:?}");
    };
    assert!(why.what.contains("Landlock 6"), "{why:?}");
}

/// A process of the host, of the same user.
struct Victim(HostChild);

impl Victim {
    fn start() -> Self {
        let mut command = HostCommand::new("/bin/sleep");
        Self(command.arg("1000").stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Each attempt is harmless to a process that sleeps, and would be a way to harm others.
const ATTEMPTS: &str = r#"
import ctypes, os, resource, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
pid = int(sys.argv[1])
def attempt(name, action):
    try: action(); print(name, 'done')
    except OSError as error: print(name, 'failed')
def call(*arguments):
    if libc.syscall(*[ctypes.c_long(a) for a in arguments]) == -1: raise OSError(ctypes.get_errno(), '')
attempt('signal', lambda: os.kill(pid, 0))
attempt('signal by descriptor', lambda: signal.pidfd_send_signal(os.pidfd_open(pid), 0))
attempt('limit', lambda: resource.prlimit(pid, resource.RLIMIT_CPU, resource.prlimit(pid, resource.RLIMIT_CPU)))
attempt('priority', lambda: os.setpriority(os.PRIO_PROCESS, pid, 1))
attempt('processors', lambda: os.sched_setaffinity(pid, os.sched_getaffinity(pid)))
attempt('scheduler', lambda: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0)))
attempt('memory', lambda: open('/proc/%d/mem' % pid).close())
attempt('environment', lambda: open('/proc/%d/environ' % pid).close())
attempt('arguments', lambda: open('/proc/%d/cmdline' % pid).close())
if os.uname().machine == 'x86_64':
    attempt('trace', lambda: call(101, 0x4206, pid, 0, 0))
    attempt('descriptor', lambda: call(438, os.pidfd_open(pid), 0, 0))
    attempt('shared memory', lambda: call(29, 0x7465, 4096, 0o1600))
    attempt('semaphores', lambda: call(64, 0x7465, 1, 0o1600))
    attempt('messages', lambda: call(68, 0x7465, 0o1600))
"#;

fn attempts(level: Level) -> Vec<(String, String)> {
    let victim = Victim::start();
    let project = Project::new(&[]);
    let cell = project.start(|spec| spec.level = level);
    let pid = victim.0.id().to_string();
    let (exit, output) = run(&cell, project.command("/usr/bin/python3", &["-c", ATTEMPTS, &pid]));
    assert_eq!(exit, OK, "{output}");
    output
        .lines()
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, result)| (name.to_owned(), result.to_owned()))
        .collect()
}

#[test]
fn processes_of_the_host_are_left_alone() {
    let confined = attempts(Level::Degraded);
    for (name, result) in &confined {
        assert_eq!(result, "failed", "{name}");
    }
    let plain = attempts(Level::Unconfined);
    assert_eq!(confined.len(), plain.len());
    for (name, result) in plain {
        assert_eq!(result, "done", "{name}");
    }
    remove_shared_memory();
}

/// What the unconfined attempts made outlives them, with a key that nothing else has.
fn remove_shared_memory() {
    let remove = "import subprocess\n\
        for table, flag in (('/proc/sysvipc/shm', '-m'), ('/proc/sysvipc/sem', '-s'), ('/proc/sysvipc/msg', '-q')):\n\
        \x20   for line in open(table).read().splitlines()[1:]:\n\
        \x20       key, number = line.split()[:2]\n\
        \x20       if key == str(0x7465): subprocess.run(['ipcrm', flag, number], check=True)";
    let status = HostCommand::new("/usr/bin/python3").args(["-c", remove]).status();
    assert!(status.unwrap().success());
}

#[test]
fn the_tree_ends_with_its_command_and_with_the_cell() {
    let project = Project::new(&[]);
    let cell = project.start(|spec| spec.level = Level::Degraded);
    let daemon = |marker: &str, then: &str| {
        let script = format!("trap '' TERM; (setsid setsid sleep {marker} >/dev/null 2>&1 &) ; sleep 0.5; {then}");
        cell.spawn(project.command("/bin/sh", &["-c", &script])).unwrap()
    };
    let [ended, killed, dropped] = [marker(), marker(), marker()];
    let with_command = daemon(&ended, "exit 7");
    assert_eq!(with_command.wait(), Exit::Code(7));
    assert!(!is_running(&ended));
    let (with_kill, with_cell) = (daemon(&killed, "sleep 1000"), daemon(&dropped, "sleep 1000"));
    eventually("the daemons run", || is_running(&killed) && is_running(&dropped));
    with_kill.kill();
    assert_eq!(with_kill.wait(), Exit::Signal(9));
    assert!(!is_running(&killed));
    eventually("the other daemon still runs", || is_running(&dropped));
    drop(cell);
    assert!(!is_running(&dropped));
    assert_eq!(with_cell.wait(), Exit::Signal(9));
}

#[test]
fn a_degraded_program_has_no_privileges() {
    let project = Project::new(&[]);
    let cell = project.start(|spec| spec.level = Level::Degraded);
    // The program's own /proc can't be opened; prctl and capget tell the same.
    let script = "import ctypes, os, struct\n\
        libc = ctypes.CDLL(None)\n\
        header, data = ctypes.create_string_buffer(struct.pack('Ii', 0x20080522, 0)), ctypes.create_string_buffer(24)\n\
        libc.capget(header, data)\n\
        print(any(data.raw), libc.prctl(39, 0, 0, 0, 0))\n\
        bounded = sum(libc.prctl(23, number, 0, 0, 0) == 1 for number in range(64))\n\
        print(bounded == 0 or os.getuid() != 0)";
    let result = run(&cell, project.command("/usr/bin/python3", &["-c", script]));
    assert_eq!(result, (OK, "False 1\nTrue\n".to_owned()));
}
