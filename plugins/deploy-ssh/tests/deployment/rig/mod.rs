//! A target whose hosts are folders of this machine: everything but the transport is real.

mod local_host;
mod test_world;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use deploy_ssh::config::Config;
use deploy_ssh::deploy::deploy;
use deploy_ssh::error::DeployError;
use deploy_ssh::fleet::{Fleet, Outcome};
use deploy_ssh::remote::Remote;
use deploy_ssh::world::Identity;
use tempfile::TempDir;

pub(crate) use local_host::{Fault, LocalHost};
pub(crate) use test_world::TestWorld;

/// Makes the live release the one that "runs", and says whether it answers: a file named `broken` in it says no.
const RESTART: &str = r#"echo "$RELEASE" > "$SHARED_PATH/../running""#;
const HEALTH: &str = r#"test "$(cat "$SHARED_PATH/../running")" = "$RELEASE" && test ! -e "$RELEASE_PATH/broken""#;

pub(crate) struct Rig {
    pub(crate) dir: TempDir,
    pub(crate) hosts: Vec<&'static str>,
    pub(crate) world: TestWorld,
    /// The call to tamper with, counted over all hosts from 0.
    pub(crate) fault: Option<(usize, Fault)>,
    pub(crate) calls: Rc<RefCell<usize>>,
}

impl Rig {
    pub(crate) fn new(hosts: &[&'static str]) -> Self {
        let rig = Self {
            dir: TempDir::new().unwrap(),
            hosts: hosts.to_vec(),
            world: TestWorld::default(),
            fault: None,
            calls: Rc::default(),
        };
        fs::create_dir_all(rig.source()).unwrap();
        for host in hosts {
            fs::create_dir_all(rig.root(host).parent().unwrap()).unwrap();
        }
        rig
    }

    /// The same hosts with the same content, in another place.
    pub(crate) fn copy_of(original: &Self) -> Self {
        let rig = Self::new(&original.hosts);
        let copied = Command::new("cp")
            .arg("-a")
            .arg(original.dir.path().join("."))
            .arg(rig.dir.path())
            .status();
        assert!(copied.unwrap().success());
        rig
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.dir.path().join("source")
    }

    /// The name has a space and a quote, as a path may have.
    pub(crate) fn root(&self, host: &str) -> PathBuf {
        self.dir.path().join(host).join("it's a shop")
    }

    pub(crate) fn write_source(&self, name: &str, text: &str) {
        fs::write(self.source().join(name), text).unwrap();
    }

    pub(crate) fn config(&self, extra: serde_json::Value) -> Config {
        let path = self.dir.path().join(local_host::HOST_MARK).join("it's a shop");
        let mut json = serde_json::json!({
            "target": "staging",
            "path": path,
            "shared": ["media/"],
            "restart": RESTART,
            "health": { "command": HEALTH, "retries": 1 },
        });
        json.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(json).unwrap()
    }

    pub(crate) fn fleet<'a>(&'a self, config: &'a Config, identity: &'a Identity) -> Fleet<'a> {
        let remotes = self.hosts.iter().map(|host| {
            let remote: Box<dyn Remote> = Box::new(LocalHost {
                name: (*host).to_owned(),
                calls: Rc::clone(&self.calls),
                fault: self.fault,
                world: &self.world,
            });
            remote
        });
        Fleet::new(config, identity, &self.world, remotes.collect())
    }

    /// Deploys `version` as the run `run`.
    pub(crate) fn deploy(&self, run: &str, version: &str) -> Result<Outcome, DeployError> {
        self.deploy_with(run, version, serde_json::json!({}))
    }

    pub(crate) fn deploy_with(
        &self,
        run: &str,
        version: &str,
        extra: serde_json::Value,
    ) -> Result<Outcome, DeployError> {
        self.write_source("version", version);
        let (config, identity) = (self.config(extra), identity(run));
        deploy(&mut self.fleet(&config, &identity), self.source().to_str().unwrap())
    }

    /// The number that `current` points to.
    pub(crate) fn current(&self, host: &str) -> Option<u64> {
        let link = fs::read_link(self.root(host).join("current")).ok()?;
        Some(
            link.strip_prefix("releases")
                .unwrap()
                .to_str()
                .unwrap()
                .parse()
                .unwrap(),
        )
    }

    /// The version that `current` serves.
    pub(crate) fn live_version(&self, host: &str) -> Option<String> {
        fs::read_to_string(self.root(host).join("current/version")).ok()
    }

    /// The number that was restarted last.
    pub(crate) fn running(&self, host: &str) -> Option<u64> {
        fs::read_to_string(self.root(host).join("running"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    pub(crate) fn is_locked(&self, host: &str) -> bool {
        self.root(host).join(".tidegate/lock").exists()
    }

    pub(crate) fn releases(&self, host: &str) -> Vec<u64> {
        let Ok(entries) = fs::read_dir(self.root(host).join("releases")) else {
            return Vec::new();
        };
        let mut numbers: Vec<u64> = entries
            .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
            .collect();
        numbers.sort_unstable();
        numbers
    }

    pub(crate) fn log(&self, host: &str) -> String {
        fs::read_to_string(self.root(host).join("deploy.log")).unwrap_or_default()
    }
}

pub(crate) fn identity(run: &str) -> Identity {
    Identity {
        run: run.to_owned(),
        stage: "deploy".to_owned(),
        attempt: 1,
        commit: Some("c0ffee".to_owned()),
        dirty: None,
        branch: None,
    }
}

/// Every path below `root` with its content, for a comparison of before and after.
pub(crate) fn snapshot(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(root) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_dir() {
            found.extend(snapshot(&path));
            found.push((path, Vec::new()));
        } else {
            let content = if kind.is_symlink() {
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            found.push((path, content));
        }
    }
    found.sort();
    found
}
