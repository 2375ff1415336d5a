//! `with` tables that the plugin's schema refuses.

use insta::assert_snapshot;

use crate::check;

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
