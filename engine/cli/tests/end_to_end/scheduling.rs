//! Which stages run, when, and beside which others.

use crate::support::Project;

const CHAIN: &str = r#"
    [stages.build]
    uses = "probe.wasm"
    with = { steps = [] }
    [stages.test]
    uses = "probe.wasm"
    needs = ["build"]
    with = { steps = ["fail no"] }
    [stages.deploy]
    uses = "probe.wasm"
    needs = ["test"]
    with = { steps = [] }
    [stages.docs]
    uses = "probe.wasm"
    needs = ["build"]
    with = { steps = [] }
"#;

fn outcomes(project: &Project, arguments: &[&str], code: i32) -> Vec<String> {
    let arguments = ["run", "--format", "json", "--jobs", "1"].iter().chain(arguments);
    project.run(arguments).code(code).outcomes()
}

#[test]
fn after_a_failure_nothing_more_is_started() {
    let project = Project::of(CHAIN);
    assert_eq!(
        outcomes(&project, &[], 1),
        ["build: passed", "test: failed", "deploy: skipped", "docs: skipped"]
    );
}

#[test]
fn keep_going_runs_what_does_not_need_the_failed_one() {
    let project = Project::of(CHAIN);
    let ran = project
        .run(["run", "--keep-going", "--format", "json", "--jobs", "1"])
        .code(1);
    assert_eq!(
        ran.outcomes(),
        ["build: passed", "test: failed", "deploy: skipped", "docs: passed"]
    );
    assert_eq!(ran.message_of("deploy"), "it needs test, which did not pass");
}

#[test]
fn a_named_stage_brings_what_it_needs_and_no_more() {
    let project = Project::of(CHAIN);
    assert_eq!(outcomes(&project, &["docs"], 0), ["build: passed", "docs: passed"]);
    assert_eq!(outcomes(&project, &["docs", "--no-needs"], 0), ["docs: passed"]);
    assert_eq!(
        outcomes(&project, &["deploy", "--skip", "test"], 0),
        ["build: passed", "deploy: passed"]
    );
    assert_eq!(
        outcomes(&project, &["--skip", "test"], 0),
        ["build: passed", "deploy: passed", "docs: passed"]
    );
}

#[test]
fn a_stage_that_was_skipped_skips_those_that_need_it() {
    let manifest = CHAIN.replace(
        r#"with = { steps = ["fail no"] }"#,
        "with = { steps = [] }\nwhen = \"branch == 'main'\"",
    );
    let ran = Project::of(&manifest)
        .run(["run", "--format", "json", "--jobs", "1"])
        .code(0);
    assert_eq!(
        ran.outcomes(),
        ["build: passed", "test: skipped", "deploy: skipped", "docs: passed"]
    );
    assert_eq!(ran.message_of("test"), "`when` says no: branch == 'main'");
    assert_eq!(ran.message_of("deploy"), "it needs test, which was skipped");
}

/// Each waits for a file that only the other writes: they end when they run at the same time, and only then.
const MEETING: &str = r#"
    [stages.left]
    uses = "probe.wasm"
    with = { steps = ["write meet/left", "wait-for meet/right"], asks = ["write meet"] }
    grant = { write = ["meet"] }
    timeout = "60s"
    [stages.right]
    uses = "probe.wasm"
    with = { steps = ["write meet/right", "wait-for meet/left"], asks = ["write meet"] }
    grant = { write = ["meet"] }
    timeout = "60s"
"#;

#[test]
fn two_jobs_overlap() {
    let ran = Project::of(MEETING)
        .run(["run", "--jobs", "2", "--format", "json"])
        .code(0);
    assert_eq!(ran.outcomes().len(), 2);
}

#[test]
fn one_job_does_not_overlap() {
    let manifest = MEETING.replace("60s", "200ms");
    let ran = Project::of(&manifest)
        .run(["run", "--jobs", "1", "--keep-going", "--format", "json"])
        .code(4);
    // The second finds the file that the first has left.
    assert_eq!(ran.outcomes(), ["left: timed-out", "right: passed"]);
    let kinds: Vec<_> = ran
        .events()
        .iter()
        .map(|event| event["event"].as_str().unwrap().to_owned())
        .filter(|kind| kind.starts_with("stage-"))
        .collect();
    assert_eq!(
        kinds,
        ["stage-started", "stage-finished", "stage-started", "stage-finished"]
    );
}

#[test]
fn a_dry_run_has_no_effect() {
    let manifest = "[stages.it]\nuses = \"command\"\nwith = { program = \"sh\", args = [\"-c\", \"touch out/made\"] }\n\
                    grant = { exec = [\"sh\"], write = [\"out\"] }\n";
    let project = Project::of(manifest);
    let ran = project.run(["run", "--dry-run", "--format", "json"]).code(0);
    assert_eq!(ran.logged(), ["would run: sh -c 'touch out/made'"]);
    assert!(!project.path("out/made").exists());
    project.run(["run"]).code(0);
    assert!(project.path("out/made").exists());
}
