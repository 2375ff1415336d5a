//! Commands: their codes, their output, and the ways in which they end early.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tidegate_runner::ssh::Connection;
use tidegate_sandbox::{SshError, SshExec, SshFinished, SshLine, StopSource, Stream};

use crate::sshd::Sshd;
use crate::{open, open_with, target};

fn shell(line: &str) -> SshExec {
    SshExec {
        line: SshLine::Shell(line.into()),
        stdin: Vec::new(),
        timeout_ms: None,
    }
}

async fn run(connection: &Connection, line: &str) -> Result<SshFinished, SshError> {
    connection.exec(shell(line), |_, _| {}).await
}

/// Whether a process with this text in its command line runs.
fn runs(text: &str) -> bool {
    let own = std::process::id().to_string();
    std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).any(|entry| {
        entry.file_name() != *own
            && std::fs::read(entry.path().join("cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(text))
    })
}

async fn ends(text: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while runs(text) {
        assert!(Instant::now() < deadline, "{text} still runs");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_exit_code_is_the_commands_own() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    for code in [0, 1, 2, 127, 255] {
        assert_eq!(run(&connection, &format!("exit {code}")).await.unwrap().exit_code, code);
    }
    assert_eq!(run(&connection, "kill -KILL $$").await.unwrap().exit_code, 128 + 9);
    assert_eq!(run(&connection, "kill -TERM $$").await.unwrap().exit_code, 128 + 15);
    assert_eq!(run(&connection, "no-such-program-here").await.unwrap().exit_code, 127);
}

#[tokio::test]
async fn arguments_arrive_as_they_are() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let words = [
        "printf",
        "%s|",
        "",
        "a b",
        "it's",
        "$(id)",
        "-rf",
        "line\nbreak",
        "ü*?",
        "\\",
        "\"",
    ];
    let argv = SshLine::Argv(words.iter().map(ToString::to_string).collect());
    let exec = SshExec {
        line: argv,
        stdin: Vec::new(),
        timeout_ms: None,
    };
    let finished = connection.exec(exec, |_, _| {}).await.unwrap();
    let expected: String = words[2..].iter().map(|word| format!("{word}|")).collect();
    assert_eq!(String::from_utf8(finished.stdout).unwrap(), expected);
    let empty = SshExec {
        line: SshLine::Argv(Vec::new()),
        stdin: Vec::new(),
        timeout_ms: None,
    };
    assert!(matches!(
        connection.exec(empty, |_, _| {}).await,
        Err(SshError::Other(_))
    ));
}

#[tokio::test]
async fn output_comes_while_the_command_runs_and_on_its_own_stream() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let started = Instant::now();
    let heard = Mutex::new(Vec::new());
    let finished = connection
        .exec(shell("echo first; sleep 2; echo second >&2"), |stream, bytes| {
            heard.lock().unwrap().push((stream, bytes.to_vec(), started.elapsed()));
        })
        .await
        .unwrap();
    let heard = heard.into_inner().unwrap();
    assert_eq!(finished.stdout, b"first\n");
    assert_eq!(finished.stderr, b"second\n");
    assert_eq!((heard[0].0, &heard[0].1[..]), (Stream::Stdout, &b"first\n"[..]));
    assert_eq!((heard[1].0, &heard[1].1[..]), (Stream::Stderr, &b"second\n"[..]));
    assert!(heard[1].2 - heard[0].2 > Duration::from_secs(1));
}

#[tokio::test]
async fn captured_output_stops_at_8_mib_and_the_callback_gets_all() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let count = Mutex::new(0);
    let finished = connection
        .exec(shell("head -c 20000000 /dev/zero; exit 3"), |_, bytes| {
            *count.lock().unwrap() += bytes.len()
        })
        .await
        .unwrap();
    assert_eq!(finished.exit_code, 3);
    assert_eq!((finished.stdout.len(), finished.truncated), (8 << 20, true));
    assert_eq!(count.into_inner().unwrap(), 20_000_000);
}

#[tokio::test]
async fn input_of_any_size_arrives_and_ends() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let stdin: Vec<u8> = (0..6_000_000u32).map(|n| n as u8).collect();
    let exec = SshExec {
        line: SshLine::Shell("cat".into()),
        stdin: stdin.clone(),
        timeout_ms: None,
    };
    let finished = connection.exec(exec, |_, _| {}).await.unwrap();
    assert!(finished.stdout == stdin && finished.exit_code == 0);
    let ignored = SshExec {
        line: SshLine::Shell("exit 4".into()),
        stdin,
        timeout_ms: None,
    };
    assert_eq!(connection.exec(ignored, |_, _| {}).await.unwrap().exit_code, 4);
}

#[tokio::test]
async fn a_timeout_ends_the_command_there() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let started = Instant::now();
    let exec = SshExec {
        timeout_ms: Some(500),
        ..shell("sleep 311.7; echo never")
    };
    assert_eq!(connection.exec(exec, |_, _| {}).await, Err(SshError::TimedOut));
    assert!(started.elapsed() < Duration::from_secs(5));
    ends("sleep\x00311.7").await;
    assert_eq!(run(&connection, "echo usable").await.unwrap().stdout, b"usable\n");
}

#[tokio::test]
async fn a_stop_ends_the_command_and_later_commands_still_work() {
    let sshd = Sshd::start();
    let (source, stop) = StopSource::new();
    let connection = open_with(&target(&sshd), stop).await.unwrap();
    let (ended, ()) = tokio::join!(run(&connection, "trap '' TERM; sleep 312.7; sleep 312.7"), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        source.request();
    });
    assert_eq!(ended, Err(SshError::Stopping));
    ends("sleep\x00312.7").await;
    assert_eq!(
        run(&connection, "echo cleaned up").await.unwrap().stdout,
        b"cleaned up\n"
    );
}

#[tokio::test]
async fn a_command_that_nobody_waits_for_any_more_ends() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let abandoned = tokio::time::timeout(Duration::from_millis(500), run(&connection, "sleep 313.7"));
    assert!(abandoned.await.is_err());
    ends("sleep\x00313.7").await;
}

#[tokio::test]
async fn a_server_that_dies_is_disconnected_and_never_a_code() {
    let mut sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let running = tokio::spawn(async move { run(&connection, "echo started; sleep 60").await });
    tokio::time::sleep(Duration::from_millis(700)).await;
    sshd.kill();
    match running.await.unwrap() {
        Err(SshError::Disconnected(text)) => assert!(text.starts_with(&sshd.label()), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_daemon_left_behind_does_not_hold_the_command_up() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let started = Instant::now();
    let finished = run(&connection, "sleep 25 & echo done; exit 7").await.unwrap();
    assert_eq!((finished.exit_code, &finished.stdout[..]), (7, &b"done\n"[..]));
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[tokio::test]
async fn commands_run_side_by_side_on_one_connection() {
    let sshd = Sshd::start();
    let connection = open(&target(&sshd)).await.unwrap();
    let (a, b, c) = tokio::join!(
        run(&connection, "sleep 1; exit 1"),
        run(&connection, "exit 2"),
        run(&connection, "exit 3")
    );
    assert_eq!([a, b, c].map(|finished| finished.unwrap().exit_code), [1, 2, 3]);
}
