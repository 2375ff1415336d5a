//! How a run ends before its time, and what is left then: nothing.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::Project;

/// Above the grace period of these stages and far below what they would take.
const SOON: Duration = Duration::from_secs(30);

/// A program that prints a mark which no other process has, and stays.
fn sleeper(rest: &str) -> (Project, String) {
    let mark = format!("{}", 1_000_000 + std::process::id() as usize * 100 + rest.len());
    let manifest = format!(
        "[stages.it]\nuses = \"command\"\nwith = {{ program = \"sh\", args = [\"-c\", \"{rest} echo ready; sleep {mark}; true\"] }}\n\
         grant = {{ exec = [\"sh\"] }}\n"
    );
    (Project::of(&manifest), mark)
}

/// Processes of this machine that have `mark` among their arguments.
pub(crate) fn alive(mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if command.contains(mark) {
            found.push(command);
        }
    }
    found
}

/// The kernel takes a moment to end a tree of processes after its root was killed.
pub(crate) fn gone(mark: &str) -> bool {
    let deadline = Instant::now() + SOON;
    while Instant::now() < deadline {
        if alive(mark).is_empty() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

#[test]
fn ctrl_c_ends_a_program() {
    let (project, mark) = sleeper("");
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("ready");
    assert!(!alive(&mark).is_empty());
    running.signal(Signal::INT);
    let ran = running.end().code(130);
    assert_eq!(ran.outcomes(), ["it: cancelled"]);
    assert!(gone(&mark), "{:?}", alive(&mark));
    assert_eq!(project.left_in_temp(), [""; 0]);
    let show = project.run(["show"]).code(0).stdout();
    assert!(show.starts_with("project: cancelled in [time]\n"), "{show}");
}

#[test]
fn terminate_is_the_same() {
    let (project, mark) = sleeper(":;");
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("ready");
    running.signal(Signal::TERM);
    running.end().code(130);
    assert!(gone(&mark));
}

#[test]
fn a_second_ctrl_c_does_not_wait() {
    let manifest = crate::steps(&["log ready", "spin"])
        + "stop-grace = \"10m\"\n[stages.next]\nuses = \"probe.wasm\"\nneeds = [\"it\"]\nwith = { steps = [] }\n";
    let project = Project::of(&manifest);
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("ready");
    running.signal(Signal::INT);
    // Two signals at once are one; what has not started is skipped when the first has arrived.
    running.until(|event| event["stage"] == "next" && event["outcome"] == "skipped");
    let between = Instant::now();
    running.signal(Signal::INT);
    let ran = running.end().code(130);
    assert!(between.elapsed() < SOON);
    assert_eq!(ran.of_events("run-finished", "outcome"), ["cancelled"]);
    assert_eq!(project.left_in_temp(), [""; 0]);
}

#[test]
fn a_program_that_ignores_signals_is_gone_too() {
    let (project, mark) = sleeper("trap '' TERM INT HUP;");
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("ready");
    running.signal(Signal::INT);
    running.end().code(130);
    assert!(gone(&mark));
}

#[test]
fn a_program_in_the_background_ends_with_its_stage() {
    let mark = format!("{}", 2_000_000 + std::process::id());
    let manifest = format!(
        "[stages.it]\nuses = \"command\"\nwith = {{ program = \"sh\", args = [\"-c\", \"setsid sleep {mark} >/dev/null 2>&1 & exit 0\"] }}\n\
         grant = {{ exec = [\"sh\"] }}\n"
    );
    Project::of(&manifest).run(["run"]).code(0);
    assert!(gone(&mark));
}

#[test]
fn killing_the_engine_leaves_no_program() {
    let (project, mark) = sleeper("true;");
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("ready");
    running.signal(Signal::KILL);
    running.end();
    assert!(gone(&mark), "{:?}", alive(&mark));
    let runs = project.run(["runs"]).code(0).stdout();
    assert!(runs.starts_with("… unfinished"), "{runs}");
}

#[test]
fn a_stage_that_listens_ends_by_itself() {
    let manifest = crate::steps(&["log ready", "wait-stop", "log tidied up"]) + "stop-grace = \"10m\"\n";
    let project = Project::of(&manifest);
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("ready");
    running.signal(Signal::INT);
    let ran = running.end().code(130);
    assert_eq!(ran.logged(), ["ready", "tidied up"]);
}

#[test]
fn a_stage_that_does_not_listen_is_gone_after_its_grace() {
    let manifest = crate::steps(&["log ready", "spin"]) + "stop-grace = \"50ms\"\n";
    let project = Project::of(&manifest);
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("ready");
    let before = Instant::now();
    running.signal(Signal::INT);
    let ran = running.end().code(130);
    assert!(before.elapsed() < SOON);
    assert_eq!(ran.outcomes(), ["it: cancelled"]);
}

/// The program takes its share of a short grace and leaves the stage the other half.
#[test]
fn a_stage_has_a_turn_after_its_program() {
    let run = "end sh -c trap '' TERM; echo ready; while :; do sleep 1; done";
    let manifest = format!(
        "[stages.it]\nuses = \"probe.wasm\"\nstop-grace = \"1900ms\"\n\
         with = {{ asks = [\"exec sh\"], steps = [{run:?}, \"log tidied up\"] }}\ngrant = {{ exec = [\"sh\"] }}\n"
    );
    let project = Project::of(&manifest);
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("ready");
    running.signal(Signal::INT);
    let ran = running.end().code(130);
    assert_eq!(ran.logged(), ["ready", "ended: was stopped with the run", "tidied up"]);
}

#[test]
fn what_has_not_started_is_skipped() {
    let manifest = crate::steps(&["log ready", "wait-stop"])
        + "[stages.next]\nuses = \"probe.wasm\"\nneeds = [\"it\"]\nwith = { steps = [] }\n";
    let project = Project::of(&manifest);
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("ready");
    running.signal(Signal::INT);
    let ran = running.end().code(130);
    assert!(ran.outcomes().contains(&"next: skipped".to_owned()));
    assert_eq!(ran.message_of("next"), "the run was cancelled");
}

#[test]
fn a_timeout_ends_a_program() {
    let (project, mark) = sleeper("false;");
    let manifest = fs::read_to_string(project.path("tidegate.toml")).unwrap() + "timeout = \"1s\"\n";
    let project = project.file("tidegate.toml", manifest);
    let ran = project.run(["run", "--format", "json"]).code(4);
    assert_eq!(ran.outcomes(), ["it: timed-out"]);
    assert!(gone(&mark));
    assert_eq!(project.left_in_temp(), [""; 0]);
}

#[test]
fn a_terminal_that_goes_away_ends_a_run_unless_it_was_to_be_ignored() {
    let manifest = crate::steps(&["log ready", "wait-for meet/go", "log done"]) + "grant = { write = [\"meet\"] }\n";
    let project = Project::of(&manifest);
    let mut running = project.start_ignoring_hangup(["run", "--format", "json"]);
    running.until_logged("ready");
    running.signal(Signal::HUP);
    let project = project.file("meet/go", "");
    assert_eq!(running.end().code(0).outcomes(), ["it: passed"]);

    fs::remove_file(project.path("meet/go")).unwrap();
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("ready");
    running.signal(Signal::HUP);
    running.end().code(130);
}

/// Whatever a stage would do first, it is told before that the run is over.
#[test]
fn ctrl_c_before_a_stage_has_begun() {
    let (project, mark) = sleeper("");
    let started = Instant::now();
    let running = project.start(["run", "--format", "json"]);
    std::thread::sleep(Duration::from_millis(25));
    running.signal(Signal::INT);
    running.end();
    // Far below the grace of five seconds.
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert!(gone(&mark), "{:?}", alive(&mark));
}

#[test]
fn what_a_killed_engine_left_is_removed_by_a_later_run() {
    let (project, mark) = sleeper("");
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("ready");
    running.signal(Signal::KILL);
    assert!(gone(&mark), "{:?}", alive(&mark));
    let left = project.left_in_temp();
    assert_eq!(left.len(), 1, "{left:?}");
    let folder = project.path("../tmp").join(&left[0]);
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(3_600);
    fs::File::open(&folder).unwrap().set_modified(long_ago).unwrap();
    let next = project.file("tidegate.toml", crate::steps(&["log next"]));
    let deadline = Instant::now() + SOON;
    // A run does not wait for it.
    while folder.exists() && Instant::now() < deadline {
        next.run(["run"]).code(0);
    }
    assert_eq!(next.left_in_temp(), [""; 0]);
}
