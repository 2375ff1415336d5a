//! Expressions that can't be evaluated.

use insta::assert_snapshot;

use crate::check;
use crate::steps;

#[test]
fn expression_bad_syntax() {
    assert_snapshot!(check(&(steps(&[]) + "when = \"branch = 'main'\"\n"), 2), @r#"
    error[expression/invalid]: this is not a CEL expression: two values are compared with `==`
     --> tidegate.toml:4:8
      |
    4 | when = "branch = 'main'"
      |        ^^^^^^^^^^^^^^^^^

    1 error in tidegate.toml
    "#);
}

#[test]
fn expression_unknown_variable() {
    assert_snapshot!(check(&(steps(&[]) + "when = \"github.ref == 'main'\"\n"), 2), @r#"
    error[expression/invalid]: there is no variable `github` here; there are `vars`, `stages`, `branch`, `tag` and `commit`
     --> tidegate.toml:4:8
      |
    4 | when = "github.ref == 'main'"
      |        ^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: a stage's environment and secrets are granted, not read by
              expressions: see `grant`

    1 error in tidegate.toml
    "#);
}

#[test]
fn expression_that_is_never_closed() {
    assert_snapshot!(check(&steps(&["log ${vars.name"]), 2), @r#"
    error[expression/invalid]: `${` is never closed by `}`
     --> tidegate.toml:3:19
      |
    3 | with = { steps = ["log ${vars.name"] }
      |                   ^^^^^^^^^^^^^^^^^

    1 error in tidegate.toml
    "#);
}

#[test]
fn expression_variable_that_is_not_set() {
    assert_snapshot!(check(&("[vars]\nhost = \"a\"\n".to_owned() + &steps(&["log ${vars.hots}"])), 2), @r#"
    error[expression/invalid]: there is no `hots` here
     --> tidegate.toml:5:19
      |
    5 | with = { steps = ["log ${vars.hots}"] }
      |                   ^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `vars.host`?

    1 error in tidegate.toml
    "#);
}

#[test]
fn expression_that_is_not_true_or_false() {
    assert_snapshot!(check(&(steps(&[]) + "when = \"branch\"\n"), 2), @r#"
    error[expression/invalid]: expected the expression to give true or false, and it gave nothing
     --> tidegate.toml:4:8
      |
    4 | when = "branch"
      |        ^^^^^^^^

    1 error in tidegate.toml
    "#);
}

#[test]
fn expression_reads_the_environment() {
    assert_snapshot!(check(&steps(&["log ${env.HOME}"]), 2), @r#"
    error[expression/invalid]: there is no variable `env` here; there are `vars`, `stages`, `branch`, `tag` and `commit`
     --> tidegate.toml:3:19
      |
    3 | with = { steps = ["log ${env.HOME}"] }
      |                   ^^^^^^^^^^^^^^^^^
      |
      = help: a stage's environment and secrets are granted, not read by
              expressions: see `grant`

    1 error in tidegate.toml
    "#);
}

const TWO: &str = "[stages.test]\nuses = \"probe.wasm\"\nwith = { steps = [] }\n\
                   [stages.deploy]\nuses = \"probe.wasm\"\nwith = { steps = [] }\n";

#[test]
fn expression_over_a_stage_that_is_not_needed() {
    assert_snapshot!(check(&(TWO.to_owned() + "when = \"stages.test.outputs.failed == 0\"\n"), 2), @r#"
    error[expression/stage]: stage `deploy` speaks of outputs of `test`, which it does not need
     --> tidegate.toml:7:8
      |
    7 | when = "stages.test.outputs.failed == 0"
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    help: lines to paste into tidegate.toml:

        needs = ["test"]

    1 error in tidegate.toml
    "#);
}

#[test]
fn expression_over_a_stage_that_is_not_there() {
    let manifest = TWO.to_owned() + "needs = [\"test\"]\nenv = { A = \"${stages.tset.outputs.failed}\" }\n";
    assert_snapshot!(check(&manifest, 2), @r#"
    error[expression/stage]: there is no stage `tset`
     --> tidegate.toml:8:13
      |
    8 | env = { A = "${stages.tset.outputs.failed}" }
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `test`?

    1 error in tidegate.toml
    "#);
}
