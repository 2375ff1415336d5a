//! Expressions, variables and environments: what arrives in a stage.

use insta::assert_snapshot;

use crate::support::Project;

const TYPED: &str = r#"
    [stages.first]
    uses = "probe.wasm"
    with = { steps = ["output answer VALUE"] }
    [stages.second]
    uses = "probe.wasm"
    needs = ["first"]
    with = { number = "${stages.first.outputs.answer}", steps = ["number", "input first.answer"] }
"#;

#[test]
fn an_output_keeps_its_type() {
    let ran = Project::of(&TYPED.replace("VALUE", "42"))
        .run(["run", "--format", "json"])
        .code(0);
    assert_eq!(
        ran.logged(),
        ["the number is Some(42)", "first.answer is Some(Number(42))"]
    );
}

#[test]
fn an_output_of_the_wrong_type_is_refused_when_it_is_known() {
    let ran = Project::of(&TYPED.replace("VALUE", "many"))
        .run(["run", "--format", "json"])
        .code(2);
    assert_eq!(ran.outcomes(), ["first: passed", "second: misconfigured"]);
    assert_snapshot!(ran.message_of("second"), @r#"its `with` table, now that it is known: `/number`: "many" is not of types "null", "integer""#);
}

#[test]
fn an_output_that_was_never_set() {
    let manifest = TYPED.replace("output answer VALUE", "log nothing");
    let ran = Project::of(&manifest).run(["run", "--format", "json"]).code(2);
    assert_eq!(ran.outcomes(), ["first: passed", "second: misconfigured"]);
    assert_snapshot!(ran.message_of("second"), @"`/number` of its `with` table: stage `first` gave no output `answer`; it gave none");
}

#[test]
fn when_over_an_output() {
    let manifest = r#"
        [stages.first]
        uses = "probe.wasm"
        with = { steps = ["output changed false"] }
        [stages.second]
        uses = "probe.wasm"
        needs = ["first"]
        when = "stages.first.outputs.changed"
        with = { steps = [] }
    "#;
    let ran = Project::of(manifest).run(["run", "--format", "json"]).code(0);
    assert_eq!(ran.outcomes(), ["first: passed", "second: skipped"]);
    let manifest = manifest.replace("changed false", "changed 1");
    let ran = Project::of(&manifest).run(["run", "--format", "json"]).code(2);
    assert_snapshot!(ran.message_of("second"), @"its `when`: expected the expression to give true or false, and it gave a number");
}

#[test]
fn variables_and_their_overrides() {
    let manifest = r#"
        [vars]
        name = "staging"
        count = 3
        [stages.it]
        uses = "probe.wasm"
        with = { number = "${vars.count}", steps = ["log to ${vars.name}", "number"] }
    "#;
    let project = Project::of(manifest);
    let logged = |arguments: &[&str]| {
        project
            .run(["run", "--format", "json"].iter().chain(arguments))
            .code(0)
            .logged()
    };
    assert_eq!(logged(&[]), ["to staging", "the number is Some(3)"]);
    assert_eq!(
        logged(&["--set", "name=a=b", "--set", "count=7"]),
        ["to a=b", "the number is Some(7)"]
    );
    assert_snapshot!(project.run(["run", "--set", "nmae=x"]).code(2).only_stderr(), @"
    error[vars/unknown]: --set names `nmae`, which is not in [vars]
    help: did you mean `name`?

    1 error in tidegate.toml
    ");
    assert_snapshot!(project.run(["run", "--set", "count=many"]).code(2).only_stderr(), @"
    error[vars/wrong-type]: --set count=many: expected an integer, as the default in [vars] is one
     --> tidegate.toml:4:17
      |
    4 |         count = 3
      |                 ^ the default

    1 error in tidegate.toml
    ");
}

#[test]
fn environment_of_all_and_of_one() {
    let manifest = r#"
        [env]
        BOTH = "all"
        ALL = "all"
        [stages.one]
        uses = "command"
        with = { program = "sh", args = ["-c", "echo $BOTH-$ALL-$OWN-$GIVEN-$OTHER"], env = { OWN = "own" } }
        env = { BOTH = "one" }
        grant = { exec = ["sh"], env = ["GIVEN"] }
    "#;
    let project = Project::of(manifest).env("GIVEN", "given").env("OTHER", "other");
    let ran = project.run(["run", "--format", "json"]).code(0);
    assert_eq!(ran.logged()[1], "one-all-own-given-");
}

#[test]
fn the_environment_of_a_program_is_what_the_manifest_gives() {
    let manifest = "[stages.it]\nuses = \"command\"\nwith = { program = \"env\" }\ngrant = { exec = [\"env\"] }\n";
    let project = Project::of(manifest)
        .env("AWS_SECRET_ACCESS_KEY", "x")
        .env("SSH_AUTH_SOCK", "/x");
    let ran = project.run(["run", "--format", "json"]).code(0);
    let mut names: Vec<_> = ran.logged()[1..]
        .iter()
        .map(|line| line.split('=').next().unwrap().to_owned())
        .collect();
    names.sort();
    assert_snapshot!(names.join(" "), @"HOME LANG LOGNAME PATH TMPDIR USER");
}

#[test]
fn memory_between_runs() {
    let project = Project::of(&crate::steps(&["count"]));
    let logged = || project.run(["run", "--format", "json"]).code(0).logged();
    assert_eq!((logged(), logged()), (vec!["count 1".into()], vec!["count 2".into()]));
}

/// A number that is unknown when the plan is made is no text, and the component can still say what it needs.
#[test]
fn a_stage_with_unknown_numbers_keeps_its_grants() {
    let manifest = r#"
        [stages.first]
        uses = "probe.wasm"
        with = { steps = ["output answer 42"] }
        [stages.second]
        uses = "probe.wasm"
        needs = ["first"]
        with = { number = "${stages.first.outputs.answer}", asks = ["exec sh"], steps = ["number", "run sh -c echo done"] }
        grant = { exec = ["sh"] }
    "#;
    let project = Project::of(manifest);
    assert_snapshot!(project.run(["check"]).code(0).only_stdout(), @"tidegate.toml: 2 stages, no mistakes");
    let ran = project.run(["run", "--format", "json"]).code(0);
    assert_eq!(ran.logged(), ["the number is Some(42)", "done"]);
}

/// A stage that is only for one branch would be skipped in silence.
#[test]
fn a_repository_that_can_t_be_read_is_told() {
    let manifest = r#"
        [stages.deploy]
        uses = "probe.wasm"
        when = "branch == 'main'"
        with = { steps = ["log deployed"] }
    "#;
    let broken = |manifest: &str| Project::of(manifest).file(".git/HEAD", "ref: refs/heads/main\n");
    assert_snapshot!(broken(manifest).run(["run"]).code(0).only_stderr(), @"
    warning[source/unreadable]: the repository can't be read: not a git repository: '[folder]/project/.git'
    help: commit and tag are null, and branch is unless a CI system names it:
          `when` may skip stages

    1 warning in tidegate.toml
    project: 1 stage · run [run]
    deploy - skipped: `when` says no: branch == 'main'

      - deploy  skipped                    `when` says no: branch == 'main'
    passed in [time]
    ");
    let in_ci = broken(manifest).env("GITHUB_REF", "refs/heads/main");
    let ran = in_ci.run(["run", "--format", "json"]).code(0);
    assert_eq!(ran.outcomes(), ["deploy: passed"]);
    let always = manifest.replace("branch == 'main'", "true");
    let unused = broken(&always).run(["check"]).code(0).only_stdout();
    assert_snapshot!(unused, @"tidegate.toml: 1 stage, no mistakes");
}

#[test]
fn the_branch_of_a_tag_and_of_a_pull_request_is_null() {
    let manifest = r#"
        [stages.deploy]
        uses = "probe.wasm"
        when = "branch == 'main'"
        with = { steps = [] }
    "#;
    for (expected, variables) in [
        ("passed", [("GITHUB_REF", "refs/heads/main"), ("GITHUB_HEAD_REF", "")]),
        (
            "skipped",
            [("GITHUB_REF", "refs/pull/1/merge"), ("GITHUB_HEAD_REF", "main")],
        ),
        (
            "skipped",
            [("GITHUB_REF", "refs/tags/main"), ("GITHUB_REF_NAME", "main")],
        ),
    ] {
        let mut project = Project::of(manifest);
        let commands = "git init -q -b topic && git add . && git -c user.name=t -c user.email=t@example.com \
                        commit -q -m first && git checkout -q --detach";
        let made = std::process::Command::new("sh")
            .args(["-c", commands])
            .current_dir(project.root())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status();
        assert!(made.unwrap().success());
        for (name, value) in variables {
            project = project.env(name, value);
        }
        let ran = project.run(["run", "--format", "json"]).code(0);
        assert_eq!(ran.outcomes(), [format!("deploy: {expected}")], "{variables:?}");
    }
}
