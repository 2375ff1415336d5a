//! What is kept of a run: `runs`, `show`, `logs`.

use insta::assert_snapshot;

use crate::steps;
use crate::support::Project;

const RED: &str = r#"
    [stages.lint]
    uses = "probe.wasm"
    with = { steps = ["log looking", "finding `print` in app.py"] }
    [stages.test]
    uses = "probe.wasm"
    needs = ["lint"]
    with = { steps = ["debug a detail", "test test_total", "fail one test is red\nsecond line"] }
    [stages.deploy]
    uses = "probe.wasm"
    needs = ["test"]
    with = { steps = [] }
"#;

#[test]
fn after_two_runs() {
    let project = Project::of(RED);
    project.run(["run"]).code(1);
    project.run(["run", "lint", "--dry-run"]).code(0);
    let runs = project.run(["runs"]).code(0);
    assert_snapshot!(runs.only_stdout(), @"
    ✓ passed [time]  [when]                   (dry run) [run]
    ✗ failed [time]  [when]                   [run]
    ");
    let raw = runs.raw();
    let first = raw.lines().nth(1).unwrap().split_whitespace().last().unwrap();
    assert_snapshot!(project.run(["show", first]).code(0).only_stdout(), @"
    project: failed in [time]
    started [when] UTC, run [run]

      ✓ lint    passed [time]
      ✗ test    failed [time]  one test is red
      - deploy  skipped                    it needs test, which did not pass

    lint error: app.py:7: `print` in app.py [probe/found]
      `print` in app.py

    1 test, 1 failed

    test failed: suite::test_total
      test_total
    ");
    assert_snapshot!(project.run(["logs", &first[..9]]).code(0).only_stdout(), @"
    lint looking
    test a detail
    ");
    assert_snapshot!(project.run(["logs", first, "test", "-v"]).code(0).only_stdout(), @"a detail");
    assert_snapshot!(project.run(["logs", first, "build"]).code(2).only_stderr(), @"
    error: the run [run] has no stage `build`

    hint: it has lint, test, deploy
    ");
    assert_snapshot!(project.run(["show", "zzz"]).code(2).only_stderr(), @"
    error: there is no run `zzz`

    hint: `tidegate runs` lists them
    ");
    assert_snapshot!(project.run(["logs", first, "deploy"]).code(0).only_stderr(), @"deploy has no log: it was skipped, because it needs test, which did not pass");
    assert_eq!(project.run(["runs", "-n", "1"]).code(0).stdout().lines().count(), 1);
}

#[test]
fn before_any_run() {
    let project = Project::of(&steps(&[]));
    for command in ["runs", "show", "logs"] {
        let said = project.run([command]).code(2).only_stderr();
        assert_eq!(
            said,
            "error: this project has had no run\n\nhint: `tidegate run` makes one\n"
        );
    }
}

#[test]
fn programs_output_is_in_the_log() {
    let manifest = "[stages.it]\nuses = \"command\"\nwith = { program = \"echo\", args = [\"from a program\"] }\n\
                    grant = { exec = [\"echo\"] }\n";
    let project = Project::of(manifest);
    project.run(["run"]).code(0);
    assert_snapshot!(project.run(["logs", "-v"]).code(0).only_stdout(), @"
    it running: echo 'from a program'
    it runs echo 'from a program'
    it from a program
    ");
}
