//! Whatever breaks and whenever: one release serves on all hosts, it is the one that the text says, and the next deployment
//! works.

use crate::rig::{Fault, Rig};

/// Two hosts with two releases, and the calls that a third deployment makes, so that each can be tampered with.
fn two_releases() -> (Rig, usize) {
    let original = Rig::new(&["a", "b"]);
    original.deploy("r0", "zero").unwrap();
    original.deploy("r1", "one").unwrap();
    let rig = Rig::copy_of(&original);
    rig.deploy_with("r2", "two", extras()).unwrap();
    let calls = *rig.calls.borrow();
    assert!(calls > 30, "a deployment made {calls} calls only");
    (original, calls)
}

fn extras() -> serde_json::Value {
    serde_json::json!({ "before-swap": ["true"], "before-swap-once": ["true"], "keep": 1 })
}

fn break_each_call(fault: Fault) {
    let (original, calls) = two_releases();
    for call in 0..calls {
        let mut rig = Rig::copy_of(&original);
        rig.fault = Some((call, fault));

        let result = rig.deploy_with("r2", "two", extras());
        let told = match &result {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        let (number, version) = if result.is_ok() { (3, "two") } else { (2, "one") };
        for host in ["a", "b"] {
            let place = format!("{fault:?} at call {call}, host {host}: {told}");
            assert_eq!(rig.current(host), Some(number), "{place}");
            assert_eq!(rig.live_version(host).as_deref(), Some(version), "{place}");
            assert_eq!(rig.running(host), Some(number), "{place}");
            assert!(!rig.is_locked(host), "{place}");
        }
        if result.is_err() {
            let first = told.lines().next().unwrap_or("");
            let said = [
                "release 2 serves as before; ",
                "release 2 serves; ",
                " (nothing was changed)",
            ];
            assert!(
                said.iter().any(|text| first.contains(text)),
                "{fault:?} at call {call}: {told}"
            );
        }
        if fault == Fault::Stop && result.is_ok() {
            let shown = rig.world.told();
            assert!(shown.contains("warning: the stop came"), "stop at call {call}: {shown}");
        }

        rig.fault = None;
        rig.world.forget_stop();
        let next = rig.deploy("r3", "three").unwrap();
        for host in ["a", "b"] {
            assert_eq!(
                rig.live_version(host).as_deref(),
                Some("three"),
                "{fault:?} at call {call}"
            );
            let half = rig
                .releases(host)
                .into_iter()
                .filter(|&number| number > 3 && number != next.release)
                .count();
            assert_eq!(half, 0, "{fault:?} at call {call}: a half release stayed");
        }
    }
}

#[test]
fn a_connection_that_breaks_before_a_call() {
    break_each_call(Fault::LostBefore);
}

#[test]
fn a_connection_that_breaks_before_the_answer() {
    break_each_call(Fault::LostAfter);
}

#[test]
fn a_stop_during_a_call() {
    break_each_call(Fault::Stop);
}

/// The engine is killed at any call: nothing cleans up. The next attempt of the same run goes on, and ends well.
#[test]
fn an_engine_that_is_killed() {
    let (original, calls) = two_releases();
    for call in 0..calls {
        let mut rig = Rig::copy_of(&original);
        rig.fault = Some((call, Fault::Killed));
        let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| rig.deploy_with("r2", "two", extras())));
        assert!(killed.is_err(), "call {call} was not made");
        for host in ["a", "b"] {
            assert!(
                matches!(rig.live_version(host).as_deref(), Some("one" | "two")),
                "killed at call {call}"
            );
        }

        rig.fault = None;
        rig.deploy_with("r2", "two", extras())
            .unwrap_or_else(|error| panic!("killed at call {call}: {error}"));
        for host in ["a", "b"] {
            assert_eq!(rig.live_version(host).as_deref(), Some("two"), "killed at call {call}");
            assert_eq!(rig.running(host), rig.current(host), "killed at call {call}");
            assert!(!rig.is_locked(host), "killed at call {call}");
        }
    }
}
