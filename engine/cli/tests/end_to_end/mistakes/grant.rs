//! Programs, paths and targets that are not there.

use insta::assert_snapshot;

use crate::check;
use crate::steps;
use crate::support::Project;

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

/// What a component asks for is its own text.
#[test]
fn request_that_would_be_a_command_of_the_ci_system() {
    let manifest = "[stages.it]\nuses = \"probe.wasm\"\n\
                    with = { steps = [], asks = [\"exec a\\n::error::pwned\", \"odd\\n##[group]x y\"] }\n";
    let said = check(manifest, 3);
    assert!(!said.lines().any(|line| line.trim_start().starts_with("::")), "{said}");
    assert!(!said.contains("##["), "{said}");
    assert_snapshot!(said, @r#"
    error[grant/missing]: stage `it` needs `exec` (a ::error::pwned) that the manifest does not give
     --> tidegate.toml:1:1
      |
    1 | [stages.it]
      | ^^^^^^^^^^^ not granted here
      |
      = help: exec a ::error::pwned: to try a ::error::pwned

    help: lines to paste into tidegate.toml:

        [stages.it.grant]
        exec = { "a ::error::pwned" = "a ::error::pwned" }

    error[grant/unknown-capability]: stage `it` asks for `odd #[joiner]#[group]x`, which this version of Tidegate does not know
     --> tidegate.toml:2:8
      |
    2 | uses = "probe.wasm"
      |        ^^^^^^^^^^^^ asked by this plugin
      |
      = help: it says: to try y

    2 errors in tidegate.toml
    "#);
}
