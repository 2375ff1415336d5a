//! Two keys: what a stage asks for, and what the manifest gives.

use std::fs;

use insta::assert_snapshot;

use crate::support::Project;

const ASKING: &str = r#"[stages.it]
uses = "probe.wasm"
with = { asks = ["exec sh", "write out", "secrets token", "source commit"], steps = ["run sh -c true"] }
"#;

#[test]
fn what_is_missing_comes_as_lines_to_paste() {
    let project = Project::of(ASKING)
        .config("[secrets.token]\nenv = \"TOKEN\"\n")
        .env("TOKEN", "a-long-token");
    let said = project.run(["run"]).code(3).only_stderr();
    assert_snapshot!(said, @r#"
    error[grant/missing]: stage `it` needs 4 grants that the manifest does not give
     --> tidegate.toml:1:1
      |
    1 | [stages.it]
      | ^^^^^^^^^^^ not granted here
      |
      = help: exec sh: to try sh
      = help: write out: to try out
      = help: secrets token: to try token
      = help: source commit: to try commit

    help: lines to paste into tidegate.toml:

        [stages.it.grant]
        exec = { sh = "sh" }
        write = ["out"]
        secrets = { token = "token" }
        source = true

    1 error in tidegate.toml
    "#);
    let pasted: Vec<_> = said
        .lines()
        .skip_while(|line| !line.contains("[stages.it.grant]"))
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim)
        .collect();
    let path = project.path("tidegate.toml");
    fs::write(&path, format!("{ASKING}\n{}\n", pasted.join("\n"))).unwrap();
    assert_snapshot!(project.run(["check"]).code(0).only_stdout(), @"tidegate.toml: 1 stage, no mistakes");
    project.run(["run"]).code(0);
}

#[test]
fn what_is_missing_beside_what_is_there() {
    let manifest = format!("{ASKING}grant = {{ exec = [\"sh\"], write = [\"out\"], source = true }}\n");
    assert_snapshot!(Project::of(&manifest).run(["check"]).code(3).only_stderr(), @r#"
    error[grant/missing]: stage `it` needs `secrets` (token) that the manifest does not give
     --> tidegate.toml:4:9
      |
    4 | grant = { exec = ["sh"], write = ["out"], source = true }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ not granted here
      |
      = help: secrets token: to try token

    help: lines to paste into tidegate.toml:

        # in the `grant` of [stages.it]:
        secrets = { token = "token" }

    1 error in tidegate.toml
    "#);
}

#[test]
fn an_optional_request_stops_nothing() {
    let manifest = ASKING.replace(
        r#""exec sh", "write out", "secrets token", "source commit""#,
        r#""?exec sh", "?teleport home""#,
    );
    let project = Project::of(&manifest);
    project.run(["check"]).code(0);
    assert_eq!(
        project.run(["run", "--format", "json"]).code(3).outcomes(),
        ["it: denied"]
    );
}

#[test]
fn a_grant_without_a_request_warns_and_gives_nothing() {
    let manifest = "[stages.it]\nuses = \"probe.wasm\"\nwith = { steps = [\"run sh -c true\"] }\n\
                    grant = { exec = [\"sh\"], secrets = [\"token\"], http = [\"https://example.com\"] }\n";
    let project = Project::of(manifest);
    let ran = project.run(["check"]).code(0);
    assert_snapshot!(ran.stderr(), @r#"
    warning[grant/unused]: stage `it` never asks for `exec` (sh)
     --> tidegate.toml:4:19
      |
    4 | grant = { exec = ["sh"], secrets = ["token"], http = ["https://example.co...
      |                   ^^^^ granted, and of no effect
      |
      = help: remove it: what is not granted can't be misused by a later version

    warning[grant/unused]: stage `it` never asks for `secrets` (token)
     --> tidegate.toml:4:37
      |
    4 | grant = { exec = ["sh"], secrets = ["token"], http = ["https://example.co...
      |                                     ^^^^^^^ granted, and of no effect
      |
      = help: remove it: what is not granted can't be misused by a later version

    warning[grant/unused]: stage `it` never asks for `http` (https://example.com)
     --> tidegate.toml:4:55
      |
    4 | ...ts = ["token"], http = ["https://example.com"] }
      |                            ^^^^^^^^^^^^^^^^^^^^^
      |
      = note: granted, and of no effect
      = help: remove it: what is not granted can't be misused by a later version

    3 warnings in tidegate.toml
    "#);
    assert_eq!(
        project.run(["run", "--format", "json"]).code(3).outcomes(),
        ["it: denied"]
    );
}

#[test]
fn a_request_that_nothing_can_grant() {
    let manifest = ASKING.replace(
        r#""exec sh", "write out", "secrets token", "source commit""#,
        r#""teleport home""#,
    );
    assert_snapshot!(Project::of(&manifest).run(["check"]).code(2).only_stderr(), @r#"
    error[grant/unknown-capability]: stage `it` asks for `teleport`, which this version of Tidegate does not know
     --> tidegate.toml:2:8
      |
    2 | uses = "probe.wasm"
      |        ^^^^^^^^^^^^ asked by this plugin
      |
      = help: it says: to try home

    1 error in tidegate.toml
    "#);
}

#[test]
fn a_named_set_holds_where_it_is_named() {
    let manifest = r#"
        [grants.shell]
        exec = ["sh"]
        [stages.with]
        uses = "probe.wasm"
        with = { asks = ["exec sh"], steps = ["run sh -c true"] }
        grant = ["shell", { write = ["out"] }]
        [stages.without]
        uses = "probe.wasm"
        with = { asks = ["?exec sh"], steps = ["run sh -c true"] }
    "#;
    let ran = Project::of(manifest)
        .run(["run", "--keep-going", "--jobs", "1", "--format", "json"])
        .code(3);
    assert_eq!(ran.outcomes(), ["with: passed", "without: denied"]);
}

#[test]
fn a_stage_never_chooses_a_program() {
    let manifest = "[stages.it]\nuses = \"probe.wasm\"\nwith = { asks = [\"exec tool\"], steps = [\"run tool x\", \"run /bin/sh x\"] }\n\
                    grant = { exec = { tool = \"true\" } }\n";
    let ran = Project::of(manifest).run(["run", "--format", "json"]).code(3);
    assert_snapshot!(ran.message_of("it"), @r#"not granted: `/bin/sh`; the manifest has to bind it: grant.exec = { "/bin/sh" = "…" }"#);
}

#[test]
fn a_file_that_is_not_granted_is_no_mistake_of_the_program() {
    let project = Project::new();
    let data = project.config_folder().join("fixture.json");
    fs::write(&data, "{}").unwrap();
    let manifest = |grant: &str| {
        format!(
            "[stages.it]\nuses = \"command\"\nwith = {{ program = \"cat\", args = [{data:?}] }}\n\
             grant = {{ exec = [\"cat\"]{grant} }}\n"
        )
    };
    let project = project.file("tidegate.toml", manifest(""));
    let said = project.run(["run"]).code(1).only_stderr();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let grant = "if the stage may read it: read = [\"[folder]/config/tidegate/fixture.json\"]";
    assert!(said.contains(grant), "{said}");
    fs::write(project.path("tidegate.toml"), manifest(&format!(", read = [{data:?}]"))).unwrap();
    project.run(["run"]).code(0);
}
