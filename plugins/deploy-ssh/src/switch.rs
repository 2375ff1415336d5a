//! From one release to another: swap, restart, health check; and all the way back when one of them fails.

use std::time::Duration;

use crate::error::DeployError;
use crate::fleet::Fleet;
use crate::health;
use crate::serving::{Serving, sentence};
use crate::site::{Mark, Site};

/// How often putting a release back is tried when the connection is gone: it matters more than anything else here.
const BACK_TRIES: u32 = 3;
const BACK_PAUSE: Duration = Duration::from_secs(2);

/// What one host does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch {
    /// What was live before.
    pub from: Option<u64>,
    pub to: u64,
    /// What is put back when `to` does not answer.
    pub back: Option<u64>,
    pub kind: SwitchKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwitchKind {
    Swap,
    /// An earlier attempt of this run swapped already, and was ended before it knew that the release answers.
    Confirm,
    /// An earlier attempt of this run has done all.
    Nothing,
}

impl Switch {
    /// What is live as long as nothing is swapped.
    pub fn live_before(&self) -> Option<u64> {
        match self.kind {
            SwitchKind::Swap => self.from,
            SwitchKind::Confirm | SwitchKind::Nothing => Some(self.to),
        }
    }
}

/// What went wrong, and what serves now. `touched` are the hosts whose `current` may have been changed.
pub struct SwitchFailure {
    pub error: DeployError,
    pub touched: Vec<usize>,
}

impl Fleet<'_> {
    /// Host by host, in order; `switches` has one entry for each. After a failure every host that was touched is put back.
    pub fn switch(&mut self, switches: &[Switch]) -> Result<(), SwitchFailure> {
        let mut touched = Vec::new();
        for (index, switch) in switches.iter().enumerate() {
            let done = match switch.kind {
                SwitchKind::Nothing => Ok(()),
                SwitchKind::Swap | SwitchKind::Confirm => self.go_live(index, *switch, &mut touched),
            };
            let Err(NotLive { error, silent }) = done else { continue };
            let mut texts = Vec::new();
            let mut serving: Vec<Serving> = switches.iter().map(|s| Serving::AsBefore(s.live_before())).collect();
            for &index in touched.iter().rev() {
                let back = self.put_back(index, switches[index]);
                serving[index] = back.serving;
                texts.extend(back.to_do);
            }
            let end = if touched.is_empty() {
                "was not swapped in"
            } else if serving.iter().any(|one| matches!(one, Serving::Unknown(_))) {
                "could not be put back"
            } else if serving.contains(&Serving::Nothing) {
                "was taken down"
            } else {
                "was put back"
            };
            let silent = if silent { "did not answer and " } else { "" };
            let head = format!("release {} {silent}{end}: {}", switch.to, self.serving(&serving));
            return Err(SwitchFailure {
                error: error.headed(&head).and(&texts),
                touched,
            });
        }
        Ok(())
    }

    /// One for each host, as a sentence.
    pub fn serving(&self, serving: &[Serving]) -> String {
        let hosts = self.sites.iter().map(Site::host).zip(serving.iter().copied());
        sentence(&hosts.collect::<Vec<_>>())
    }

    fn go_live(&mut self, index: usize, switch: Switch, touched: &mut Vec<usize>) -> Result<(), NotLive> {
        self.checkpoint()?;
        let site = &mut self.sites[index];
        self.lock.renew(site, self.world)?;
        // From here on `current` may be the new release, also when an answer gets lost.
        touched.push(index);
        if switch.kind == SwitchKind::Swap {
            site.swap(switch.to)?;
            self.world
                .info(&format!("{}: release {} is live, checking it", site.host(), switch.to));
        }
        self.restart_and_check(index, switch.to, true)?;
        self.sites[index].mark(switch.to, Mark::Live, &self.identity.run)?;
        Ok(())
    }

    fn restart_and_check(&mut self, index: usize, release: u64, heed_stop: bool) -> Result<(), NotLive> {
        let config = self.config;
        let site = &mut self.sites[index];
        if let Some(restart) = &config.restart {
            site.command("restart", restart, release, config.command_timeout.0)?;
        }
        let Some(health) = &config.health else { return Ok(()) };
        health::check(site, self.world, health, release, heed_stop).map_err(|error| NotLive {
            silent: matches!(error, DeployError::Failed(_)),
            error,
        })
    }

    fn put_back(&mut self, index: usize, switch: Switch) -> PutBack {
        let host = self.sites[index].host().to_owned();
        let to = switch.to;
        let by_hand = |why: String| {
            let target = switch.back.map_or_else(String::new, |back| {
                format!(" and swap `current` back to release {back}")
            });
            PutBack {
                serving: Serving::Unknown(to),
                to_do: Some(format!(
                    "{host}: putting back failed: {why}\nlook at the host{target} by hand"
                )),
            }
        };
        if let Err(error) = self.insist(index, |fleet, site| fleet.renew(site)) {
            return by_hand(error.to_string());
        }
        let Some(back) = switch.back else {
            return match self.insist(index, |_, site| site.unlink(to)) {
                Ok(()) => PutBack {
                    serving: Serving::Nothing,
                    to_do: None,
                },
                Err(error) => by_hand(error.to_string()),
            };
        };
        if let Err(error) = self.insist(index, |_, site| site.swap(back)) {
            return by_hand(error.to_string());
        }
        // Told before the check: after a stop there may be no time to wait for it.
        self.world.warn(&format!(
            "{host}: release {back} is live again instead of {to}, checking it"
        ));
        match self.restart_and_check(index, back, false) {
            Ok(()) => PutBack {
                serving: Serving::Again(back),
                to_do: None,
            },
            Err(NotLive { error, .. }) => PutBack {
                serving: Serving::Silent(back),
                to_do: Some(error.to_string()),
            },
        }
    }

    /// Tries again when the connection is gone.
    fn insist(
        &mut self,
        index: usize,
        step: impl Fn(&Renewal<'_>, &mut Site<'_>) -> Result<(), DeployError>,
    ) -> Result<(), DeployError> {
        let renewal = Renewal {
            lock: &self.lock,
            world: self.world,
        };
        let mut tries = 1;
        loop {
            match step(&renewal, &mut self.sites[index]) {
                // A stop interrupts the call that it meets; the same call made afterwards works.
                Err(DeployError::Unavailable(_) | DeployError::Stopped(_)) if tries < BACK_TRIES => {
                    tries += 1;
                    self.world.sleep(BACK_PAUSE);
                }
                result => return result,
            }
        }
    }
}

/// A release that did not go live.
struct NotLive {
    error: DeployError,
    /// It was asked, and gave no right answer.
    silent: bool,
}

impl From<DeployError> for NotLive {
    fn from(error: DeployError) -> Self {
        Self { error, silent: false }
    }
}

/// What a host serves after putting back, and what is left to do for people.
struct PutBack {
    serving: Serving,
    to_do: Option<String>,
}

/// What a step of putting back needs of the fleet while it holds one of its sites.
struct Renewal<'f> {
    lock: &'f crate::lock::Lock,
    world: &'f dyn crate::world::World,
}

impl Renewal<'_> {
    fn renew(&self, site: &mut Site<'_>) -> Result<(), DeployError> {
        self.lock.renew(site, self.world)
    }
}
