//! Deployments as they should go, and as they go wrong by the release's own fault.

use std::fs;

use crate::rig::{Rig, identity};
use deploy_ssh::deploy::deploy;
use deploy_ssh::error::DeployError;
use deploy_ssh::survey::survey;
use deploy_ssh::world::{Answer, Identity};
use serde_json::json;

#[test]
fn the_first_and_the_second_release() {
    let rig = Rig::new(&["a", "b"]);
    let first = rig.deploy("r1", "one").unwrap();
    assert_eq!((first.release, first.previous), (1, None));
    let second = rig.deploy("r2", "two").unwrap();
    assert_eq!((second.release, second.previous), (2, Some(1)));
    for host in ["a", "b"] {
        assert_eq!(rig.live_version(host).as_deref(), Some("two"));
        assert_eq!(rig.running(host), Some(2));
        assert!(!rig.is_locked(host));
        let log = rig.log(host);
        assert!(
            log.lines().count() == 2
                && log.contains("run=r2 stage=deploy commit=c0ffee from=1 to=2 result=\"deployed\""),
            "{log}"
        );
    }
}

#[test]
fn shared_folders_are_linked_and_survive() {
    let rig = Rig::new(&["a"]);
    rig.deploy("r1", "one").unwrap();
    fs::write(rig.root("a").join("current/media/photo"), "sunset").unwrap();
    rig.deploy("r2", "two").unwrap();
    assert_eq!(
        fs::read_to_string(rig.root("a").join("current/media/photo")).unwrap(),
        "sunset"
    );
    assert_eq!(
        fs::read_to_string(rig.root("a").join("shared/media/photo")).unwrap(),
        "sunset"
    );
}

#[test]
fn a_missing_shared_file_is_known_before_anything_changes() {
    let rig = Rig::new(&["a", "b"]);
    let error = rig.deploy_with("r1", "one", json!({ "shared": [".env"] })).unwrap_err();
    let DeployError::Misconfigured(text) = error else {
        panic!("{error:?}")
    };
    assert!(
        text.contains("a: the shared file") && text.contains("b: the shared file"),
        "{text}"
    );
    assert!(!rig.root("a").exists());
}

#[test]
fn commands_before_the_swap_run_in_the_release_and_the_once_ones_on_one_host() {
    let rig = Rig::new(&["a", "b"]);
    let lines = json!({
        "before-swap": ["pwd > where; echo \"$RELEASE $RELEASE_PATH\" > env"],
        "before-swap-once": ["echo migrated > \"$SHARED_PATH/migrated\""],
    });
    rig.deploy_with("r1", "one", lines).unwrap();
    let release = rig.root("b").join("releases/1");
    assert_eq!(
        fs::read_to_string(release.join("where")).unwrap().trim(),
        release.to_str().unwrap()
    );
    assert_eq!(
        fs::read_to_string(release.join("env")).unwrap().trim(),
        format!("1 {}", release.display())
    );
    assert!(rig.root("a").join("shared/migrated").exists());
    assert!(!rig.root("b").join("shared/migrated").exists());
}

#[test]
fn what_one_release_generates_does_not_reach_another() {
    let rig = Rig::new(&["a"]);
    rig.deploy_with(
        "r1",
        "one",
        json!({ "before-swap": ["echo x > generated; echo changed >> version"] }),
    )
    .unwrap();
    rig.deploy_with("r2", "one", json!({})).unwrap();
    assert!(!rig.root("a").join("releases/2/generated").exists());
    assert_eq!(
        fs::read_to_string(rig.root("a").join("releases/2/version")).unwrap(),
        "one"
    );
    assert_eq!(
        fs::read_to_string(rig.root("a").join("releases/1/version")).unwrap(),
        "onechanged\n"
    );
}

