//! What a person sees before anything runs.

use insta::assert_snapshot;

use crate::steps;
use crate::support::Project;

const EVERYTHING: &str = r#"
    [pipeline]
    name = "shop"
    hide = ["*.pem"]
    [env]
    DJANGO_SETTINGS_MODULE = "shop.settings"
    [targets.staging]
    hosts = ["deploy@a.example", "deploy@b.example:2222"]
    key = "deploy-key"
    host-keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMRmX3lSmYTnQ8ZQJ5eZ1n0pNbG0A3k0T3n0uX1Yb1mE"]
    [stages.build]
    uses = "probe.wasm"
    with = { steps = [], asks = ["exec sh", "exec tool", "secrets token", "http https://api.example", "source commit"] }
    timeout = "10m"
    [stages.build.grant]
    exec = { sh = "sh", tool = "bin/tool" }
    net = ["db.example:5432", "host-loopback:6379", "unix:/run/db.sock", { to = "db.corp:5432", private = true }]
    read = ["/usr/share"]
    write = ["out", "."]
    env = ["DATABASE_URL", "HOME"]
    secrets = { token = "api-token" }
    http = ["https://api.example"]
    source = true
    memory = "64MiB"
    output = "1MiB"
    [stages.deploy]
    uses = "probe.wasm"
    needs = ["build"]
    when = "branch == 'main'"
    with = { steps = [], asks = ["ssh staging"] }
    grant = { ssh = ["staging"] }
"#;

