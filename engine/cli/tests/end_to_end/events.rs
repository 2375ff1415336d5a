//! `--format json` and `--events FILE`.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::support::Project;

const TALKATIVE: &str = r#"
    [stages.first]
    uses = "probe.wasm"
    with = { steps = ["log hello", "print from stdout", "finding bad", "test test_total", "progress halfway", "metric time", "summary # Report", "output answer 42", "keep app.py", "reveal token"], asks = ["secrets token"] }
    grant = { secrets = ["token"] }
    [stages.second]
    uses = "command"
    needs = ["first"]
    with = { program = "echo", args = ["hi"] }
    grant = { exec = ["echo"] }
"#;

fn project() -> Project {
    Project::of(TALKATIVE)
        .file("app.py", "print(1)\n")
        .config("[secrets.token]\nenv = \"TOKEN\"\n")
        .env("TOKEN", "a-long-token")
}

#[test]
fn each_line_is_an_event_with_its_time_and_nothing_else_is_there() {
    let ran = project().run(["run", "--format", "json", "-v"]).code(0);
    assert_eq!(ran.stderr(), "");
    let events = ran.events();
    for event in &events {
        assert!(event["event"].is_string(), "{event}");
        let time = event["time"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{event}");
    }
    let kinds: BTreeSet<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let expected = [
        "artifact",
        "finding",
        "log",
        "metric",
        "output",
        "progress",
        "run-finished",
        "run-started",
        "secret-read",
        "stage-finished",
        "stage-started",
        "summary",
        "test",
    ];
    assert_eq!(kinds, BTreeSet::from(expected));
    assert_eq!(events[0]["event"], "run-started");
    assert_eq!(events.last().unwrap()["event"], "run-finished");
}

#[test]
fn fields_that_are_promised() {
    let ran = project().run(["run", "--format", "json"]).code(0);
    for finished in ran.events().iter().filter(|event| event["event"] == "stage-finished") {
        assert!(finished["duration_ms"].is_u64(), "{finished}");
        assert_eq!(finished["outcome"], "passed");
    }
    let run = ran.of_events("run-finished", "run");
    assert_eq!(run, ran.of_events("run-started", "run"));
    assert_eq!(ran.of_events("run-finished", "outcome"), ["passed"]);
    assert_eq!(ran.of_events("output", "value"), ["42", "0"]);
    assert_eq!(
        ran.of_events("finding", "location"),
        [r#"{"column":null,"line":7,"path":"app.py"}"#]
    );
    assert_eq!(ran.of_events("stage-started", "confinement"), ["none", "full"]);
    assert_eq!(ran.of_events("run-started", "not_enforced"), ["[]"]);
}

#[test]
fn a_file_holds_the_same_events() {
    let project = project();
    let ran = project
        .run(["run", "--format", "json", "--events", "../events.jsonl"])
        .code(0);
    let file = fs::read_to_string(project.path("../events.jsonl")).unwrap();
    assert_eq!(file, ran.raw());
    project.run(["run", "--quiet", "--events", "../human.jsonl"]).code(0);
    assert_eq!(
        fs::read_to_string(project.path("../human.jsonl"))
            .unwrap()
            .lines()
            .count(),
        file.lines().count()
    );
}

#[test]
fn a_file_that_can_not_be_written() {
    let said = project()
        .run(["run", "--events", "no/where.jsonl"])
        .code(2)
        .only_stderr();
    insta::assert_snapshot!(said, @"error: no/where.jsonl: No such file or directory (os error 2)");
}

#[test]
fn mistakes_are_not_on_stdout() {
    let project = Project::of("[stages.a]\nuses = \"none\"\n");
    let ran = project.run(["run", "--format", "json"]).code(2);
    assert!(
        ran.only_stderr()
            .contains("there is no standard stage or plugin `none`")
    );
}

/// A stage that lets go of a program: the program is gone, and with it all that it would have said.
fn letting_go(script: &str) -> String {
    format!(
        "[stages.it]\nuses = \"probe.wasm\"\nwith = {{ asks = [\"exec sh\"], steps = [{:?}] }}\n\
         grant = {{ exec = [\"sh\"] }}\n\
         [stages.next]\nuses = \"command\"\nneeds = [\"it\"]\nwith = {{ program = \"sleep\", args = [\"1\"] }}\n\
         grant = {{ exec = [\"sleep\"] }}\n",
        format!("leave sh -c {script}")
    )
}

#[test]
fn nothing_of_a_stage_comes_after_its_end() {
    let manifest = letting_go("touch $TMPDIR/left; exec yes");
    let ran = Project::of(&manifest).run(["run", "--format", "json"]).code(0);
    let events = ran.events();
    let is_end = |event: &Value| event["event"] == "stage-finished" && event["stage"] == "it";
    let end = events.iter().position(is_end).unwrap();
    let late: Vec<_> = events[end + 1..]
        .iter()
        .filter(|event| event["stage"] == "it")
        .collect();
    assert!(late.is_empty(), "{late:?}");
}

#[test]
fn what_a_program_said_before_it_was_let_go_is_there() {
    let manifest = letting_go("seq 1 5000; touch $TMPDIR/left; exec sleep 600");
    let logged = Project::of(&manifest).run(["run", "--format", "json"]).code(0).logged();
    let numbers: Vec<_> = (1..=5000).map(|number| number.to_string()).collect();
    // The last line is that of the next stage.
    assert!(logged[..logged.len() - 1] == numbers, "{} lines", logged.len());
}
