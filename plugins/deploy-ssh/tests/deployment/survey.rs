//! Looking changes nothing.

use deploy_ssh::survey::{dry_run, survey};
use serde_json::json;

use crate::rig::{Rig, identity, snapshot};

#[test]
fn a_dry_run_says_each_step_and_changes_nothing() {
    let rig = Rig::new(&["a", "b"]);
    rig.deploy("r1", "one").unwrap();
    let before = snapshot(rig.dir.path());
    let config = rig.config(json!({
        "source": "dist", "exclude": ["*.pyc"], "before-swap": ["make"], "before-swap-once": ["migrate"],
        "restart": "restart.sh", "health": { "url": "http://shop/healthz" },
    }));
    let identity = identity("r2");
    let steps = dry_run(&mut rig.fleet(&config, &identity)).unwrap().join("\n");
    let root = config.root();
    let expected = format!(
        "a: lock {root}
a: upload folder `dist` without *.pyc, /media into releases/2, only what the host lacks
a: link media/ from shared/
a: run `make` in releases/2
b: lock {root}
b: upload folder `dist` without *.pyc, /media into releases/2, only what the host lacks
b: link media/ from shared/
b: run `make` in releases/2
a: once all hosts are prepared, run `migrate`
a: swap `current` from release 1 to release 2
a: run `restart.sh`
a: check http://shop/healthz; when it does not answer, put release 1 back and check that
a: remove releases beyond the 5 to keep, write deploy.log, unlock
b: swap `current` from release 1 to release 2
b: run `restart.sh`
b: check http://shop/healthz; when it does not answer, put release 1 back and check that
b: remove releases beyond the 5 to keep, write deploy.log, unlock"
    );
    assert_eq!(steps, expected);
    assert_eq!(snapshot(rig.dir.path()), before);
}

#[test]
fn a_first_dry_run_has_nothing_to_put_back() {
    let rig = Rig::new(&["a"]);
    let config = rig.config(json!({ "health": { "url": "http://shop/healthz" } }));
    let identity = identity("r1");
    let steps = dry_run(&mut rig.fleet(&config, &identity)).unwrap().join("\n");
    let check = "check http://shop/healthz; when it does not answer, remove `current` again, since there is no release before\n";
    assert!(steps.contains(check), "{steps}");
}

#[test]
fn a_check_of_a_bare_host_makes_nothing() {
    let rig = Rig::new(&["a"]);
    let before = snapshot(rig.dir.path());
    let (config, identity) = (rig.config(json!({})), identity("r1"));
    survey(&mut rig.fleet(&config, &identity)).unwrap();
    let told = rig.world.told();
    assert!(
        told.contains("will be created") && told.contains("no release is live yet"),
        "{told}"
    );
    assert_eq!(snapshot(rig.dir.path()), before);
}

#[test]
fn a_check_names_the_live_release_and_a_lock() {
    let rig = Rig::new(&["a"]);
    rig.deploy("r1", "one").unwrap();
    let lock = rig.root("a").join(".tidegate/lock");
    std::fs::create_dir(&lock).unwrap();
    std::fs::write(lock.join("owner"), "r9\t1\t2\tann\trun r9, stage deploy\n").unwrap();
    let (config, identity) = (rig.config(json!({})), identity("r2"));
    survey(&mut rig.fleet(&config, &identity)).unwrap();
    let told = rig.world.told();
    assert!(
        told.contains("release 1 (commit c0ffee) is live, 1 good release is there"),
        "{told}"
    );
    assert!(
        told.contains("warning: a: locked by ann (run r9, stage deploy)"),
        "{told}"
    );
}
