use std::fs;
use std::path::Path;

use tidegate_confine::{Exit, Level};

use crate::project::{Project, eventually, is_running, marker};

#[test]
fn programs_see_the_host_and_leave_nothing_behind() {
    let project = Project::new(&["file", ".env"]);
    let marker = marker();
    let cell = project.start(|spec| {
        spec.level = Level::Unconfined;
        spec.write = vec!["made".into()];
    });
    assert_eq!(
        project.shell(&cell, "cat .env; echo x > real"),
        (Exit::Code(0), ".env".to_owned())
    );
    assert_eq!(fs::read_to_string(project.path("real")).unwrap(), "x\n");
    assert!(project.path("made").is_dir());
    assert!(cell.view().open(Path::new("file")).is_ok());
    let daemon = format!("(setsid setsid sleep {marker} >/dev/null 2>&1 &) ; sleep 0.05; exit 5");
    assert_eq!(
        cell.spawn(project.command("/bin/sh", &["-c", &daemon])).unwrap().wait(),
        Exit::Code(5)
    );
    assert!(!is_running(&marker));
}

#[test]
fn kill_and_drop_end_the_tree() {
    let project = Project::new(&[]);
    let (one, two) = (marker(), marker());
    let cell = project.start(|spec| spec.level = Level::Unconfined);
    let spawn = |marker: &str| {
        let script = format!("trap '' TERM; (setsid setsid sleep {marker} >/dev/null 2>&1 &) ; sleep 1000");
        cell.spawn(project.command("/bin/sh", &["-c", &script])).unwrap()
    };
    let (killed, dropped) = (spawn(&one), spawn(&two));
    eventually("the daemons run", || is_running(&one) && is_running(&two));
    killed.kill();
    assert_eq!(killed.wait(), Exit::Signal(9));
    assert!(!is_running(&one));
    // A process in the middle of `exec` has no arguments for a moment.
    eventually("the other daemon still runs", || is_running(&two));
    drop(cell);
    assert!(!is_running(&two));
    assert_eq!(dropped.wait(), Exit::Signal(9));
}
