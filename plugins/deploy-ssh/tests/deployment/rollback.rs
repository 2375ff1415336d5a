//! Going back on request.

use std::fs;

use deploy_ssh::error::DeployError;
use deploy_ssh::fleet::Outcome;
use deploy_ssh::rollback::rollback;

use crate::rig::{Rig, identity};

fn go_back(rig: &Rig, run: &str) -> Result<Outcome, DeployError> {
    let (config, identity) = (rig.config(serde_json::json!({})), identity(run));
    rollback(&mut rig.fleet(&config, &identity))
}

#[test]
fn back_to_the_previous_good_release_and_never_to_a_bad_one() {
    let rig = Rig::new(&["a", "b"]);
    rig.deploy("r1", "one").unwrap();
    rig.deploy("r2", "two").unwrap();
    rig.deploy_with("r3", "three", serde_json::json!({ "before-swap": ["touch broken"] }))
        .unwrap_err();
    rig.deploy("r4", "four").unwrap();

    let outcome = go_back(&rig, "r5").unwrap();
    assert_eq!((outcome.release, outcome.previous), (2, Some(4)));
    let outcome = go_back(&rig, "r6").unwrap();
    assert_eq!((outcome.release, outcome.previous), (1, Some(2)));
    for host in ["a", "b"] {
        assert_eq!(rig.live_version(host).as_deref(), Some("one"));
        assert_eq!(rig.running(host), Some(1));
        assert!(
            rig.log(host)
                .ends_with("run=r6 stage=deploy commit=c0ffee from=2 to=1 result=\"rolled back\"\n")
        );
    }
    let error = go_back(&rig, "r7").unwrap_err();
    let text = "a: there is no good release before 1 to go back to (nothing was changed)\n\
                b: there is no good release before 1 to go back to";
    assert_eq!(error, DeployError::Misconfigured(text.to_owned()));
    assert_eq!(rig.deploy("r8", "eight").unwrap().release, 5);
}

#[test]
fn a_rollback_that_does_not_answer_is_undone() {
    let rig = Rig::new(&["a", "b"]);
    rig.deploy("r1", "one").unwrap();
    rig.deploy("r2", "two").unwrap();
    fs::write(rig.root("b").join("releases/1/broken"), "").unwrap();
    let error = go_back(&rig, "r3").unwrap_err().to_string();
    assert!(
        error.starts_with("release 1 did not answer and was put back: release 2 serves; b: health check: "),
        "{error}"
    );
    for host in ["a", "b"] {
        assert_eq!((rig.current(host), rig.running(host)), (Some(2), Some(2)));
        assert!(!rig.is_locked(host));
    }
}

#[test]
fn nothing_live_is_nothing_to_go_back_from() {
    let rig = Rig::new(&["a"]);
    let error = go_back(&rig, "r1").unwrap_err().to_string();
    assert!(error.contains("a: no release is live"), "{error}");
}

#[test]
fn back_from_a_release_that_never_answered() {
    let rig = Rig::new(&["a"]);
    rig.deploy("r1", "one").unwrap();
    rig.deploy("r2", "two").unwrap();
    fs::remove_file(rig.root("a").join(".tidegate/releases/2.live")).unwrap();
    rig.deploy_with("r3", "three", serde_json::json!({ "keep": 1 }))
        .unwrap();
    assert_eq!(go_back(&rig, "r4").unwrap().release, 1);
}
