//! How an attempt ends, and when.

use std::time::{Duration, Instant};

use tidegate_sandbox::{AttemptEnd, Interface, RunError};

use crate::start::{Start, component, run, sandbox};

const GONE_AFTER: Duration = Duration::from_millis(100);

#[tokio::test]
async fn answers_become_outcomes() {
    assert_eq!(run("pass").await.end, AttemptEnd::Passed);
    assert_eq!(run("fail").await.end, AttemptEnd::Failed("two tests failed".into()));
    assert_eq!(
        run("misconfigured").await.end,
        AttemptEnd::Misconfigured("no settings".into())
    );
    assert_eq!(run("unavailable").await.end, AttemptEnd::Unavailable("no index".into()));
    assert_eq!(run("other").await.end, AttemptEnd::Unavailable("gave up".into()));
}

#[tokio::test]
async fn giving_up_after_a_denial_is_denied() {
    assert_eq!(
        run("give-up-when-not-granted").await.end,
        AttemptEnd::Denied(
            "git is needed: `process` is not granted to this stage; its manifest would say exec = [\"git\"]".into()
        )
    );
    let granted = Start::new("give-up-when-not-granted")
        .await
        .granted([Interface::Process])
        .run()
        .await;
    assert_eq!(granted.end, AttemptEnd::Passed);
}

#[tokio::test]
async fn a_denial_that_is_not_the_reason_is_not_the_end() {
    assert_eq!(
        run("not-granted-then-other").await.end,
        AttemptEnd::Unavailable("the disk is full".into())
    );
}

#[tokio::test]
async fn traps_tell_where() {
    let panic = run("panic").await;
    let AttemptEnd::Trapped(text) = &panic.end else {
        panic!("{:?}", panic.end)
    };
    assert!(text.contains("\n  at "), "{text}");
    assert!(
        panic.log().iter().any(|line| line.contains("on purpose")),
        "{:?}",
        panic.log()
    );

    let AttemptEnd::Trapped(text) = run("recurse").await.end else {
        panic!()
    };
    assert!(text.starts_with("call stack exhausted\n  at "), "{text}");
    assert!(text.lines().count() < 30, "{text}");

    assert_eq!(
        run("exit").await.end,
        AttemptEnd::Trapped("the component called exit(1) instead of returning".into())
    );
}

/// A busy machine can delay any one attempt, so the best of some counts.
async fn best_overrun(behave: &str, expected: fn(&AttemptEnd) -> bool) -> Duration {
    let (time, grace) = (Duration::from_millis(60), Duration::from_millis(60));
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Start::new(behave).await.time(time, grace);
        let begin = Instant::now();
        let ended = start.run().await;
        assert!(expected(&ended.end), "{:?}", ended.end);
        assert_eq!(ended.broker.calls(), ["time is over"]);
        best = best.min(begin.elapsed().saturating_sub(time + grace));
        if best < GONE_AFTER {
            break;
        }
    }
    best
}

#[tokio::test]
async fn a_stage_is_gone_after_its_time_and_grace() {
    let timed_out = |end: &AttemptEnd| {
        matches!(end, AttemptEnd::TimedOut(text)
            if text == "the stage took longer than its 0.06 s and did not stop when told")
    };
    assert!(best_overrun("spin", timed_out).await < GONE_AFTER);
    assert!(best_overrun("spin-in-copies", timed_out).await < GONE_AFTER);
    assert!(best_overrun("sleep", timed_out).await < GONE_AFTER);
}

/// On one thread with two spinning guests, timers must still fire and both must end.
#[tokio::test(flavor = "current_thread")]
async fn spinning_stages_leave_room_for_others() {
    let (time, grace) = (Duration::from_millis(200), Duration::from_millis(50));
    let one = Start::new("spin").await.time(time, grace);
    let two = Start::new("spin").await.time(time, grace);
    let begin = Instant::now();
    let (one, two, slept) = tokio::join!(one.run(), two.run(), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        begin.elapsed()
    });
    assert!(matches!(
        (one.end, two.end),
        (AttemptEnd::TimedOut(_), AttemptEnd::TimedOut(_))
    ));
    assert!(slept < Duration::from_millis(200), "{slept:?}");
}

#[tokio::test]
async fn a_stage_that_stops_in_its_grace() {
    let soon = Duration::from_millis(50);
    assert_eq!(
        Start::new("wait-for-stop").await.run_and_stop(soon).await.end,
        AttemptEnd::Passed
    );
    let text = "stopped in the middle".to_owned();
    assert_eq!(
        Start::new("fail-after-stop").await.run_and_stop(soon).await.end,
        AttemptEnd::Cancelled(Some(text))
    );
    let late = Start::new("fail-after-stop")
        .await
        .time(soon, Duration::from_secs(10))
        .run()
        .await;
    assert_eq!(
        late.end,
        AttemptEnd::TimedOut("the stage took longer than its 0.05 s; stopped in the middle".into())
    );
    let late = Start::new("wait-for-stop")
        .await
        .time(soon, Duration::from_secs(10))
        .run()
        .await;
    assert_eq!(
        late.end,
        AttemptEnd::TimedOut("the stage took longer than its 0.05 s".into())
    );
}

#[tokio::test]
async fn a_stage_that_does_not_stop_is_cancelled() {
    let soon = Duration::from_millis(50);
    for behave in ["spin", "sleep"] {
        let begin = Instant::now();
        let start = Start::new(behave).await.time(Duration::from_secs(60), soon);
        assert_eq!(start.run_and_stop(soon).await.end, AttemptEnd::Cancelled(None));
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn the_host_s_faults_are_errors() {
    let start = Start::new("pass").await;
    let mut spec = start.spec.clone();
    spec.component = tidegate_sandbox::Digest::of(b"other");
    let run = sandbox().run(
        component().await,
        &spec,
        Vec::new(),
        records(),
        start.broker.clone(),
        start.stop.clone(),
    );
    assert!(matches!(run.await.unwrap_err(), RunError::OtherComponent { .. }));

    let missing = tidegate_sandbox::Preopen {
        host: "/absent".into(),
        guest: "/absent".into(),
        writable: false,
    };
    let run = sandbox().run(
        component().await,
        &start.spec,
        vec![missing],
        records(),
        start.broker.clone(),
        start.stop,
    );
    assert!(matches!(run.await.unwrap_err(), RunError::Preopen { .. }));
}

fn records() -> std::sync::Arc<crate::records::Records> {
    std::sync::Arc::default()
}
