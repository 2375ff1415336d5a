//! All hosts of the target, and what is done on each of them alike.

use crate::config::Config;
use crate::error::DeployError;
use crate::inventory::Inventory;
use crate::lock::Lock;
use crate::remote::Remote;
use crate::site::Site;
use crate::world::{Identity, World};

pub struct Fleet<'a> {
    pub config: &'a Config,
    pub identity: &'a Identity,
    pub world: &'a dyn World,
    pub lock: Lock,
    pub sites: Vec<Site<'a>>,
}

/// What a deployment or a rollback came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub release: u64,
    /// What was live before; none on the first deployment.
    pub previous: Option<u64>,
    /// False when every host had this run's release already.
    pub changed: bool,
}

impl<'a> Fleet<'a> {
    pub fn new(
        config: &'a Config,
        identity: &'a Identity,
        world: &'a dyn World,
        remotes: Vec<Box<dyn Remote + 'a>>,
    ) -> Self {
        let sites = remotes
            .into_iter()
            .map(|remote| Site::new(remote, config.root()))
            .collect();
        let lock = Lock::new(identity, config.lock_expiry.0, config.lock_wait.0);
        Self {
            config,
            identity,
            world,
            lock,
            sites,
        }
    }

    /// Before the next step that can still be left out.
    pub fn checkpoint(&self) -> Result<(), DeployError> {
        if self.world.stop_requested() {
            Err(DeployError::Stopped("stopped".to_owned()))
        } else {
            Ok(())
        }
    }

    /// A failure says itself what serves.
    pub fn tell_after_stop(&self, result: &Result<Outcome, DeployError>) {
        if let Ok(outcome) = result
            && self.world.stop_requested()
        {
            let release = outcome.release;
            self.world
                .warn(&format!("the stop came when all was done: release {release} serves"));
        }
    }

    /// Tools and folders of every host. The error names all problems of all hosts.
    pub fn check(&mut self) -> Result<(), DeployError> {
        let mut problems = Vec::new();
        for site in &mut self.sites {
            let findings = site.check(&self.config.shared)?;
            for note in &findings.notes {
                self.world.info(&format!("{}: {note}", site.host()));
            }
            problems.extend(
                findings
                    .problems
                    .iter()
                    .map(|problem| format!("{}: {problem}", site.host())),
            );
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(DeployError::Misconfigured(problems.join("\n")))
        }
    }

    pub fn inspect(&mut self) -> Result<Vec<Inventory>, DeployError> {
        self.sites.iter_mut().map(Site::inspect).collect()
    }

    /// Does `work` under the locks of all hosts, taken in the manifest's order, and unlocks whatever comes of it.
    pub fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, DeployError>) -> Result<T, DeployError> {
        let mut locked = 0;
        let mut result = Ok(());
        for site in &mut self.sites {
            let taken = self.lock.take(site, self.world);
            locked += usize::from(taken.as_ref().map_or_else(|not| not.in_doubt, |()| true));
            if let Err(not_taken) = taken {
                result = Err(not_taken.error.unchanged());
                break;
            }
        }
        let result = result.and_then(|()| work(self));
        let complaints: Vec<String> = self.sites[..locked]
            .iter_mut()
            .filter_map(|site| self.lock.release(site, self.world).err())
            .collect();
        for complaint in &complaints {
            self.world.warn(complaint);
        }
        result
    }

    /// Appends a line to each host's `deploy.log`. The log is a convenience: its failure is told, and changes nothing.
    pub fn log(&mut self, moves: &[(Option<u64>, u64)], result: &str) {
        let identity = self.identity;
        let optional = |name: &str, value: &Option<String>| {
            value
                .as_ref()
                .map(|value| format!(" {name}={}", one_line(value)))
                .unwrap_or_default()
        };
        for (site, (from, to)) in self.sites.iter_mut().zip(moves) {
            let line = format!(
                "run={} stage={}{}{}{} from={} to={to} result=\"{}\"",
                one_line(&identity.run),
                one_line(&identity.stage),
                optional("commit", &identity.commit),
                optional(
                    "dirty",
                    &identity.dirty.map(|dirty| if dirty { "yes" } else { "no" }.to_owned())
                ),
                optional("branch", &identity.branch),
                from.map_or_else(|| "none".to_owned(), |from| from.to_string()),
                one_line(result).replace('"', "'"),
            );
            if let Err(error) = site.log(&line) {
                self.world.warn(&error.to_string());
            }
        }
    }
}

fn one_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or("")
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}