#[test]
fn a_newly_excluded_file_does_not_linger() {
    let rig = Rig::new(&["a"]);
    rig.write_source("notes", "private");
    rig.deploy("r1", "one").unwrap();
    assert!(rig.root("a").join("current/notes").exists());
    rig.deploy_with("r2", "two", json!({ "exclude": ["/notes"] })).unwrap();
    assert!(!rig.root("a").join("current/notes").exists());
}

#[test]
fn a_failing_command_before_the_swap_changes_nothing_that_serves() {
    let rig = Rig::new(&["a", "b"]);
    rig.deploy("r1", "one").unwrap();
    // Without `sh -e` the last command would hide the failure.
    let lines = json!({ "before-swap": ["echo preparing; ls /no-such-folder; true"] });
    let error = rig.deploy_with("r2", "two", lines).unwrap_err();
    let DeployError::Failed(text) = error else {
        panic!("{error:?}")
    };
    assert!(
        text.starts_with(
            "release 2 was not swapped in: release 1 serves as before; \
             a: before-swap: `echo preparing; ls /no-such-folder; true` ended with exit code"
        ),
        "{text}"
    );
    assert!(text.contains("No such file"), "{text}");
    for host in ["a", "b"] {
        assert_eq!(rig.live_version(host).as_deref(), Some("one"));
        assert_eq!(rig.releases(host), [1]);
        assert!(!rig.is_locked(host));
    }
}

#[test]
fn a_release_that_does_not_answer_is_put_back_on_all_hosts() {
    let rig = Rig::new(&["a", "b"]);
    rig.deploy("r1", "one").unwrap();
    let lines = json!({ "before-swap": ["case $RELEASE_PATH in */b/*) touch broken ;; esac"] });
    let DeployError::Failed(text) = rig.deploy_with("r2", "two", lines).unwrap_err() else {
        panic!("not a failure")
    };
    assert!(
        text.starts_with("release 2 did not answer and was put back: release 1 serves; b: health check: "),
        "{text}"
    );
    assert!(text.contains("\nrelease 2 is marked as bad"), "{text}");
    for host in ["a", "b"] {
        assert_eq!((rig.current(host), rig.running(host)), (Some(1), Some(1)));
        assert!(
            rig.log(host).contains(
                "from=1 to=2 result=\"failed: release 2 did not answer and was put back: release 1 serves; b: "
            ),
            "{}",
            rig.log(host)
        );
    }
    // The number is not used again.
    assert_eq!(rig.deploy("r3", "three").unwrap().release, 3);
    assert_eq!(rig.releases("a"), [1, 3]);
}

#[test]
fn a_failing_restart_is_put_back_too() {
    let rig = Rig::new(&["a"]);
    rig.deploy("r1", "one").unwrap();
    let restart =
        json!({ "restart": "test ! -e broken; echo \"$RELEASE\" > ../../running", "before-swap": ["touch broken"] });
    let DeployError::Failed(text) = rig.deploy_with("r2", "two", restart).unwrap_err() else {
        panic!("not a failure")
    };
    assert!(
        text.starts_with("release 2 was put back: release 1 serves; a: restart: `"),
        "{text}"
    );
    assert_eq!((rig.current("a"), rig.running("a")), (Some(1), Some(1)));
}

#[test]
fn a_first_release_that_does_not_answer_leaves_nothing_live() {
    let rig = Rig::new(&["a"]);
    let DeployError::Failed(text) = rig
        .deploy_with("r1", "one", json!({ "before-swap": ["touch broken"] }))
        .unwrap_err()
    else {
        panic!("not a failure")
    };
    assert!(
        text.starts_with("release 1 did not answer and was taken down: nothing is live now; a: health check: "),
        "{text}"
    );
    assert_eq!(rig.current("a"), None);
}

