//! Helpers that are made before a Cell needs them.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tidegate_confine::{Cell, Exit, Helpers};

use crate::project::{HELPER, Project, eventually};

/// A copy of the program, to know its processes by.
struct Copy {
    program: PathBuf,
    _folder: TempDir,
}

impl Copy {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().canonicalize().unwrap().join("helper");
        fs::copy(HELPER, &program).unwrap();
        Self {
            program,
            _folder: folder,
        }
    }

    /// Also those that a helper makes for itself.
    fn processes(&self) -> Vec<Pid> {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let of_it = entries
            .filter(|entry| fs::read_link(entry.path().join("exe")).is_ok_and(|program| program == self.program));
        of_it
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
            .collect()
    }

    /// The one that is a child of this process.
    fn helper(&self) -> Pid {
        let parent = format!("\nPPid:\t{}\n", std::process::id());
        let status = |pid: &Pid| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mut helpers = self.processes().into_iter().filter(|pid| status(pid).contains(&parent));
        let helper = helpers.next().expect("no helper");
        assert_eq!(helpers.next(), None);
        helper
    }
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
    let state = || fs::read_to_string(format!("/proc/{waiting}/stat")).unwrap_or_default();
    eventually("a dead helper", || state().contains(") Z "));
    let cell = Cell::start(&helpers, &project.spec()).unwrap();
    assert_eq!(project.shell(&cell, "cat file"), (Exit::Code(0), "file".to_owned()));
    assert_eq!(state(), "", "nobody has asked for its end");
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
