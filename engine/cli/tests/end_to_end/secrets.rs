//! A secret's value is used, and never seen.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use crate::support::Project;

const SECRET: &str = "hunter22-correct-horse";

const LEAKING: &str = r#"
    [stages.leak]
    uses = "probe.wasm"
    with = { asks = ["secrets token", "exec sh"], steps = [
        "reveal token", "log it is {secret}!", "print it is {secret}!", "print-in-two {secret}", "print-long {secret}",
        "finding {secret}", "test {secret}", "progress {secret}", "metric {secret}", "summary {secret}",
        "output key \"{secret}\"", "run sh -c printf %s \"$0\" {secret}",
        "run sh -c printf hunter22-; printf '%s\n' correct-horse", "fail no {secret}",
    ] }
    grant = { secrets = ["token"], exec = ["sh"] }
"#;

/// The files and what is beneath the folders that hold the secret.
fn holding(path: &Path, found: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            holding(&entry.unwrap().path(), found);
        }
    } else if contains(&fs::read(path).unwrap(), SECRET.as_bytes()) {
        found.push(path.display().to_string());
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn is_masked_wherever_a_stage_says_it() {
    for (config, value) in [
        ("[secrets.token]\nenv = \"TOKEN\"\n", SECRET.to_owned()),
        ("[secrets.token]\nfile = \"token\"\n", String::new()),
    ] {
        let project = Project::of(LEAKING).config(config).env("TOKEN", &value);
        fs::write(project.config_folder().join("token"), format!("{SECRET}\n")).unwrap();
        let human = project.run(["run", "-v", "--events", "events.jsonl"]).code(1);
        let json = project.run(["run", "--format", "json"]).code(1);
        let logs = project.run(["logs", "-v"]).code(0);
        let show = project.run(["show"]).code(0);
        for said in [human.raw(), json.raw(), logs.raw(), show.raw()] {
            assert!(!said.contains(SECRET), "{said}");
            assert!(said.contains("•••"), "{said}");
        }
        let mut found = Vec::new();
        holding(&project.root(), &mut found);
        assert_eq!(found, [""; 0]);
        // Neither half of a line that was cut is shown.
        assert!(!json.raw().contains("xhunter22"), "{}", json.raw());
        assert!(!json.raw().contains("\"correct-horse"), "{}", json.raw());
    }
}

#[test]
fn is_there_for_the_stage() {
    let manifest = "[stages.it]\nuses = \"probe.wasm\"\nwith = { asks = [\"secrets mine\"], steps = [\"reveal mine\"] }\n\
                    grant = { secrets = { mine = \"token\" } }\n";
    let project = Project::of(manifest)
        .config("[secrets.token]\nenv = \"TOKEN\"\n")
        .env("TOKEN", SECRET);
    let ran = project.run(["run", "--format", "json"]).code(0);
    assert_eq!(ran.logged(), [format!("a secret of {} bytes", SECRET.len())]);
    assert_eq!(ran.of_events("secret-read", "name"), ["token"]);
}

#[test]
fn is_not_revealed_without_a_grant() {
    let manifest = r#"
        [stages.with]
        uses = "probe.wasm"
        with = { asks = ["secrets token"], steps = ["reveal token"] }
        grant = { secrets = ["token"] }
        [stages.without]
        uses = "probe.wasm"
        needs = ["with"]
        with = { steps = ["reveal token"] }
    "#;
    let project = Project::of(manifest)
        .config("[secrets.token]\nenv = \"TOKEN\"\n")
        .env("TOKEN", SECRET);
    let ran = project.run(["run", "--format", "json"]).code(3);
    assert_eq!(ran.outcomes(), ["with: passed", "without: denied"]);
    assert_snapshot!(ran.message_of("without"), @r#"not granted: `secrets` is not granted to this stage; its manifest would say secrets = ["token"]"#);
}

#[test]
fn without_a_source() {
    let project = Project::of(LEAKING);
    assert_snapshot!(project.run(["run"]).code(2).only_stderr(), @r#"
    error: no source for the secret `token`

    hint: say in [folder]/config/tidegate/config.toml where it comes from:

    [secrets.token]
    file = "~/path/to/token"   # or: env = "VARIABLE"
    "#);
    // Its value is not needed to see what would run.
    project.run(["plan"]).code(0);
}

#[test]
fn with_a_source_that_has_nothing() {
    let project = Project::of(LEAKING).config("[secrets.token]\nenv = \"TOKEN\"\n");
    assert_snapshot!(project.run(["run"]).code(2).only_stderr(), @"error: the secret `token` is to come from the variable TOKEN, which is not set");
    let project = Project::of(LEAKING).config("[secrets.token]\nfile = \"token\"\n");
    assert_snapshot!(project.run(["run"]).code(2).only_stderr(), @"error: the secret `token` is to come from [folder]/config/tidegate/token: No such file or directory (os error 2)");
}

#[test]
fn a_mistake_in_the_users_configuration() {
    let project = Project::of(LEAKING).config("[secrets.token]\nfiel = \"token\"\n");
    assert_snapshot!(project.run(["run"]).code(2).only_stderr(), @r#"
    error[config/secret-source]: [secrets.token] has no source
     --> [folder]/config/tidegate/config.toml:1:1
      |
    1 | [secrets.token]
      | ^^^^^^^^^^^^^^^ where does it come from?
      |
      = help: write `env = "VARIABLE"` or `file = "PATH"`

    error[manifest/unknown-key]: [secrets.token] has no key `fiel`
     --> [folder]/config/tidegate/config.toml:2:1
      |
    2 | fiel = "token"
      | ^^^^ did you mean `file`?

    2 errors in [folder]/config/tidegate/config.toml
    "#);
}

#[test]
fn too_short_to_be_masked() {
    let project = Project::of(LEAKING)
        .config("[secrets.token]\nenv = \"TOKEN\"\n")
        .env("TOKEN", "abc");
    let said = project.run(["run"]).stderr();
    assert_eq!(
        said.lines().next().unwrap(),
        "warning: the secret `token` is too short to be masked in logs"
    );
}
