//! Mistakes that only the runner can find: the whole of what `tidegate check` says.

use insta::assert_snapshot;

use crate::steps;
use crate::support::Project;

fn check(manifest: &str, code: i32) -> String {
    Project::of(manifest).run(["check"]).code(code).only_stderr()
}

#[test]
fn plugin_not_found() {
    assert_snapshot!(check("[stages.test]\nuses = \"pytest-runer\"\n", 2), @r#"
    error[plugin/not-found]: there is no stage `pytest-runer`
     --> tidegate.toml:2:8
      |
    2 | uses = "pytest-runer"
      |        ^^^^^^^^^^^^^^ did you mean `pytest-runner`?
      |
      = help: the standard stages are `command`, `deploy-ssh`,
              `django-migrate-check`, `pytest-runner`, `python-env`
      = help: for a component of your own, write its path: uses =
              "stages/name.wasm"

    1 error in tidegate.toml
    "#);
}

#[test]
fn plugin_not_like_any_other() {
    assert_snapshot!(check("[stages.test]\nuses = \"terraform\"\n", 2), @r#"
    error[plugin/not-found]: there is no stage `terraform`
     --> tidegate.toml:2:8
      |
    2 | uses = "terraform"
      |        ^^^^^^^^^^^
      |
      = help: the standard stages are `command`, `deploy-ssh`,
              `django-migrate-check`, `pytest-runner`, `python-env`
      = help: for a component of your own, write its path: uses =
              "stages/name.wasm"

    1 error in tidegate.toml
    "#);
}

#[test]
fn component_missing() {
    assert_snapshot!(check("[stages.test]\nuses = \"stages/lint.wasm\"\n", 2), @r#"
    error[plugin/not-found]: failed to read the component stages/lint.wasm: No such file or directory (os error 2)
     --> tidegate.toml:2:8
      |
    2 | uses = "stages/lint.wasm"
      |        ^^^^^^^^^^^^^^^^^^
      |
      = help: the path is relative to the folder of tidegate.toml

    1 error in tidegate.toml
    "#);
}

#[test]
fn component_outside_the_project() {
    assert_snapshot!(check("[stages.test]\nuses = \"../lint.wasm\"\n", 2), @r#"
    error[plugin/not-found]: the component ../lint.wasm is not inside the project
     --> tidegate.toml:2:8
      |
    2 | uses = "../lint.wasm"
      |        ^^^^^^^^^^^^^^
      |
      = help: copy the component into the project, so that it is versioned with
              it

    1 error in tidegate.toml
    "#);
}

#[test]
fn component_that_is_not_wasm() {
    let project = Project::of("[stages.test]\nuses = \"lint.wasm\"\n").file("lint.wasm", "#!/bin/sh\n");
    assert_snapshot!(project.run(["check"]).code(3).only_stderr(), @r#"
    error[component/not-wasm]: the plugin of stage `test` can't be used: the file is not WebAssembly
     --> tidegate.toml:2:8
      |
    2 | uses = "lint.wasm"
      |        ^^^^^^^^^^^
      |
      = help: give the .wasm file that the build made, for Rust under
              target/wasm32-wasip2/release

    1 error in tidegate.toml
    "#);
}

#[test]
fn component_that_is_a_core_module() {
    let project = Project::of("[plugins]\nlint = \"lint.wasm\"\n[stages.test]\nuses = \"lint\"\n");
    let project = project.file("lint.wasm", b"\0asm\x01\0\0\0");
    assert_snapshot!(project.run(["check"]).code(3).only_stderr(), @r#"
    error[component/core-module]: the plugin of stage `test` can't be used: the file is a core module, not a component
     --> tidegate.toml:4:8
      |
    4 | uses = "lint"
      |        ^^^^^^
      |
      = help: build it with `--target wasm32-wasip2`, or run `wasm-tools
              component new` on it

    1 error in tidegate.toml
    "#);
}

#[test]
fn component_without_the_contract() {
    let project = Project::of("[stages.test]\nuses = \"lint.wasm\"\n").file("lint.wasm", b"\0asm\x0d\0\x01\0");
    assert_snapshot!(project.run(["check"]).code(3).only_stderr(), @r#"
    error[component/missing-export]: the plugin of stage `test` can't be used: the component does not export `tidegate:stage/plugin`
     --> tidegate.toml:2:8
      |
    2 | uses = "lint.wasm"
      |        ^^^^^^^^^^^
      |
      = help: export the interface `plugin` of the world `tidegate:stage/stage`

    1 error in tidegate.toml
    "#);
}

#[test]
fn config_unknown_key() {
    let manifest = "[stages.test]\nuses = \"pytest-runner\"\nwith = { patsh = [\"tests\"] }\n";
    assert_snapshot!(check(manifest, 2), @r#"
    error[config/unknown-key]: stage `test` does not know the key `patsh`
     --> tidegate.toml:3:10
      |
    3 | with = { patsh = ["tests"] }
      |          ^^^^^ did you mean `paths`?
      |
      = help: it knows `args`, `coverage`, `cwd`, `env`, `keyword`, `marker`,
              `paths`, `settings`

    1 error in tidegate.toml
    "#);
}

#[test]
fn config_wrong_type() {
    let manifest = "[stages.build]\nuses = \"command\"\nwith = { program = \"npm\", args = \"run build\" }\n";
    assert_snapshot!(check(manifest, 2), @r#"
    error[config/wrong-type]: `args` of stage `build` has the wrong type
     --> tidegate.toml:3:34
      |
    3 | with = { program = "npm", args = "run build" }
      |                                  ^^^^^^^^^^^
      |
      = note: expected a list, found the string "run build"

    1 error in tidegate.toml
    "#);
}

#[test]
fn config_missing_key() {
    assert_snapshot!(check("[stages.build]\nuses = \"command\"\nwith = { args = [\"run\"] }\n", 2), @r#"
    error[config/missing-key]: stage `build` needs `program` in its `with` table
     --> tidegate.toml:3:8
      |
    3 | with = { args = ["run"] }
      |        ^^^^^^^^^^^^^^^^^^ `program` is missing here
      |
      = help: `program`: The program's name, as `grant.exec` binds it. One word:
              arguments go into `args`, and there is no shell

    1 error in tidegate.toml
    "#);
}

#[test]
fn config_not_one_of() {
    let manifest = "[stages.it]\nuses = \"probe.wasm\"\n\n[stages.it.with]\nsteps = []\ncolor = \"gren\"\n";
    assert_snapshot!(check(manifest, 2), @r#"
    error[config/not-one-of]: `color` of stage `it` has none of the possible values
     --> tidegate.toml:6:9
      |
    6 | color = "gren"
      |         ^^^^^^ did you mean "green"?
      |
      = help: possible are `red`, `green`

    1 error in tidegate.toml
    "#);
}

#[test]
fn config_refused_by_a_pattern() {
    assert_snapshot!(check("[stages.build]\nuses = \"command\"\nwith = { program = \"npm run build\" }\n", 2), @r#"
    error[config/refused]: `program` of stage `build` is refused by the plugin's schema
     --> tidegate.toml:3:20
      |
    3 | with = { program = "npm run build" }
      |                    ^^^^^^^^^^^^^^^ "npm run build" does not match "^\S+$"

    1 error in tidegate.toml
    "#);
}

#[test]
fn config_below_a_minimum() {
    let manifest = "[stages.it]\nuses = \"probe.wasm\"\nwith = { steps = [], number = -1 }\n";
    assert_snapshot!(check(manifest, 2), @"
    error[config/refused]: `number` of stage `it` is refused by the plugin's schema
     --> tidegate.toml:3:31
      |
    3 | with = { steps = [], number = -1 }
      |                               ^^ -1 is less than the minimum of 0

    1 error in tidegate.toml
    ");
}

#[test]
fn without_a_with_table() {
    assert_snapshot!(check("[stages.build]\nuses = \"command\"\n", 2), @"
    error[config/missing-key]: stage `build` needs `program` in its `with` table
     --> tidegate.toml:1:1
      |
    1 | [stages.build]
      | ^^^^^^^^^^^^^^ `program` is missing here
      |
      = help: `program`: The program's name, as `grant.exec` binds it. One word:
              arguments go into `args`, and there is no shell

    1 error in tidegate.toml
    ");
}

#[test]
fn expression_bad_syntax() {
    assert_snapshot!(check(&(steps(&[]) + "when = \"branch = 'main'\"\n"), 2), @r#"
    error[expression/invalid]: this is not a CEL expression: Syntax error: token recognition error at: '= '
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

#[test]
fn stage_in_the_arguments_that_is_not_there() {
    let project = Project::of(TWO);
    assert_snapshot!(project.run(["run", "tests", "--skip", "build"]).code(2).only_stderr(), @"
    error[usage/unknown-stage]: there is no stage `tests`
    help: did you mean `test`?
    help: the stages are test, deploy

    error[usage/unknown-stage]: there is no stage `build`
    help: the stages are test, deploy

    2 errors in tidegate.toml
    ");
}

#[test]
fn program_that_is_not_there() {
    let manifest =
        "[stages.build]\nuses = \"command\"\nwith = { program = \"npm\" }\ngrant = { exec = { npm = \"npmm\" } }\n";
    assert_snapshot!(check(manifest, 2), @r#"
    error[grant/no-such-program]: there is no program `npmm` on the PATH
     --> tidegate.toml:4:26
      |
    4 | grant = { exec = { npm = "npmm" } }
      |                          ^^^^^^
      |
      = help: install it, or write its path; a program of the workspace has a
              slash: `.venv/bin/NAME`

    1 error in tidegate.toml
    "#);
}

#[test]
fn path_that_is_not_there() {
    assert_snapshot!(check(&(steps(&[]) + "grant = { read = [\"/srv/none\"] }\n"), 2), @r#"
    error[grant/no-such-path]: there is no /srv/none, which is granted for reading
     --> tidegate.toml:4:19
      |
    4 | grant = { read = ["/srv/none"] }
      |                   ^^^^^^^^^^^

    1 error in tidegate.toml
    "#);
}

const DEPLOY: &str = "[stages.deploy]\nuses = \"probe.wasm\"\n\
                      with = { asks = [\"ssh staging\"], steps = [] }\ngrant = { ssh = [\"staging\"] }\n";

#[test]
fn target_that_is_not_there() {
    assert_snapshot!(check(DEPLOY, 2), @r#"
    error[manifest/unknown-target]: there is no target `staging`
     --> tidegate.toml:4:18
      |
    4 | grant = { ssh = ["staging"] }
      |                  ^^^^^^^^^ unknown target
      |
      = help: describe it: its hosts, the secret that holds the key, and the
              hosts' public keys

    help: lines to paste into tidegate.toml:

        [targets.staging]
        hosts = ["deploy@staging.example.com"]
        key = "deploy-key"
        known-hosts = "deploy/known_hosts"

    1 error in tidegate.toml
    "#);
}

#[test]
fn target_with_a_known_hosts_file_that_is_not_there() {
    let target = "[targets.staging]\nhosts = [\"deploy@a.example\"]\nkey = \"deploy-key\"\nknown-hosts = \"deploy/known_hosts\"\n";
    assert_snapshot!(check(&(target.to_owned() + DEPLOY), 2), @r#"
    error[target/invalid]: [folder]/project/deploy/known_hosts: No such file or directory (os error 2)
     --> tidegate.toml:4:15
      |
    4 | known-hosts = "deploy/known_hosts"
      |               ^^^^^^^^^^^^^^^^^^^^

    1 error in tidegate.toml
    "#);
}

#[test]
fn target_with_a_known_hosts_file_that_can_not_be_read() {
    let target =
        "[targets.staging]\nhosts = [\"deploy@a.example\"]\nkey = \"deploy-key\"\nknown-hosts = \"known_hosts\"\n";
    let project = Project::of(&(target.to_owned() + DEPLOY)).file("known_hosts", "a.example not a key\n");
    assert_snapshot!(project.run(["check"]).code(2).only_stderr(), @r#"
    error[target/invalid]: no host key is given; print a host's keys with: ssh-keyscan HOST
     --> tidegate.toml:4:15
      |
    4 | known-hosts = "known_hosts"
      |               ^^^^^^^^^^^^^

    1 error in tidegate.toml
    "#);
}

#[test]
fn target_with_a_fingerprint_for_a_key() {
    let target =
        "[targets.staging]\nhosts = [\"deploy@a.example\"]\nkey = \"deploy-key\"\nhost-keys = [\"SHA256:abcdef\"]\n";
    assert_snapshot!(check(&(target.to_owned() + DEPLOY), 2), @r#"
    error[manifest/invalid-host-key]: `SHA256:abcdef` is not a host key
     --> tidegate.toml:4:14
      |
    4 | host-keys = ["SHA256:abcdef"]
      |              ^^^^^^^^^^^^^^^
      |
      = note: a fingerprint can't stand for the key, expected the full public
              key: `ssh-ed25519 AAAA…`

    1 error in tidegate.toml
    "#);
}

#[test]
fn all_mistakes_at_once() {
    let manifest = r#"[stages.build]
uses = "comand"
[stages.test]
uses = "command"
with = { program = "a b", argz = [] }
when = "brunch == 'main'"
[stages.deploy]
uses = "probe.wasm"
with = { steps = "none" }
"#;
    assert_snapshot!(check(manifest, 2), @r#"
    error[plugin/not-found]: there is no stage `comand`
     --> tidegate.toml:2:8
      |
    2 | uses = "comand"
      |        ^^^^^^^^ did you mean `command`?
      |
      = help: the standard stages are `command`, `deploy-ssh`,
              `django-migrate-check`, `pytest-runner`, `python-env`
      = help: for a component of your own, write its path: uses =
              "stages/name.wasm"

    error[config/refused]: `program` of stage `test` is refused by the plugin's schema
     --> tidegate.toml:5:20
      |
    5 | with = { program = "a b", argz = [] }
      |                    ^^^^^ "a b" does not match "^\S+$"

    error[config/unknown-key]: stage `test` does not know the key `argz`
     --> tidegate.toml:5:27
      |
    5 | with = { program = "a b", argz = [] }
      |                           ^^^^ did you mean `args`?
      |
      = help: it knows `args`, `cwd`, `env`, `expect-exit`, `program`, `stdin`,
              `timeout`

    error[expression/invalid]: there is no variable `brunch` here; there are `vars`, `stages`, `branch`, `tag` and `commit`
     --> tidegate.toml:6:8
      |
    6 | when = "brunch == 'main'"
      |        ^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `branch`?
      = help: a value of your own is `${vars.NAME}`, with a default in [vars]

    error[config/wrong-type]: `steps` of stage `deploy` has the wrong type
     --> tidegate.toml:9:18
      |
    9 | with = { steps = "none" }
      |                  ^^^^^^ expected a list, found the string "none"

    5 errors in tidegate.toml
    "#);
}
