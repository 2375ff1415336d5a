//! Each limit ends what goes beyond it, and says which it was.

use tidegate_sandbox::{AttemptEnd, Interface, Level, StageEvent};

use crate::start::{Start, run};

async fn limit(behave: &str) -> String {
    let ended = Start::new(behave).await.granted([Interface::Process]).run().await;
    match ended.end {
        AttemptEnd::LimitExceeded(text) => text,
        other => panic!("{behave}: {other:?}"),
    }
}

#[tokio::test]
async fn of_what_the_host_keeps_for_a_stage() {
    assert_eq!(limit("memory").await, "the stage needs more than 256 MiB of memory");
    assert_eq!(
        limit("resources").await,
        "the stage needs more than 4096 open resources"
    );
    assert_eq!(
        limit("big-string").await,
        "the stage needs to pass more than 16 MiB in one call"
    );
    assert_eq!(
        limit("big-builder").await,
        "the stage needs more than 64 MiB in commands and requests"
    );
    assert_eq!(
        limit("random").await,
        "the stage needs more than 1 MiB of random bytes in one call"
    );
}

#[tokio::test]
async fn of_the_manifest_for_memory() {
    let mut start = Start::new("memory").await;
    start.spec.limits.memory_bytes = 20 << 20;
    assert_eq!(
        start.run().await.end,
        AttemptEnd::LimitExceeded("the stage needs more than 20 MiB of memory".into())
    );
}

fn warning(text: &str) -> StageEvent {
    StageEvent::Log {
        level: Level::Warning,
        message: text.into(),
    }
}

#[tokio::test]
async fn of_log_text() {
    let cut = warning("output truncated: the stage logged more than 8 MiB");
    let stdout = run("flood-stdout").await;
    assert_eq!(stdout.end, AttemptEnd::Passed);
    assert_eq!(stdout.events.last(), Some(&cut));
    assert_eq!(stdout.events.len(), (8 << 20) / (99 + 64) + 1);

    let log = run("flood-log").await;
    assert_eq!(log.end, AttemptEnd::Passed);
    assert_eq!(log.events.last(), Some(&cut));
    assert_eq!(log.events.len(), (8 << 20) / 64 + 1);
}

#[tokio::test]
async fn of_findings_and_progress() {
    let findings = run("flood-findings").await;
    assert_eq!(findings.end, AttemptEnd::Passed);
    assert_eq!(findings.events.len(), 10_001);
    assert_eq!(
        findings.events[10_000],
        warning("the stage reported more than 10000 findings; the rest is dropped")
    );

    let progress = run("flood-progress").await;
    assert!(progress.events.len() < 200, "{}", progress.events.len());
    let last = StageEvent::Progress {
        done: 50_000,
        total: Some(50_000),
        what: "flooding".into(),
    };
    assert_eq!(progress.events.last(), Some(&last));
}
