//! One deployment at a time, and nobody's lock is removed by somebody else.

use std::fs;
use std::process::Command;

use deploy_ssh::error::DeployError;

use crate::rig::Rig;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/scripts/lock.sh");

fn write_owner(rig: &Rig, token: &str, until: u64) {
    let lock = rig.root("a").join(".tidegate/lock");
    fs::create_dir_all(&lock).unwrap();
    let owner = format!("{token}\t1700000000\t{until}\tann from 192.0.2.7\trun {token}, stage deploy\n");
    fs::write(lock.join("owner"), owner).unwrap();
}

const FAR_FUTURE: u64 = 9_999_999_999;

#[test]
fn a_held_lock_says_who_holds_it_since_when() {
    let rig = Rig::new(&["a"]);
    rig.deploy("r1", "one").unwrap();
    write_owner(&rig, "r9.deploy.1", FAR_FUTURE);
    let DeployError::Unavailable(text) = rig.deploy("r2", "two").unwrap_err() else {
        panic!("not unavailable")
    };
    assert!(
        text.contains("is locked by ann from 192.0.2.7 (run r9.deploy.1, stage deploy) since 2023-11-14 22:13:20 UTC"),
        "{text}"
    );
    assert_eq!(rig.live_version("a").as_deref(), Some("one"));
    assert!(rig.is_locked("a"), "somebody else's lock was removed");
}

#[test]
fn waiting_for_a_lock_ends() {
    let rig = Rig::new(&["a"]);
    write_owner(&rig, "r9.deploy.1", FAR_FUTURE);
    let error = rig
        .deploy_with("r2", "two", serde_json::json!({ "lock-wait": "20s" }))
        .unwrap_err();
    assert!(matches!(error, DeployError::Unavailable(_)), "{error}");
    assert_eq!(rig.world.slept.get().as_secs(), 20);
}

#[test]
fn an_expired_lock_is_taken_over_and_that_is_said() {
    let rig = Rig::new(&["a"]);
    write_owner(&rig, "r9.deploy.1", 1_700_000_060);
    rig.deploy("r2", "two").unwrap();
    assert!(
        rig.world
            .told()
            .contains("warning: a: took over the lock that was left by ann from 192.0.2.7")
    );
    assert!(!rig.is_locked("a"));
}

#[test]
fn the_second_host_s_lock_frees_the_first_one() {
    let rig = Rig::new(&["b", "a"]);
    write_owner(&rig, "r9.deploy.1", FAR_FUTURE);
    rig.deploy("r2", "two").unwrap_err();
    assert!(rig.is_locked("a") && !rig.is_locked("b"));
}

/// A lock that expired and was taken over while a command ran: nothing is swapped any more.
#[test]
fn a_lock_that_was_lost_stops_the_deployment() {
    let rig = Rig::new(&["a"]);
    rig.deploy("r1", "one").unwrap();
    let steal = "printf 'r9.deploy.1\\t1\\t9999999999\\tbob\\trun r9\\n' > \"$SHARED_PATH/../.tidegate/lock/owner\"";
    let error = rig
        .deploy_with("r2", "two", serde_json::json!({ "before-swap": [steal] }))
        .unwrap_err()
        .to_string();
    assert!(error.contains("the lock was lost to bob (run r9)"), "{error}");
    assert_eq!(rig.live_version("a").as_deref(), Some("one"));
    assert!(rig.is_locked("a"), "bob's lock was removed");
}

fn lock(root: &str, verb: &str, name: &str) -> Command {
    let mut command = Command::new("sh");
    command.args([
        SCRIPT,
        verb,
        root,
        &format!("{name}.deploy.1"),
        "60",
        "a test",
        &format!("{name}.deploy"),
    ]);
    command
}

/// Real processes at the same time: of many that see the same lock, one gets it.
fn contend(prepare: impl Fn(&Rig)) {
    for round in 0..5 {
        let rig = Rig::new(&["a"]);
        let root = rig.root("a").to_str().unwrap().to_owned();
        prepare(&rig);
        let children: Vec<_> = (0..12)
            .map(|index| {
                lock(&root, "take", &format!("r{index}"))
                    .stdout(std::process::Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let answers: Vec<String> = children
            .into_iter()
            .map(|child| String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap())
            .collect();
        let winners: Vec<usize> = (0..12).filter(|&index| answers[index].starts_with("taken")).collect();
        assert_eq!(winners.len(), 1, "round {round}: {answers:?}");

        let winner = format!("r{}", winners[0]);
        let loser = format!("r{}", (winners[0] + 1) % 12);
        let answer = lock(&root, "release", &loser).output().unwrap().stdout;
        assert!(String::from_utf8(answer).unwrap().starts_with("lost\t"));
        assert!(rig.is_locked("a"), "a loser removed the lock");
        let answer = lock(&root, "release", &winner).output().unwrap().stdout;
        assert!(String::from_utf8(answer).unwrap().starts_with("done\t"));
        assert!(!rig.is_locked("a"));
    }
}

#[test]
fn of_many_that_want_a_free_lock_one_gets_it() {
    contend(|_| {});
}

#[test]
fn of_many_that_see_an_expired_lock_one_takes_it_over() {
    contend(|rig| write_owner(rig, "gone.deploy.1", 1_700_000_060));
}
