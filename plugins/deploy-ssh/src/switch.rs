//! From one release to another: swap, restart, health check; and all the way back when one of them fails.

use std::time::Duration;

use crate::error::DeployError;
use crate::fleet::Fleet;
use crate::health;
use crate::site::{Mark, Site};

/// How often putting a release back is tried when the connection is gone: it matters more than anything else here.
const BACK_TRIES: u32 = 3;
const BACK_PAUSE: Duration = Duration::from_secs(2);

/// What one host does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch {
    pub from: Option<u64>,
    pub to: u64,
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

/// What went wrong, and what became of the hosts. `touched` are those whose `current` may have been changed.
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
            let Err(error) = done else { continue };
            let mut texts = Vec::new();
            for &index in touched.iter().rev() {
                texts.push(self.put_back(index, switches[index]));
            }
            if touched.is_empty() {
                let serving = switch
                    .from
                    .map_or_else(|| "no release is".to_owned(), |from| format!("release {from} is still"));
                texts.push(format!("nothing was swapped: {serving} live"));
            }
            return Err(SwitchFailure {
                error: error.and(&texts.join("\n")),
                touched,
            });
        }
        Ok(())
    }

    fn go_live(&mut self, index: usize, switch: Switch, touched: &mut Vec<usize>) -> Result<(), DeployError> {
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
        self.sites[index].mark(switch.to, Mark::Live, &self.identity.run)
    }

    fn restart_and_check(&mut self, index: usize, release: u64, heed_stop: bool) -> Result<(), DeployError> {
        let config = self.config;
        let site = &mut self.sites[index];
        if let Some(restart) = &config.restart {
            site.command("restart", restart, release, config.command_timeout.0)?;
        }
        match &config.health {
            Some(health) => health::check(site, self.world, health, release, heed_stop),
            None => Ok(()),
        }
    }

    /// Says which release serves now on that host, or what to do by hand.
    fn put_back(&mut self, index: usize, switch: Switch) -> String {
        let host = self.sites[index].host().to_owned();
        let to = switch.to;
        let by_hand = |why: String| {
            let target = switch.from.map_or_else(String::new, |from| {
                format!(" and swap `current` back to release {from}")
            });
            format!(
                "{host}: release {to} may still be live, putting back failed: {why}\nlook at the host{target} by hand"
            )
        };
        if let Err(error) = self.insist(index, |fleet, site| fleet.renew(site)) {
            return by_hand(error.to_string());
        }
        let Some(from) = switch.from else {
            return match self.insist(index, |_, site| site.unlink(to)) {
                Ok(()) => format!("{host}: there was no release before, so nothing is live now"),
                Err(error) => by_hand(error.to_string()),
            };
        };
        if let Err(error) = self.insist(index, |_, site| site.swap(from)) {
            return by_hand(error.to_string());
        }
        match self.restart_and_check(index, from, false) {
            Ok(()) => {
                let answers = if self.config.health.is_some() {
                    " and answers"
                } else {
                    ""
                };
                format!("{host}: release {from} serves again{answers}")
            }
            Err(error) => format!("release {from} is live again on {host}, but it does not answer either:\n{error}"),
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