#[test]
fn an_old_release_that_does_not_answer_either_is_said() {
    let rig = Rig::new(&["a"]);
    rig.deploy("r1", "one").unwrap();
    let DeployError::Failed(text) = rig
        .deploy_with("r2", "two", json!({ "health": { "command": "exit 3", "retries": 0 } }))
        .unwrap_err()
    else {
        panic!("not a failure")
    };
    assert!(
        text.starts_with(
            "release 2 did not answer and was put back: release 1 is live again and does not answer either; a: health"
        ),
        "{text}"
    );
}

#[test]
fn the_health_url_is_asked_until_the_new_release_answers() {
    let rig = Rig::new(&["a"]);
    let answer = |status: u16, body: &str| {
        Ok(Answer {
            status,
            location: None,
            body: body.to_owned(),
        })
    };
    rig.world.answers.borrow_mut().extend([
        answer(502, "bad gateway"),
        answer(200, "release 0"),
        answer(200, "release 1"),
    ]);
    let health =
        json!({ "url": "http://shop/healthz", "expect-text": "release {release}", "retries": 5, "interval": "3s" });
    rig.deploy_with("r1", "one", json!({ "health": health })).unwrap();
    assert_eq!(rig.world.slept.get().as_secs(), 6);

    let health = json!({ "url": "http://shop/healthz", "retries": 2 });
    rig.world.answers.borrow_mut().extend([
        answer(500, ""),
        answer(500, ""),
        answer(503, "database is down"),
        answer(200, ""),
    ]);
    let error = rig
        .deploy_with("r2", "two", json!({ "health": health }))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("; a: health check: http://shop/healthz: answered 503, expected 200: database is down\n"),
        "{error}"
    );
}

#[test]
fn keep_counts_good_releases_and_spares_the_one_before() {
    let rig = Rig::new(&["a"]);
    for number in 1..=4 {
        rig.deploy_with(&format!("r{number}"), "v", json!({ "keep": 2 }))
            .unwrap();
    }
    assert_eq!(rig.releases("a"), [3, 4]);
    rig.deploy_with("r5", "v", json!({ "keep": 1 })).unwrap();
    assert_eq!(rig.releases("a"), [4, 5]);
}

/// Release 2 went live, and the engine was killed before it knew whether that one answers.
fn an_unverified_release_is_live() -> Rig {
    let rig = Rig::new(&["a"]);
    rig.deploy("r1", "one").unwrap();
    rig.deploy("r2", "two").unwrap();
    fs::remove_file(rig.root("a").join(".tidegate/releases/2.live")).unwrap();
    rig
}

#[test]
fn a_release_that_never_answered_does_not_displace_the_last_good_one() {
    let rig = an_unverified_release_is_live();
    rig.deploy_with("r3", "three", json!({ "keep": 2 })).unwrap();
    assert_eq!(rig.releases("a"), [1, 3]);
}

#[test]
fn the_last_good_release_is_put_back_and_not_one_that_never_answered() {
    let rig = an_unverified_release_is_live();
    let broken = json!({ "before-swap": ["touch broken"] });
    let error = rig.deploy_with("r3", "three", broken).unwrap_err().to_string();
    assert!(
        error.starts_with("release 3 did not answer and was put back: release 1 serves; "),
        "{error}"
    );
    assert_eq!((rig.current("a"), rig.running("a")), (Some(1), Some(1)));
    let warning = "warning: a: release 2 is live and is not known to have answered; if 3 fails, 1 is put back";
    assert!(rig.world.told().contains(warning), "{}", rig.world.told());
}

#[test]
fn without_any_good_release_the_live_one_is_put_back() {
    let rig = Rig::new(&["a"]);
    rig.deploy("r1", "one").unwrap();
    fs::remove_file(rig.root("a").join(".tidegate/releases/1.live")).unwrap();
    let broken = json!({ "before-swap": ["touch broken"] });
    rig.deploy_with("r2", "two", broken).unwrap_err();
    assert_eq!((rig.current("a"), rig.running("a")), (Some(1), Some(1)));
}

