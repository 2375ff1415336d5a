//! Helpers that are made before a Cell needs them.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tidegate_confine::{Cell, Exit, Helpers};

use crate::project::{HELPER, Project, eventually};

/// A copy of the program under a name of its own, to know its processes by.
struct Copy {
    program: PathBuf,
    /// At most 15 bytes, as the kernel keeps it.
    name: String,
    _folder: TempDir,
}

impl Copy {
    fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let name = format!("h{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().canonicalize().unwrap().join(&name);
        fs::copy(HELPER, &program).unwrap();
        Self {
            program,
            name,
            _folder: folder,
        }
    }

    /// Also those that a helper makes for itself, and those that have ended and that nobody has asked for their end.
    fn processes(&self) -> Vec<Pid> {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let of_it = entries.filter(|entry| {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            name.trim_end() == self.name
        });
        of_it
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
            .collect()
    }

    fn children_of(&self, parent: Pid) -> Vec<Pid> {
        let line = format!("\nPPid:\t{parent}\n");
        let status = |pid: &Pid| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mut children = self.processes();
        children.retain(|pid| status(pid).contains(&line));
        children
    }

    /// The one that is a child of this process.
    fn helper(&self) -> Pid {
        let helpers = || self.children_of(nix::unistd::getpid());
        // For a moment it still has its parent's name.
        eventually("one helper", || helpers().len() == 1);
        helpers()[0]
    }

    /// Those that hold the namespaces, once all are there.
    fn holders(&self) -> Vec<Pid> {
        let count = if nix::unistd::geteuid().is_root() { 2 } else { 1 };
        eventually("namespaces", || {
            let holders = self.children_of(self.helper());
            holders.len() == count && holders.into_iter().all(is_waiting)
        });
        self.children_of(self.helper())
    }
}

fn has_ended(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

/// It has said that all is made, and reads.
fn is_waiting(pid: Pid) -> bool {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    call.starts_with(&format!("{} ", libc::SYS_recvfrom))
}

#[test]
fn a_cell_takes_the_helper_that_waits_and_no_second_one_is_made_beside() {
    let (copy, project) = (Copy::new(), Project::new(&["file"]));
    let helpers = Helpers::of(&copy.program);
    assert_eq!(copy.processes(), []);
    helpers.prepare();
    let waiting = copy.helper();
    helpers.clone().prepare();
    assert_eq!(copy.helper(), waiting);
    let cell = Cell::start(&helpers, &project.spec()).unwrap();
    assert_eq!(copy.helper(), waiting);
    assert_eq!(project.shell(&cell, "cat file"), (Exit::Code(0), "file".to_owned()));
    let other = Cell::start(&helpers, &project.spec()).unwrap();
    assert_eq!(project.shell(&other, "cat file"), (Exit::Code(0), "file".to_owned()));
    drop((cell, other));
    assert_eq!(copy.processes(), []);
}

/// At every level: what it made for another one is gone.
#[test]
fn what_a_helper_made_ahead_is_no_part_of_a_lower_level() {
    let (copy, project) = (Copy::new(), Project::new(&[]));
    let helpers = Helpers::of(&copy.program);
    for level in [tidegate_confine::Level::Degraded, tidegate_confine::Level::Unconfined] {
        helpers.prepare();
        let mut spec = project.spec();
        spec.level = level;
        let cell = Cell::start(&helpers, &spec).unwrap();
        assert_eq!(copy.processes(), [copy.helper()], "{level:?}");
        let (exit, namespaces) = project.shell(&cell, "readlink /proc/self/ns/user /proc/self/ns/net");
        let own = ["user", "net"].map(|name| fs::read_link(format!("/proc/self/ns/{name}")).unwrap());
        let own = format!("{}\n{}\n", own[0].display(), own[1].display());
        assert_eq!((exit, namespaces), (Exit::Code(0), own), "{level:?}");
    }
}

#[test]
fn a_helper_that_died_while_it_waited_is_replaced() {
    let (copy, project) = (Copy::new(), Project::new(&["file"]));
    let helpers = Helpers::of(&copy.program);
    helpers.prepare();
    let waiting = copy.helper();
    kill(waiting, Signal::SIGKILL).unwrap();
    eventually("a dead helper", || has_ended(waiting));
    let cell = Cell::start(&helpers, &project.spec()).unwrap();
    assert_eq!(project.shell(&cell, "cat file"), (Exit::Code(0), "file".to_owned()));
    assert!(!copy.processes().contains(&waiting), "nobody has asked for its end");
}

/// As the kernel may for want of memory: what they held is made again.
#[test]
fn namespaces_that_are_gone_when_they_are_needed_are_made_again() {
    let (copy, project) = (Copy::new(), Project::new(&["file"]));
    let helpers = Helpers::of(&copy.program);
    helpers.prepare();
    let expected = project.start(|_| {});
    let expected = std::mem::discriminant(expected.ids());
    for holder in copy.holders() {
        kill(holder, Signal::SIGKILL).unwrap();
        eventually("the end", || has_ended(holder));
    }
    let cell = Cell::start(&helpers, &project.spec()).unwrap();
    assert_eq!(std::mem::discriminant(cell.ids()), expected, "{:?}", cell.ids());
    assert_eq!(project.shell(&cell, "cat file"), (Exit::Code(0), "file".to_owned()));
    drop(cell);
    assert_eq!(copy.processes(), []);
}

#[test]
fn who_holds_namespaces_holds_nothing_up() {
    let (copy, project) = (Copy::new(), Project::new(&["file"]));
    let helpers = Helpers::of(&copy.program);
    helpers.prepare();
    let stop = |holders: Vec<Pid>| {
        holders
            .into_iter()
            .for_each(|holder| kill(holder, Signal::SIGSTOP).unwrap())
    };
    stop(copy.holders());
    let begin = Instant::now();
    let cell = Cell::start(&helpers, &project.spec()).unwrap();
    assert_eq!(project.shell(&cell, "cat file"), (Exit::Code(0), "file".to_owned()));
    drop(cell);
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert_eq!(copy.processes(), []);
    helpers.prepare();
    stop(copy.holders());
    kill(copy.helper(), Signal::SIGKILL).unwrap();
    // Whoever inherits them may take its time to ask for their end.
    eventually("the end of those who held", || {
        copy.processes().into_iter().all(has_ended)
    });
    helpers.prepare();
    assert!(!has_ended(copy.helper()), "a helper that is dead still waits");
}

#[test]
fn a_helper_that_nobody_took_ends_with_the_last_who_could() {
    let copy = Copy::new();
    let helpers = Helpers::of(&copy.program);
    let clone = helpers.clone();
    helpers.prepare();
    drop(helpers);
    copy.helper();
    drop(clone);
    assert_eq!(copy.processes(), []);
}

/// As when the engine is killed: nobody is there to end it.
#[test]
fn a_helper_ends_with_its_socket() {
    let copy = Copy::new();
    let (engine, theirs) = UnixStream::pair().unwrap();
    let mut command = Command::new(&copy.program);
    command.arg("__tidegate-cell").env_clear();
    let mut helper = command.stdin(std::os::fd::OwnedFd::from(theirs)).spawn().unwrap();
    // It holds a copy of the other end.
    drop(command);
    std::thread::sleep(Duration::from_millis(20));
    assert!(helper.try_wait().unwrap().is_none());
    drop(engine);
    assert_eq!(helper.wait().unwrap().code(), Some(0));
    eventually("the end of all that it made", || copy.processes().is_empty());
}
