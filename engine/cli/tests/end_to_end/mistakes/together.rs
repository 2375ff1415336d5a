//! Several mistakes, and those of the command line.

use insta::assert_snapshot;

use crate::check;
use crate::support::Project;

const TWO: &str = "[stages.test]\nuses = \"probe.wasm\"\nwith = { steps = [] }\n\
                   [stages.deploy]\nuses = \"probe.wasm\"\nwith = { steps = [] }\n";

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
    error[plugin/not-found]: there is no standard stage or plugin `comand`
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

/// What could be read of a manifest is judged whole, and nothing is concluded from what could not.
#[test]
fn mistakes_of_reading_and_of_the_later_steps() {
    let manifest = r#"[vars]
keep = 1.5
[plugins]
mine = 3
[grants.shell]
exec = { sh = 3 }
[targets.staging]
hosts = ["deploy@a.example"]
key = "deploy-key"
[stages.build]
uses = "comand"
foo = 1
[stages.settings]
uses = "probe.wasm"
timeout = 5
with = { steps = "none" }
[stages.grants]
uses = "probe.wasm"
timeout = 5
with = { steps = [], asks = ["exec sh"] }
[stages.unknown-value]
uses = "probe.wasm"
with = { steps = [], number = "${vars.keep}" }
[stages.unknown-set]
uses = "probe.wasm"
with = { steps = [], asks = ["exec sh"] }
grant = "shell"
[stages.unknown-plugin]
uses = "mine"
[stages.unknown-target]
uses = "probe.wasm"
with = { steps = [], asks = ["ssh staging"] }
grant = { ssh = ["staging"] }
[stages.Unknown-Name]
uses = "command"
[stages.unknown-stage]
uses = "probe.wasm"
needs = ["Unknown-Name"]
with = { steps = ["log ${stages.grants.outputs.x}"] }
"#;
    let said = check(manifest, 3);
    let lines: Vec<_> = said.lines().collect();
    let told: Vec<_> = lines
        .iter()
        .zip(&lines[1..])
        .filter_map(|(line, place)| {
            let code = line.strip_prefix("error[")?.split(']').next()?;
            let line = place.split(':').nth(1)?;
            Some(format!("{line} {code}"))
        })
        .collect();
    assert_snapshot!(told.join("\n"), @"
    2 manifest/wrong-type
    4 manifest/wrong-type
    6 manifest/wrong-type
    7 manifest/host-keys
    11 plugin/not-found
    12 manifest/unknown-key
    15 manifest/invalid-duration
    16 config/wrong-type
    17 grant/missing
    19 manifest/invalid-duration
    34 manifest/invalid-name
    ");
}
