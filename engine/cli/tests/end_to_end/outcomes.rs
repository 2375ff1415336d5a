//! How a stage can end, what is said about it, and the exit code.

use insta::assert_snapshot;

use crate::steps;
use crate::support::Project;

fn run(manifest: &str, code: i32) -> String {
    Project::of(manifest).run(["run"]).code(code).only_stderr()
}

#[test]
fn passed() {
    assert_snapshot!(run(&steps(&["log hello", "print from stdout"]), 0), @"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it hello
      it from stdout
      it ✓ passed [time]

      ✓ it  passed [time]
    passed in [time]
    ");
}

#[test]
fn failed() {
    assert_snapshot!(run(&steps(&["debug a detail", "fail two tests\nare red"]), 1), @"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it the last lines of its log:
      it │ a detail
      it ✗ failed [time]: two tests
      it   are red

      ✗ it  failed [time]  two tests
    failed in [time]
    the whole log: tidegate logs [run]
    ");
}

#[test]
fn unavailable() {
    assert_snapshot!(run(&steps(&["unavailable the index does not answer"]), 1), @"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it ✗ unavailable [time]: the index does not answer

      ✗ it  unavailable [time]  the index does not answer
    unavailable in [time]
    the whole log: tidegate logs [run]
    ");
}

#[test]
fn misconfigured() {
    assert_snapshot!(run(&steps(&["misconfigured there is no settings module"]), 2), @"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it ✗ misconfigured [time]: there is no settings module

      ✗ it  misconfigured [time]  there is no settings module
    misconfigured in [time]
    the whole log: tidegate logs [run]
    ");
}

#[test]
fn denied() {
    assert_snapshot!(run(&steps(&["run sh -c true"]), 3), @r#"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it ✗ denied [time]: not granted: `process` is not granted to this stage; its
         manifest would say exec = ["sh"]

      ✗ it  denied [time]
          not granted: `process` is not granted to this stage; its manifest would
          say exec = ["sh"]
    denied in [time]
    the whole log: tidegate logs [run]
    "#);
}

#[test]
fn a_denial_that_the_stage_shrugs_off_is_not_its_end() {
    assert_snapshot!(run(&steps(&["write app.py", "log on with it"]), 0), @r#"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it app.py: NotGranted("`app.py` is not in a folder that this stage may write")
      it on with it
      it ✓ passed [time]

      ✓ it  passed [time]
    passed in [time]
    "#);
}

#[test]
fn trapped() {
    assert_snapshot!(run(&steps(&["trap"]), 3), @"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it 
      it thread '<unnamed>' (1) panicked at probe/src/step.rs:97:19:
      it internal error: entered unreachable code: the stage was told to trap
      it note: run with `RUST_BACKTRACE=1` environment variable to display a
         backtrace
      it ✗ trapped [time]: wasm `unreachable` instruction executed

      ✗ it  trapped [time]  wasm `unreachable` instruction executed
    trapped in [time]
    the whole log: tidegate logs [run]
    ");
}

#[test]
fn timed_out() {
    let manifest = steps(&["spin"]) + "timeout = \"300ms\"\nstop-grace = \"100ms\"\n";
    assert_snapshot!(run(&manifest, 4), @"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it ✗ timed-out [time]: the stage took longer than its [time] and did not stop
         when told

      ✗ it  timed-out [time]
          the stage took longer than its [time] and did not stop when told
    timed-out in [time]
    the whole log: tidegate logs [run]
    ");
}

#[test]
fn too_much_memory() {
    let manifest = steps(&["eat-memory"]) + "grant = { memory = \"16MiB\" }\n";
    assert_snapshot!(run(&manifest, 4), @"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it memory allocation of 1048576 bytes failed
      it note: run with `RUST_BACKTRACE=1` environment variable to display a
         backtrace
      it ✗ limit-exceeded [time]: the stage needs more than 16 MiB of memory

      ✗ it  limit-exceeded [time]  the stage needs more than 16 MiB of memory
    limit-exceeded in [time]
    the whole log: tidegate logs [run]
    ");
}

#[test]
fn too_much_output_is_cut_and_told() {
    let manifest =
        steps(&["print 0123456789", "print 0123456789", "print 0123456789"]) + "grant = { output = \"20B\" }\n";
    assert_snapshot!(run(&manifest, 0), @"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it 0123456789
      it the stage said more than its limit; the rest is not kept (grant `output`
         raises it)
      it ✓ passed [time]

      ✓ it  passed [time]
    passed in [time]
    ");
}

#[test]
fn skipped() {
    assert_snapshot!(run(&(steps(&["fail no"]) + "when = \"1 > 2\"\n"), 0), @"
    project: 1 stage · run [run]
      it - skipped: `when` says no: 1 > 2

      - it  skipped                    `when` says no: 1 > 2
    passed in [time]
    ");
}

#[test]
fn the_engines_own_fault_is_not_the_stages() {
    let project = Project::of(&steps(&["log hello"])).env("TMPDIR", "/proc");
    assert_snapshot!(project.run(["run"]).code(70).only_stderr(), @r#"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it ✗ internal [time]: failed to make a scratch folder: No such file or directory
         (os error 2) at path "/proc/[scratch]"

      ✗ it  internal [time]
          failed to make a scratch folder: No such file or directory (os error 2) at
          path "/proc/[scratch]"
    internal in [time]
    the whole log: tidegate logs [run]
    "#);
}

#[test]
fn a_program_that_fails() {
    let manifest = "[stages.it]\nuses = \"command\"\n\
                    with = { program = \"sh\", args = [\"-c\", \"echo to-err >&2; exit 7\"] }\n\
                    grant = { exec = [\"sh\"] }\n";
    assert_snapshot!(run(manifest, 1), @"
    project: 1 stage · run [run]
      it started command 0.1.0
      it running: sh -c 'echo to-err >&2; exit 7'
      it the last lines of its log:
      it │ to-err
      it ✗ failed [time]: `sh -c 'echo to-err >&2; exit 7'` ended with exit code 7

      ✗ it  failed [time]
          `sh -c 'echo to-err >&2; exit 7'` ended with exit code 7
    failed in [time]
    the whole log: tidegate logs [run]
    ");
}

#[test]
fn findings_and_tests() {
    let manifest = steps(&[
        "finding `print` in app.py\nsecond line",
        "test test_total",
        "metric coverage",
        "fail red",
    ]);
    assert_snapshot!(run(&manifest, 1), @"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it error: app.py:7: `print` in app.py [probe/found]
      it   second line
      it   `print` in app.py
      it   second line
      it failed suite::test_total
      it coverage: [time]
      it ✗ failed [time], 1 test: red

      error: it: app.py:7: `print` in app.py [probe/found]

      ✗ it  failed [time]  red
    failed in [time] · 1 test, 1 failed · 1 error, 0 warnings
    the whole log: tidegate logs [run]
    ");
}

#[test]
fn a_program_that_takes_too_long() {
    let manifest = "[stages.it]\nuses = \"command\"\n\
                    with = { program = \"sleep\", args = [\"600\"], timeout = \"100ms\" }\n\
                    grant = { exec = [\"sleep\"] }\n";
    let ran = Project::of(manifest).run(["run", "--format", "json"]).code(1);
    assert_snapshot!(ran.message_of("it"), @"`sleep 600` did not end in time: `timeout` is 100ms");
}

/// Findings become annotations; what a stage prints never becomes a command.
#[test]
fn under_github_actions() {
    let steps = steps(&[
        "print ::error::from a stage",
        "log ##[error]from a stage",
        "finding 100% wrong\n::stop-commands::x",
    ]);
    let ran = Project::of(&steps).env("GITHUB_ACTIONS", "true").run(["run"]).code(0);
    assert_snapshot!(ran.stdout(), @"::error file=app.py,line=7,title=probe/found::100%25 wrong%0A:[joiner]:stop-commands::x");
    assert_snapshot!(ran.stderr(), @"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it :[joiner]:error::from a stage
      it #[joiner]#[error]from a stage
      it error: app.py:7: 100% wrong [probe/found]
      it   :[joiner]:stop-commands::x
      it   100% wrong
      it   :[joiner]:stop-commands::x
      it ✓ passed [time]

      error: it: app.py:7: 100% wrong [probe/found]

      ✓ it  passed [time]
    passed in [time] · 1 error, 0 warnings
    ");
}

#[test]
fn quiet_says_only_what_went_wrong() {
    let manifest = steps(&["log hello", "warn look here", "metric coverage"]);
    let project = Project::of(&manifest);
    assert_snapshot!(project.run(["run", "--quiet"]).code(0).only_stderr(), @"  it look here");
    let project = Project::of(&steps(&["log hello", "fail no"]));
    assert_snapshot!(project.run(["run", "--quiet"]).code(1).only_stderr(), @"
      it the last lines of its log:
      it │ hello
      it ✗ failed [time]: no

      ✗ it  failed [time]  no
    failed in [time]
    the whole log: tidegate logs [run]
    ");
}

#[test]
fn verbose_says_all() {
    let project = Project::of(&steps(&["debug a detail", "output answer 42", "test test_total"]));
    assert_snapshot!(project.run(["run", "-v"]).code(0).only_stderr(), @"
    project: 1 stage · run [run]
      it started probe 0.1.0
      it a detail
      it output answer = 42
      it failed suite::test_total
      it   test_total
      it ✓ passed [time], 1 test

      error: it: suite::test_total failed

      ✓ it  passed [time]
    passed in [time] · 1 test, 1 failed
    ");
}

#[test]
fn the_gravest_outcome_is_the_runs() {
    let manifest = r#"
        [stages.pass]
        uses = "probe.wasm"
        with = { steps = [] }
        [stages.fail]
        uses = "probe.wasm"
        with = { steps = ["fail no"] }
        [stages.misconfigured]
        uses = "probe.wasm"
        with = { steps = ["misconfigured no"] }
        [stages.slow]
        uses = "probe.wasm"
        with = { steps = ["wait-stop"] }
        timeout = "50ms"
        [stages.trap]
        uses = "probe.wasm"
        with = { steps = ["trap"] }
    "#;
    let project = Project::of(manifest);
    let code = |stages: &[&str], code| {
        let arguments = ["run", "--keep-going", "--format", "json"];
        let ran = project.run(arguments.iter().chain(stages)).code(code);
        assert_eq!(ran.outcomes().len(), stages.len());
        assert_eq!(ran.of_events("run-finished", "exit_code"), [code.to_string()]);
    };
    code(&["pass"], 0);
    code(&["pass", "fail"], 1);
    code(&["fail", "misconfigured"], 2);
    code(&["misconfigured", "slow", "fail"], 4);
    code(&["slow", "trap", "pass", "misconfigured"], 3);
}

#[test]
fn usage() {
    let project = Project::of(&steps(&[]));
    assert_snapshot!(project.run(["run", "--jobs", "0"]).code(2).only_stderr(), @"
    error: invalid value '0' for '--jobs <N>': 0 is not in 1..=256

    For more information, try '--help'.
    ");
    assert_snapshot!(project.run(["run", "--no-needs"]).code(2).only_stderr(), @"
    error: the following required arguments were not provided:
      <STAGE>...

    Usage: tidegate run --no-needs <STAGE>...

    For more information, try '--help'.
    ");
    assert_snapshot!(project.run(["run", "--set", "branch"]).code(2).only_stderr(), @"
    error: invalid value 'branch' for '--set <KEY=VALUE>': expected KEY=VALUE

    For more information, try '--help'.
    ");
    assert_snapshot!(project.run(["run", "-m", "ci.toml"]).code(2).only_stderr(), @"
    error: there is no manifest at ci.toml

    hint: `tidegate init` writes one for a Django project
    ");
    let latin = Project::new().file("tidegate.toml", b"[pipeline]\nname = \"caf\xe9\"\n");
    assert_snapshot!(latin.run(["check"]).code(2).only_stderr(), @"
    error: tidegate.toml:2: this line is not text in UTF-8

    hint: save the file as UTF-8
    ");
    assert_snapshot!(project.env("TMPDIR", "/proc/nowhere").run(["run"]).code(2).only_stderr(), @"
    error: there is no folder /proc/nowhere for temporary files

    hint: make it, or let TMPDIR name another folder
    ");
}

#[test]
fn without_a_manifest() {
    assert_snapshot!(Project::new().run(["run"]).code(2).only_stderr(), @"
    error: there is no tidegate.toml in this folder or in one above

    hint: `tidegate init` writes one for a Django project
    ");
}