#[test]
fn all_that_can_be_granted() {
    assert_snapshot!(Project::of(EVERYTHING).run(["plan"]).code(0).only_stdout(), @"
    shop: 2 stages

    Every stage, without a grant
      reads    the workspace, but not .git, .env, .env.* (without *.example),
               .tidegate and what the manifest hides
      writes   its own scratch folder, which is removed at its end
      knows    the time, random numbers, its configuration, and outputs and
               artifacts of the stages that it needs; a small memory of its own
               between runs
      reports  log lines, findings, tests, outputs, artifacts

    Every program that a stage runs
      sees     what its stage sees, and its toolchain
               of this machine /usr, /bin, /sbin, /lib, /lib32, /lib64, /libx32,
               /libexec, /etc/ld.so.cache, /etc/alternatives, /etc/localtime,
               /etc/timezone, /etc/os-release, /etc/debian_version,
               /etc/lsb-release, /etc/redhat-release, /etc/alpine-release,
               /etc/mime.types, /etc/services, /etc/protocols, /etc/fonts,
               /etc/python3.*, /etc/ssl/openssl.cnf, /etc/pki/tls/openssl.cnf,
               /etc/crypto-policies
               made for it: /etc/passwd, /etc/group, /etc/hosts, /etc/hostname,
               /etc/nsswitch.conf, /etc/resolv.conf; /proc with its own processes;
               /dev with null, zero, full, random, urandom
      writes   anywhere in the workspace, into a copy that is thrown away at the
               stage's end; only the folders under `writes` are the real ones; its
               stage's scratch folder, with HOME and TMPDIR in it; a /tmp and a
               /dev/shm of its stage's own
      knows    the variables HOME, USER, LOGNAME, TMPDIR, LANG, PATH, none of which
               lead to yours; its user and its host are called tidegate
      reaches  its own loopback

    Every program of a stage with `reaches`
      sees     of this machine also /etc/ssl/certs, /etc/ssl/cert.pem,
               /etc/ca-certificates, /etc/pki/tls/cert.pem, /etc/pki/tls/certs,
               /etc/pki/ca-trust/extracted

    The manifest hides *.pem

    build  probe 0.1.0 (probe.wasm, sha256:[digest])
      runs     sh = /usr/bin/sh
               tool = bin/tool of the workspace, looked up when the stage starts
      reads    /usr/share
      writes   out
               . (all of the workspace)
      reaches  db.example:5432
               host-loopback:6379
               unix:/run/db.sock
               db.corp:5432, also at a private address
      http     https://api.example
      knows    variables of the manifest: DJANGO_SETTINGS_MODULE
               your variable DATABASE_URL (not set)
               your variable HOME
               the secret api-token, as token
               the repository's commit, branch, tag and changed files
      limits   10 min 00 s, memory 64 MiB, output 1 MiB

    deploy  probe 0.1.0 (probe.wasm, sha256:[digest])
      after    build
      when     branch == 'main'
      ssh      staging: deploy@a.example, deploy@b.example:2222
                 with the secret deploy-key as key, and 1 pinned host key
      limits   1 h 00 min, memory 256 MiB, output 64 MiB
    ");
}

#[test]
fn fits_80_columns() {
    let plan = Project::of(EVERYTHING).run(["plan"]).code(0).stdout();
    let long: Vec<_> = plan.lines().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(long, [""; 0]);
}

#[test]
fn nothing_granted() {
    let project = Project::of(&(steps(&[]) + "[stages.other]\nuses = \"probe.wasm\"\nwith = { steps = [] }\n"));
    assert_snapshot!(project.run(["plan", "other"]).code(0).only_stdout(), @"
    project: 1 stage

    Every stage, without a grant
      reads    the workspace, but not .git, .env, .env.* (without *.example),
               .tidegate and what the manifest hides
      writes   its own scratch folder, which is removed at its end
      knows    the time, random numbers, its configuration, and outputs and
               artifacts of the stages that it needs; a small memory of its own
               between runs
      reports  log lines, findings, tests, outputs, artifacts

    other  probe 0.1.0 (probe.wasm, sha256:[digest])
      limits   1 h 00 min, memory 256 MiB, output 64 MiB

    it: not asked for
    ");
}

/// What a stage asks for holds where the manifest says nothing; the manifest's own word wins.
#[test]
fn time_to_stop() {
    let asks = |rest: &str| {
        let asks = "uses = \"probe.wasm\"\nwith = { steps = [], asks = [\"?stop-grace 1m\"] }\n";
        let ran = Project::of(&format!("[stages.it]\n{asks}{rest}")).run(["plan"]).code(0);
        let text = ran.only_stdout();
        let limits = text.lines().find(|line| line.starts_with("  limits")).unwrap();
        limits.trim().to_owned()
    };
    assert_eq!(
        asks(""),
        "limits   1 h 00 min, memory 256 MiB, output 64 MiB, stop grace 1 min 00 s"
    );
    assert_eq!(
        asks("stop-grace = \"1m30s\"\n"),
        "limits   1 h 00 min, memory 256 MiB, output 64 MiB, stop grace 1 min 30 s"
    );
    assert_eq!(
        asks("stop-grace = \"5s\"\n"),
        "limits   1 h 00 min, memory 256 MiB, output 64 MiB"
    );
}

#[test]
fn as_json() {
    let ran = Project::of(EVERYTHING).run(["plan", "--format", "json"]).code(0);
    let events = ran.events();
    let plan = &events[0];
    assert_eq!(events.len(), 1);
    assert_eq!(plan["stages"][0]["grant"]["secrets"]["token"], "api-token");
    assert_eq!(plan["stages"][1]["needs"][0], "build");
    assert_eq!(plan["targets"]["staging"]["key"], "deploy-key");
}

#[test]
fn inspect_a_standard_stage() {
    assert_snapshot!(sizes(&Project::new().run(["inspect", "command"]).code(0).only_stdout()), @"
    command 0.1.0
    Runs a granted program with arguments

      from     standard, [size]
      digest   sha256:[digest]
      imports  tidegate:stage/context@0.1.0
               tidegate:stage/report@0.1.0
               tidegate:stage/process@0.1.0
               wasi:io/poll@0.2.6
               wasi:clocks/monotonic-clock@0.2.6
               wasi:io/error@0.2.6
               wasi:io/streams@0.2.6
               wasi:cli/environment@0.2.6
               wasi:cli/exit@0.2.6
               wasi:cli/stdin@0.2.6
               wasi:cli/stdout@0.2.6
               wasi:cli/stderr@0.2.6
               wasi:cli/terminal-input@0.2.6
               wasi:cli/terminal-output@0.2.6
               wasi:cli/terminal-stdin@0.2.6
               wasi:cli/terminal-stdout@0.2.6
               wasi:cli/terminal-stderr@0.2.6
               wasi:clocks/wall-clock@0.2.6
      asks for what its settings call for: `tidegate plan` shows it

      with
        args             Its arguments, one string each.
        cwd              Working folder, relative to the workspace. Default: the
                         workspace.
        env              Environment variables, besides those of the manifest.
        expect-exit      Exit codes that count as a pass.
        program          The program's name, as `grant.exec` binds it. One word:
                         arguments go into `args`, and there is no shell. (required)
        stdin            Text for its standard input. Default: none.
        timeout          How long it may take, as in `90s` or `10m`. Default: as
                         long as the stage.
    ");
}

#[test]
fn inspect_what_a_stage_asks_for() {
    let page = Project::new().run(["inspect", "python-env"]).code(0).only_stdout();
    let asks = page.split("  asks for").nth(1).unwrap().split("\n\n").next().unwrap();
    assert_snapshot!(asks, @"
    exec python: to make the environment
              net @python-index: to download packages
              write .venv: the environment
              optional exec uv: to install the packages, faster than pip
    ");
}

#[test]
fn inspect_a_file() {
    assert_snapshot!(sizes(&Project::new().run(["inspect", "probe.wasm"]).code(0).only_stdout()), @"
    probe 0.1.0
    Does what its configuration says

      from     probe.wasm, [size]
      digest   sha256:[digest]
      imports  tidegate:stage/context@0.1.0
               tidegate:stage/files@0.1.0
               tidegate:stage/report@0.1.0
               tidegate:stage/state@0.1.0
               tidegate:stage/process@0.1.0
               tidegate:stage/secrets@0.1.0
               tidegate:stage/http@0.1.0
               tidegate:stage/ssh@0.1.0
               wasi:io/poll@0.2.6
               wasi:clocks/monotonic-clock@0.2.6
               wasi:io/error@0.2.6
               wasi:io/streams@0.2.6
               wasi:cli/environment@0.2.6
               wasi:cli/exit@0.2.6
               wasi:cli/stdin@0.2.6
               wasi:cli/stdout@0.2.6
               wasi:cli/stderr@0.2.6
               wasi:cli/terminal-input@0.2.6
               wasi:cli/terminal-output@0.2.6
               wasi:cli/terminal-stdin@0.2.6
               wasi:cli/terminal-stdout@0.2.6
               wasi:cli/terminal-stderr@0.2.6
               wasi:clocks/wall-clock@0.2.6
               wasi:filesystem/types@0.2.6
               wasi:filesystem/preopens@0.2.6
      asks for what its settings call for: `tidegate plan` shows it

      with
        asks             Requests as `CAPABILITY NAME`, with a `?` in front of an
                         optional one.
        color            A choice, to see what is refused.
        number           A number, to see its type.
        steps            Steps, one after the other: a word and its argument.
                         (required)
    ");
}

#[test]
fn inspect_what_is_not_there() {
    let project = Project::new().file("notes.txt", "not wasm");
    assert_snapshot!(project.run(["inspect", "pytest"]).code(2).only_stderr(), @"
    error: there is no standard stage or plugin `pytest`

    hint: give a component's file, or a name of `tidegate list --standard`
    ");
    assert_snapshot!(project.run(["inspect", "notes.txt"]).code(3).only_stderr(), @"
    error: notes.txt: the file is not WebAssembly

    hint: give the .wasm file that the build made, for Rust under target/wasm32-wasip2/release
    ");
}

/// A component's size depends on the compiler.
fn sizes(text: &str) -> String {
    regex::Regex::new(r"\d+(\.\d+)? ?[KM]iB|\d+ ?B\b")
        .unwrap()
        .replace_all(text, "[size]")
        .into_owned()
}

#[test]
fn list() {
    assert_snapshot!(Project::of(EVERYTHING).run(["list"]).code(0).only_stdout(), @"
    build            probe.wasm
    deploy           probe.wasm               after build
    ");
}

#[test]
fn list_standard() {
    assert_snapshot!(Project::new().run(["list", "--standard"]).code(0).only_stdout(), @"
    command                0.1.0    Runs a granted program with arguments
    deploy-ssh             0.1.0    Deploys to the hosts of an SSH target, with
                                    lock, atomic swap, health check and rollback
    django-migrate-check   0.1.0    Checks the migrations of a Django project: their
                                    graph, and whether one is missing
    pytest-runner          0.1.0    Runs the project's tests with pytest and reports
                                    each one as it ends
    python-env             0.1.0    Makes a virtual environment with what the
                                    project requires
    ");
}
