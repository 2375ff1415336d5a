//! Plugins that are not there, or are none.

use insta::assert_snapshot;

use crate::check;
use crate::support::Project;

#[test]
fn plugin_not_found() {
    assert_snapshot!(check("[stages.test]\nuses = \"pytest-runer\"\n", 2), @r#"
    error[plugin/not-found]: there is no standard stage or plugin `pytest-runer`
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
    error[plugin/not-found]: there is no standard stage or plugin `terraform`
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
    error[component/not-wasm]: the plugin `lint.wasm` can't be used: the file is not WebAssembly
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
    error[component/core-module]: the plugin `lint` can't be used: the file is a core module, not a component
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
    error[component/missing-export]: the plugin `lint.wasm` can't be used: the component does not export `tidegate:stage/plugin`
     --> tidegate.toml:2:8
      |
    2 | uses = "lint.wasm"
      |        ^^^^^^^^^^^
      |
      = help: export the interface `plugin` of the world `tidegate:stage/stage`

    1 error in tidegate.toml
    "#);
}
