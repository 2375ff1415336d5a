//! When the machine is not as one would like it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::steps;
use crate::support::Project;

#[test]
fn two_runs_of_one_project_at_the_same_time() {
    let manifest = steps(&["write meet/${vars.own}", "wait-for meet/${vars.other}"])
        + "grant = { write = [\"meet\"] }\ntimeout = \"60s\"\n[vars]\nown = \"a\"\nother = \"b\"\n";
    let project = Project::of(&manifest);
    let first = project.start(["run", "--format", "json"]);
    let second = project.start(["run", "--format", "json", "--set", "own=b", "--set", "other=a"]);
    first.end().code(0);
    second.end().code(0);
    let runs = project.run(["runs"]).code(0).stdout();
    assert_eq!(runs.matches("✓ passed").count(), 2, "{runs}");
}

#[test]
fn a_reader_that_has_seen_enough() {
    let project = Project::of(&steps(&["log hello"]));
    let mut command = project.command(["plan"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

/// A deployment that is under way must not be ended by a log viewer.
#[test]
fn a_reader_of_events_that_goes_away_does_not_end_the_run() {
    let project = Project::of(&steps(&["log one", "log two", "log three"]));
    let mut command = project.command(["run", "--format", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("run-started"), "{line}");
    drop(reader);
    let output = child.wait_with_output().unwrap();
    assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"");
    assert_eq!(output.status.code(), Some(0));
    let show = project.run(["show"]).code(0).stdout();
    assert!(show.starts_with("project: passed in [time]\n"), "{show}");
    assert_eq!(project.left_in_temp(), [""; 0]);
}

#[test]
fn a_journal_of_a_newer_version() {
    let project = Project::of(&steps(&[]));
    project.run(["run"]).code(0);
    // The number stands at a fixed place of the file: SQLite's `user_version`, byte 60, big-endian.
    let database = project.path(".tidegate/state.db");
    let mut bytes = fs::read(&database).unwrap();
    bytes[60..64].copy_from_slice(&99u32.to_be_bytes());
    fs::write(&database, bytes).unwrap();
    assert_snapshot!(project.run(["run"]).code(2).only_stderr(), @"
    error: the journal was written by a newer Tidegate (format 99, this one knows 2)

    hint: use that version here, or move .tidegate away to begin a new journal
    ");
    assert_snapshot!(project.run(["runs"]).code(2).only_stderr(), @"
    error: the journal was written by a newer Tidegate (format 99, this one knows 2)

    hint: use that version here, or move .tidegate away to begin a new journal
    ");
}

#[test]
fn a_journal_that_is_none() {
    let project = Project::of(&steps(&[])).file(".tidegate/state.db", "this is no database at all, only some text");
    assert_snapshot!(project.run(["run"]).code(70).only_stderr(), @"error: failed to keep the run's journal: the journal's database: file is not a database");
}

/// Runs `script` in a mount namespace of its own; false when this machine does not allow that.
fn in_namespace(project: &Project, script: &str) -> Option<std::process::Output> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: mounting a small or a read-only file system needs root");
        return None;
    }
    let tidegate = project.command(["run"]);
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c", script, "sh"]);
    command.arg(tidegate.get_program()).current_dir("/").env_clear();
    for (name, value) in tidegate.get_envs() {
        command.env(name, value.unwrap());
    }
    command.env("PROJECT", project.root());
    Some(command.output().unwrap())
}

#[test]
fn a_full_disk() {
    let project = Project::of(&steps(&["print-long x"; 40]));
    let script = "cd / && cp -r $PROJECT/. $TMPDIR/copy && mount -t tmpfs -o size=640k tmpfs $PROJECT && cp -r $TMPDIR/copy/. $PROJECT/; \
                  rm -r $TMPDIR/copy; cd $PROJECT && $1 run --quiet";
    let Some(output) = in_namespace(&project, script) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(70), "{said}");
    assert!(
        said.starts_with("error: the run was stopped: failed to keep the run's journal: ")
            || said.starts_with("error: failed to keep the run's journal: "),
        "{said}"
    );
}

#[test]
fn a_project_that_can_not_be_written() {
    let project = Project::of(&steps(&[]));
    let script = "mount --bind $PROJECT $PROJECT && mount -o remount,ro,bind $PROJECT && cd $PROJECT && $1 run";
    let Some(output) = in_namespace(&project, script) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr).replace(project.root().to_str().unwrap(), "[project]");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_snapshot!(said, @"
    error: failed to keep the run's journal: failed to write [project]/.tidegate: Read-only file system (os error 30)

    hint: a run is kept in .tidegate of the project, which has to be writable for your user
    ");
}

#[test]
fn a_journal_that_can_only_be_read() {
    let project = Project::of(&steps(&["log hello"]));
    project.run(["run"]).code(0);
    let script =
        "mount --bind $PROJECT $PROJECT && mount -o remount,ro,bind $PROJECT && cd $PROJECT && $1 logs && $1 runs";
    let Some(output) = in_namespace(&project, script) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.starts_with("it hello\n") && said.contains("passed"), "{said}");
}

#[test]
fn a_cache_that_can_not_be_written_is_done_without() {
    let project = Project::of(&steps(&["log hello"]));
    let project = project.env("XDG_CACHE_HOME", "/proc/nowhere");
    assert_eq!(project.run(["run", "--format", "json"]).code(0).logged(), ["hello"]);
}

#[test]
fn a_cache_that_others_may_write_is_not_used() {
    let project = Project::of(&steps(&["log hello"]));
    let cache = project.path("../cache");
    let code = cache.join("tidegate/code");
    fs::create_dir_all(&code).unwrap();
    fs::set_permissions(&code, fs::Permissions::from_mode(0o777)).unwrap();
    let project = project.env("XDG_CACHE_HOME", cache.to_str().unwrap());
    assert_snapshot!(project.run(["run"]).code(2).only_stderr(), @"
    error: others can write to the folder for compiled code [folder]/project/../cache/tidegate/code

    hint: make it private: rm -r '[folder]/project/../cache/tidegate/code' && mkdir -m 700 '[folder]/project/../cache/tidegate/code'
    ");
    assert_eq!(fs::read_dir(&code).unwrap().count(), 0);
}

/// A slim container has no certificates: that is a matter of those who ask a secure host, and of nobody else.
#[test]
fn without_authorities_only_a_secure_request_fails() {
    let manifest = "[stages.it]\nuses = \"probe.wasm\"\ngrant = { http = [\"https://api.example\"] }\n\
                    with = { asks = [\"http https://api.example\"], steps = [\"log hello\", \"get https://api.example/\"] }\n";
    let ran = Project::of(manifest)
        .env("SSL_CERT_FILE", "/nonexistent")
        .env("SSL_CERT_DIR", "/nonexistent")
        .run(["run", "--format", "json"])
        .code(0);
    assert_snapshot!(ran.logged().join("\n"), @r#"
    hello
    https://api.example/: Tls("the certificates of this system's authorities can't be read: unexpected error: No CA certificates were loaded from the system; install ca-certificates or set SSL_CERT_FILE")
    "#);
}
