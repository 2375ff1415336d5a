//! What a stage can do through each interface, with its grant and without.

use tidegate_sandbox::{
    AttemptEnd, Finding, Interface, Level, Location, Preopen, Severity, StageEvent, TestCase, TestOutcome,
};

use crate::start::{Start, run};

#[tokio::test]
async fn what_is_not_granted_is_denied_by_name() {
    let ended = run("all-denied").await;
    assert_eq!(ended.end, AttemptEnd::Passed);
    let denied = |interface: &str, grant: &str| {
        format!("`{interface}` is not granted to this stage; its manifest would say {grant}")
    };
    let answers = [
        denied("process", r#"exec = ["git"]"#),
        denied("process", r#"exec = ["git"]"#),
        denied("secrets", r#"secrets = ["token"]"#),
        denied("http", r#"http = ["https://example.com"]"#),
        denied("ssh", r#"ssh = ["staging"]"#),
        denied("ssh", r#"ssh = ["staging"]"#),
    ];
    let mut expected: Vec<_> = answers
        .iter()
        .map(|answer| format!("Some(Error::NotGranted({answer:?}))"))
        .collect();
    expected.push(format!(
        "None Some(Error::NotGranted({:?}))",
        denied("source", "source = true")
    ));
    assert_eq!(ended.log(), expected);
    assert_eq!(ended.broker.calls(), [""; 0]);
}

#[tokio::test]
async fn what_is_granted_reaches_the_broker() {
    use Interface::{Http, Process, Secrets, Source, Ssh};
    let ended = Start::new("granted")
        .await
        .granted([Http, Process, Secrets, Source, Ssh])
        .run()
        .await;
    assert_eq!(ended.end, AttemptEnd::Passed);
    assert_eq!(
        ended.log(),
        [
            "Exit::Code(3) oo",
            "poll [0]",
            "Stdout of 1 Some(Exit::Signal(9))",
            "value of token",
            r#"204 [("a", "b")]"#,
            r#"0 ["ls"] Some(7)"#,
            r#"Some(Error::Disconnected("false"))"#,
            "42",
            "[1]",
            r#"Some("abc") Some("main") None"#,
            r#"[Change { path: "b", kind: ChangeKind::Renamed, old-path: Some("a") }]"#,
            r#"["**/*.py"]"#,
            r#"Some(Error::NotFound("absent"))"#,
        ]
    );
    let spawn = |interactive| {
        format!(
            "spawn git [\"status\", \"-s\"] [(\"LANG\", \"C\")] Some(\"sub\") stdin Some(5) Capture Discard Some(1000) \
             interactive {interactive}"
        )
    };
    assert_eq!(
        ended.broker.calls(),
        [
            &*spawn(false),
            "drop 0",
            &*spawn(true),
            "stdin of 1: 1048576",
            "stdin of 1: 1048576",
            "stdin of 1: 1",
            "close stdin of 1",
            "poll [ProcessId(1)] 50",
            "kill 1",
            "drop 1",
            "HttpRequest { method: \"POST\", url: \"https://example.com/\", headers: [(\"accept\", \"*/*\")], \
             body: [98, 111, 100, 121], timeout_ms: Some(5) }",
            "open staging host of staging",
            "upload dist /srv",
            "write /srv/x 600",
            "write new 7",
            "close 2",
        ]
    );
}

#[tokio::test]
async fn a_forgotten_child_is_given_back() {
    let ended = Start::new("leak-child").await.granted([Interface::Process]).run().await;
    assert_eq!(ended.end, AttemptEnd::Passed);
    assert_eq!(ended.broker.calls().last().map(String::as_str), Some("drop 0"));
}

#[tokio::test]
async fn reports_become_events_and_broker_calls() {
    let ended = run("report").await;
    assert_eq!(ended.end, AttemptEnd::Passed);
    let location = Some(Location {
        path: "shop/models.py".into(),
        line: Some(3),
        column: None,
    });
    let log = |message: &str| StageEvent::Log {
        level: Level::Info,
        message: message.into(),
    };
    assert_eq!(
        ended.events,
        [
            StageEvent::Finding(Finding {
                severity: Severity::Error,
                code: "behave/one".into(),
                message: format!("{} … (cut)", "m".repeat(64 << 10)),
                location: location.clone(),
                help: Some("do it".into()),
                extra: vec![("key".into(), "1".into())],
            }),
            StageEvent::Test(TestCase {
                suite: "suite".into(),
                name: "name".into(),
                outcome: TestOutcome::UnexpectedPass,
                duration_us: 5,
                message: None,
                location,
                extra: Vec::new(),
            }),
            StageEvent::Metric {
                name: "coverage".into(),
                value: 87.5,
                unit: "%".into()
            },
            StageEvent::Summary {
                markdown: "# Done".into()
            },
            log("the output `count` is not JSON: EOF while parsing an object at line 1 column 1"),
            log(r#"Some("state of durations")"#),
        ]
    );
    assert_eq!(
        ended.broker.calls(),
        [
            "output count 3",
            "artifact junit junit.xml application/xml",
            "state durations {}"
        ]
    );
}

#[tokio::test]
async fn standard_streams_become_log_lines() {
    let ended = run("print").await;
    let line = |level, message: &str| StageEvent::Log {
        level,
        message: message.into(),
    };
    assert_eq!(
        ended.events,
        [
            line(Level::Info, "to stdout"),
            line(Level::Warning, "to stderr"),
            line(Level::Debug, "to the log"),
            line(Level::Info, "no end of line"),
        ]
    );
}

#[tokio::test]
async fn context_tells_what_the_spec_says() {
    let mut start = Start::new("context").await;
    start.spec.dry_run = true;
    start.spec.attempt = 2;
    start
        .spec
        .inputs
        .entry("env".into())
        .or_default()
        .insert("python".into(), "\"3.12\"".into());
    start
        .spec
        .artifacts
        .entry("env".into())
        .or_default()
        .insert("lock".into(), "/a/lock".into());
    assert_eq!(
        start.run().await.log(),
        [r#"behave run-1 2 Some("\"3.12\"") None Some("/a/lock") /srv/project /srv/scratch true false"#]
    );
}

#[tokio::test]
async fn files_are_the_preopened_folders_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let [workspace, scratch, outside] = ["workspace", "scratch", "outside"].map(|name| dir.path().join(name));
    for folder in [&workspace, &scratch, &outside] {
        std::fs::create_dir(folder).unwrap();
    }
    std::fs::write(workspace.join("manage.py"), "django").unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(&outside, workspace.join("link")).unwrap();

    let mut start = Start::new("files").await;
    start.spec.workspace = workspace.clone();
    start.spec.scratch = scratch.clone();
    start.spec.config = serde_json::json!({
        "behave": "files",
        "outside": ["link/secret", "../outside/secret", outside.join("secret"), "/etc/passwd", "/proc/self/environ"],
    })
    .to_string();
    start.preopens = vec![
        Preopen {
            host: workspace.clone(),
            guest: workspace.clone(),
            writable: false,
        },
        Preopen {
            host: scratch.clone(),
            guest: scratch.clone(),
            writable: true,
        },
    ];
    let ended = start.run().await;
    assert_eq!(ended.end, AttemptEnd::Passed);
    let log = ended.log();
    assert_eq!(&log[..2], ["django", "django"]);
    assert!(log[2..].iter().all(|line| line.starts_with("Err(")), "{log:?}");
    assert_eq!(log.len(), 8);
    assert_eq!(std::fs::read_to_string(workspace.join("manage.py")).unwrap(), "django");
    assert_eq!(std::fs::read_to_string(scratch.join("note")).unwrap(), "kept");
}

#[tokio::test]
async fn the_rest_of_wasi_is_empty_or_denied() {
    assert_eq!(run("environment").await.log(), ["[] [] Ok(0)"]);
    assert_eq!(
        run("sockets").await.log(),
        ["Err(PermissionDenied) Err(PermissionDenied)"]
    );
    assert_eq!(run("sockets").await.end, AttemptEnd::Passed);
}
