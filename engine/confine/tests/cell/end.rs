use std::process::Command as HostCommand;

use tidegate_confine::{Command, Exit};

use crate::project::{HELPER, Project, eventually, is_running, marker};

/// A shell that puts a daemon into the background, out of its session and its process group.
fn with_daemon(project: &Project, marker: &str, then: &str) -> Command {
    project.command(
        "/bin/sh",
        &[
            "-c",
            &format!("(setsid setsid sleep {marker} >/dev/null 2>&1 &) ; sleep 0.05; {then}"),
        ],
    )
}

#[test]
fn a_daemon_ends_with_its_command() {
    let project = Project::new(&[]);
    let marker = marker();
    let cell = project.start(|_| {});
    let until_told = "while ! test -e \"$HOME/end\"; do sleep 0.01; done; exit 7";
    let child = cell.spawn(with_daemon(&project, &marker, until_told)).unwrap();
    eventually("the daemon runs", || is_running(&marker));
    std::fs::write(project.scratch.path().join("home/end"), "").unwrap();
    assert_eq!(child.wait(), Exit::Code(7));
    assert!(!is_running(&marker));
}

#[test]
fn killing_a_child_ends_all_of_it_and_nothing_else() {
    let project = Project::new(&[]);
    let (one, two) = (marker(), marker());
    let cell = project.start(|_| {});
    let killed = cell
        .spawn(with_daemon(&project, &one, "trap '' TERM INT HUP; sleep 1000"))
        .unwrap();
    let other = cell.spawn(with_daemon(&project, &two, "sleep 1000")).unwrap();
    eventually("the daemons run", || is_running(&one) && is_running(&two));
    killed.kill();
    assert_eq!(killed.wait(), Exit::Signal(9));
    assert!(!is_running(&one));
    // A process in the middle of `exec` has no arguments for a moment.
    eventually("the other daemon still runs", || is_running(&two));
    assert_eq!(other.try_wait(), None);
    drop(other);
    eventually("dropping a child ends it", || !is_running(&two));
}

#[test]
fn terminate_asks_the_programs_group() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let polite = cell
        .spawn(project.command(
            "/bin/sh",
            &["-c", "trap 'exit 3' TERM; touch ready; while :; do sleep 0.01; done"],
        ))
        .unwrap();
    eventually("the trap is set", || cell.view().open("ready".as_ref()).is_ok());
    polite.terminate(15);
    assert_eq!(polite.wait(), Exit::Code(3));
    let plain = cell.spawn(project.command("/bin/sleep", &["1000"])).unwrap();
    plain.terminate(15);
    assert_eq!(plain.wait(), Exit::Signal(15));
}

#[test]
fn dropping_the_cell_ends_everything_before_it_returns() {
    let project = Project::new(&[]);
    let marker = marker();
    let cell = project.start(|_| {});
    let child = cell.spawn(with_daemon(&project, &marker, "sleep 1000")).unwrap();
    eventually("the daemon runs", || is_running(&marker));
    drop(cell);
    assert!(!is_running(&marker));
    assert_eq!(child.wait(), Exit::Signal(9));
}

#[test]
fn an_engine_that_is_killed_takes_everything_with_it() {
    killed_engine(&[]);
}

#[test]
fn an_engine_that_is_killed_takes_an_unconfined_tree_with_it() {
    killed_engine(&["--unconfined"]);
}

#[test]
fn an_engine_that_is_killed_takes_a_degraded_tree_with_it() {
    killed_engine(&["--degraded"]);
}

fn killed_engine(options: &[&str]) {
    let project = Project::new(&[]);
    let marker = marker();
    let script = format!("(setsid setsid sleep {marker} >/dev/null 2>&1 &) ; trap '' TERM HUP INT; sleep {marker}");
    let mut engine = HostCommand::new(HELPER)
        .args(options)
        .args(["--", "/bin/sh", "-c", &script])
        .env("TMPDIR", project.scratch.path())
        .current_dir(project.workspace.path())
        .spawn()
        .unwrap();
    eventually("the daemon runs", || is_running(&marker));
    engine.kill().unwrap();
    engine.wait().unwrap();
    eventually("everything has ended", || !is_running(&marker));
}

#[test]
fn a_killed_helper_takes_everything_with_it() {
    let project = Project::new(&[]);
    let marker = marker();
    let cell = project.start(|_| {});
    let child = cell.spawn(with_daemon(&project, &marker, "sleep 1000")).unwrap();
    eventually("the daemon runs", || is_running(&marker));
    let own = std::process::id().to_string();
    let helper = std::fs::read_dir("/proc").unwrap().flatten().find(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let cmdline = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        let is_ours = stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.split(' ').nth(1) == Some(own.as_str()));
        is_ours && cmdline.contains("__tidegate-cell") && {
            let open = std::fs::read_dir(entry.path().join("task")).unwrap();
            open.flatten().any(|task| {
                let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
                children.split_whitespace().any(|init| descends(init, &marker))
            })
        }
    });
    let helper: i32 = helper
        .expect("the cell's helper")
        .file_name()
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(helper), nix::sys::signal::Signal::SIGKILL).unwrap();
    assert_eq!(child.wait(), Exit::Signal(9));
    eventually("everything has ended", || !is_running(&marker));
}

/// Whether the process's own children include a shell with the marker in its script.
fn descends(init: &str, marker: &str) -> bool {
    let children = std::fs::read_to_string(format!("/proc/{init}/task/{init}/children")).unwrap_or_default();
    children.split_whitespace().any(|child| {
        std::fs::read_to_string(format!("/proc/{child}/cmdline"))
            .unwrap_or_default()
            .contains(marker)
    })
}
