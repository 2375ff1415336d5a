//! The lock of a deployment, over all hosts.

use std::time::Duration;

use crate::error::DeployError;
use crate::site::{LockAnswer, Site};
use crate::world::{Identity, World};

/// Between two looks at a lock that somebody else holds.
const POLL: Duration = Duration::from_secs(2);
/// Between two tries while somebody changes the lock: that takes milliseconds.
const BUSY_POLL: Duration = Duration::from_millis(200);
/// Tries while somebody changes the lock; after that it is not milliseconds any more.
const BUSY_TRIES: u32 = 10;

/// Tries to unlock over a connection that broke: a lock that stays stops everybody else until it expires.
const RELEASE_TRIES: u32 = 3;
const RELEASE_PAUSE: Duration = Duration::from_secs(1);

/// The lock was not taken, as far as is known.
pub struct NotTaken {
    pub error: DeployError,
    /// The answer got lost: the lock may be ours nevertheless.
    pub in_doubt: bool,
}

/// Who locks, and for how long.
#[derive(Debug, Clone)]
pub struct Lock {
    token: String,
    family: String,
    what: String,
    expiry: Duration,
    wait: Duration,
}

impl Lock {
    pub fn new(identity: &Identity, expiry: Duration, wait: Duration) -> Self {
        let what = format!("run {}, stage {}", identity.run, identity.stage).replace(['\t', '\n'], " ");
        Self {
            token: identity.token(),
            family: identity.owner(),
            what,
            expiry,
            wait,
        }
    }

    /// Locks one host. `Unavailable` when somebody else holds it and the wait is over.
    pub fn take(&self, site: &mut Site<'_>, world: &dyn World) -> Result<(), NotTaken> {
        let mut waited = Duration::ZERO;
        let mut told = false;
        loop {
            if world.stop_requested() {
                let error = DeployError::Stopped(format!("{}: stopped before the lock was taken", site.host()));
                return Err(NotTaken { error, in_doubt: false });
            }
            let answer = self
                .step(site, world, "take")
                .map_err(|error| NotTaken { error, in_doubt: true })?;
            match answer.word.as_str() {
                "taken" => return Ok(()),
                "taken-over" => {
                    world.warn(&format!(
                        "{}: took over the lock that was left by {}",
                        site.host(),
                        answer.owner
                    ));
                    return Ok(());
                }
                _ if waited >= self.wait => {
                    return Err(NotTaken {
                        error: self.held(site, &answer),
                        in_doubt: false,
                    });
                }
                _ => {}
            }
            if !told {
                world.info(&format!(
                    "{}: waiting for the lock held by {}",
                    site.host(),
                    answer.owner
                ));
                told = true;
            }
            world.sleep(POLL);
            waited += POLL;
        }
    }

    /// Moves the expiry on. An error when the lock is somebody else's by now: then nothing may be changed any more.
    pub fn renew(&self, site: &mut Site<'_>, world: &dyn World) -> Result<(), DeployError> {
        let answer = self.step(site, world, "renew")?;
        if answer.word == "done" {
            return Ok(());
        }
        Err(DeployError::Failed(format!(
            "{}: the lock was lost to {}",
            site.host(),
            answer.owner
        )))
    }

    /// Unlocks; a lock of somebody else stays. The error is for people only, since the deployment is over by then.
    pub fn release(&self, site: &mut Site<'_>, world: &dyn World) -> Result<(), String> {
        let hint = |site: &Site<'_>| format!("it expires by itself, or remove {}/.tidegate/lock", site.root());
        let mut tries = 1;
        loop {
            match self.step(site, world, "release") {
                Ok(answer) if answer.word == "done" => return Ok(()),
                // Somebody else's, or nobody's: an earlier try may have done it and lost its answer.
                Ok(answer) if answer.word == "lost" => return Ok(()),
                // A stop interrupts the call that it meets; the same call made afterwards works.
                Err(DeployError::Unavailable(_) | DeployError::Stopped(_)) if tries < RELEASE_TRIES => {
                    tries += 1;
                    world.sleep(RELEASE_PAUSE);
                }
                Ok(answer) => {
                    return Err(format!(
                        "{}: not unlocked, {} is at it; {}",
                        site.host(),
                        answer.owner,
                        hint(site)
                    ));
                }
                Err(error) => return Err(format!("{error}\n{}: not unlocked; {}", site.host(), hint(site))),
            }
        }
    }

    fn step(&self, site: &mut Site<'_>, world: &dyn World, verb: &str) -> Result<LockAnswer, DeployError> {
        let mut tries = 1;
        loop {
            let answer = site.lock_step(verb, &self.token, self.expiry, &self.what, &self.family)?;
            if answer.word != "busy" || tries == BUSY_TRIES {
                return Ok(answer);
            }
            tries += 1;
            world.sleep(BUSY_POLL);
        }
    }

    fn held(&self, site: &Site<'_>, answer: &LockAnswer) -> DeployError {
        DeployError::Unavailable(format!(
            "{}: {} is locked by {}\nwait for that deployment, or set `lock-wait`; if it is gone for good, remove {}/.tidegate/lock",
            site.host(),
            site.root(),
            answer.owner,
            site.root()
        ))
    }
}