#[test]
fn a_stop_says_what_serves() {
    for (extra, said) in [
        (
            json!({ "before-swap": ["true # stop here", "true"] }),
            "release 2 was not swapped in: release 1 serves as before; stopped",
        ),
        (
            json!({ "restart": "echo \"$RELEASE\" > ../../running # stop here" }),
            "release 2 was put back: release 1 serves; a: health check: stopped",
        ),
    ] {
        let rig = Rig::new(&["a"]);
        rig.deploy("r1", "one").unwrap();
        let error = rig.deploy_with("r2", "two", extra).unwrap_err();
        assert_eq!(error, DeployError::Stopped(said.to_owned()));
        let logged = format!("from=1 to=2 result=\"stopped: {said}\"");
        assert!(rig.log("a").contains(&logged), "{}", rig.log("a"));
        assert_eq!((rig.current("a"), rig.running("a")), (Some(1), Some(1)));
    }
}

#[test]
fn a_folder_that_can_not_be_made_is_said_once() {
    let rig = Rig::new(&["a"]);
    let DeployError::Misconfigured(text) = rig.deploy_with("r1", "one", json!({ "path": "/proc/x" })).unwrap_err()
    else {
        panic!("not misconfigured")
    };
    assert!(
        text.starts_with("a: the folder /proc/x can't be made: mkdir: ") && text.ends_with(" (nothing was changed)"),
        "{text}"
    );
    assert_eq!(text.matches("mkdir").count(), 1, "{text}");
    fs::write(rig.dir.path().join("file"), "").unwrap();
    let below = rig.dir.path().join("file/shop");
    let error = rig.deploy_with("r1", "one", json!({ "path": below })).unwrap_err();
    assert!(
        matches!(&error, DeployError::Misconfigured(text) if text.contains("/file is not a folder (nothing was changed)")),
        "{error:?}"
    );
}

#[test]
fn the_log_says_whether_the_workspace_was_that_of_the_commit() {
    for (dirty, said) in [
        (Some(true), "commit=c0ffee dirty=yes from="),
        (Some(false), "commit=c0ffee dirty=no from="),
        (None, "commit=c0ffee from="),
    ] {
        let rig = Rig::new(&["a"]);
        rig.write_source("version", "one");
        let config = rig.config(json!({}));
        let identity = Identity {
            dirty,
            ..identity("r1")
        };
        deploy(&mut rig.fleet(&config, &identity), rig.source().to_str().unwrap()).unwrap();
        assert!(rig.log("a").contains(said), "{}", rig.log("a"));
        survey(&mut rig.fleet(&config, &identity)).unwrap();
        let shown = rig
            .world
            .told()
            .contains("release 1 (commit c0ffee and changes in no commit) is live");
        assert_eq!(shown, dirty == Some(true), "{}", rig.world.told());
    }
}

#[test]
fn an_empty_source_is_refused() {
    let rig = Rig::new(&["a"]);
    let error = rig
        .deploy_with("r1", "one", json!({ "exclude": ["/version"] }))
        .unwrap_err()
        .to_string();
    assert!(error.contains("nothing was uploaded"), "{error}");
}

#[test]
fn a_folder_named_current_is_not_touched() {
    let rig = Rig::new(&["a"]);
    fs::create_dir_all(rig.root("a").join("current")).unwrap();
    let error = rig.deploy("r1", "one").unwrap_err();
    assert!(
        matches!(&error, DeployError::Misconfigured(text) if text.contains("is not a link; move it away")),
        "{error}"
    );
}

#[test]
fn the_same_run_again_has_nothing_to_do() {
    let rig = Rig::new(&["a", "b"]);
    rig.deploy("r1", "one").unwrap();
    let again = rig.deploy("r1", "one").unwrap();
    assert_eq!((again.release, again.changed), (1, false));
    assert!(rig.world.told().contains("a: release 1 is live already"));
    assert_eq!(rig.releases("a"), [1]);
}
