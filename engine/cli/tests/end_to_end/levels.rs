//! Machines that offer less.

use std::process::Command;

use crate::support::{Project, Ran};

const READS_A_SECRET: &str = "[stages.it]\nuses = \"command\"\n\
    with = { program = \"sh\", args = [\"-c\", \"cat app.py; cat .env; touch made out/made; true\"] }\n\
    grant = { exec = [\"sh\"], write = [\"out\"] }\n";

/// As in containers and on hardened machines: in a user namespace that allows no further ones.
fn without_user_namespaces(project: &Project, arguments: &[&str]) -> Ran {
    let tidegate = project.command(arguments);
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "sh", "-c"])
        .arg("echo 0 > /proc/sys/user/max_user_namespaces; exec \"$@\"")
        .arg("sh")
        .arg(tidegate.get_program())
        .args(tidegate.get_args())
        .current_dir(project.root())
        .env_clear()
        .envs(tidegate.get_envs().filter_map(|(name, value)| Some((name, value?))));
    project.ran(&command.output().unwrap())
}

#[test]
fn without_namespaces_a_stage_is_refused_and_told_what_to_do() {
    let project = Project::of(READS_A_SECRET).file("app.py", "code\n");
    let said = without_user_namespaces(&project, &["run"]).code(2).only_stderr();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("user namespaces are switched off (user.max_user_namespaces is 0)"),
        "{said}"
    );
    assert!(
        said.contains("`tidegate doctor` shows what is missing") && said.contains("--allow-degraded"),
        "{said}"
    );
    let doctor = without_user_namespaces(&project, &["doctor"]).code(1).only_stdout();
    assert!(
        doctor.contains("sudo sysctl user.max_user_namespaces=15000"),
        "{doctor}"
    );
    assert!(doctor.contains("--allow-degraded"), "{doctor}");
}

#[test]
fn where_less_is_allowed_files_and_network_are_still_those_that_are_granted() {
    let project = Project::of(READS_A_SECRET)
        .file("app.py", "code\n")
        .file(".env", "SECRET=1\n");
    let ran = without_user_namespaces(&project, &["run", "--allow-degraded", "--format", "json"]).code(0);
    assert_eq!(ran.of_events("stage-started", "confinement"), ["degraded"]);
    assert!(ran.of_events("run-started", "not_enforced")[0].contains("--allow-degraded"));
    let said = ran.of_events("log", "message").join("\n");
    assert!(said.contains("code") && !said.contains("SECRET=1"), "{said}");
    assert!(project.path("out/made").exists() && !project.path("made").exists());
}

#[test]
fn what_is_allowed_and_not_needed_is_not_taken() {
    let project = Project::of(READS_A_SECRET).file("app.py", "code\n");
    let ran = project
        .run(["run", "--allow-degraded", "--allow-unconfined", "--format", "json"])
        .code(0);
    assert_eq!(ran.of_events("stage-started", "confinement"), ["full"]);
}
