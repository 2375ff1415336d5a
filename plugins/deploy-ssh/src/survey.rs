//! `action = "check"` and dry runs: look, say, change nothing.

use crate::config::{Action, Config};
use crate::deploy::upload_excludes;
use crate::error::DeployError;
use crate::fleet::Fleet;
use crate::inventory::{Inventory, State};
use crate::switch::{Switch, SwitchKind};

/// Connects to each host and says what is there. An error when a deployment would not get as far as its first step.
pub fn survey(fleet: &mut Fleet<'_>) -> Result<(), DeployError> {
    fleet.check()?;
    let inventories = fleet.inspect()?;
    for (site, inventory) in fleet.sites.iter().zip(&inventories) {
        fleet.world.info(&format!(
            "{}: {} is ready; {}",
            site.host(),
            site.root(),
            describe(inventory)
        ));
        if let Some(owner) = &inventory.lock {
            let fields: Vec<&str> = owner.split('\t').collect();
            let who = fields.get(3).unwrap_or(&"somebody");
            let what = fields.get(4).unwrap_or(&"");
            fleet.world.warn(&format!("{}: locked by {who} ({what})", site.host()));
        }
    }
    Ok(())
}

/// Says step by step what `action` would do, from what is on the hosts now. Changes nothing.
pub fn dry_run(fleet: &mut Fleet<'_>) -> Result<Vec<String>, DeployError> {
    survey(fleet)?;
    if fleet.config.action == Action::Check {
        return Ok(Vec::new());
    }
    let inventories = fleet.inspect()?;
    let number = inventories.iter().map(Inventory::next_number).max().unwrap_or(1);
    let hosts: Vec<&str> = fleet.sites.iter().map(|site| site.host()).collect();
    let mut steps = Vec::new();
    match fleet.config.action {
        Action::Check => {}
        Action::Deploy => {
            for host in &hosts {
                prepare_steps(fleet.config, host, number, &mut steps);
            }
            for line in &fleet.config.before_swap_once {
                let host = hosts.first().unwrap_or(&"");
                steps.push(format!("{host}: once all hosts are prepared, run `{line}`"));
            }
            for (host, inventory) in hosts.iter().zip(&inventories) {
                let switch = Switch {
                    from: inventory.current,
                    to: number,
                    back: inventory.fallback(),
                    kind: SwitchKind::Swap,
                };
                switch_steps(fleet.config, host, switch, &mut steps);
                let keep = fleet.config.keep;
                steps.push(format!(
                    "{host}: remove releases beyond the {keep} to keep, write deploy.log, unlock"
                ));
            }
        }
        Action::Rollback => {
            for (host, inventory) in hosts.iter().zip(&inventories) {
                match inventory.current.and_then(|current| inventory.good_before(current)) {
                    Some(to) => {
                        steps.push(format!("{host}: lock {}", fleet.config.root()));
                        let switch = Switch {
                            from: inventory.current,
                            to,
                            back: inventory.current,
                            kind: SwitchKind::Swap,
                        };
                        switch_steps(fleet.config, host, switch, &mut steps);
                    }
                    None => steps.push(format!(
                        "{host}: there is no good release to go back to; this would fail"
                    )),
                }
            }
        }
    }
    Ok(steps)
}

fn prepare_steps(config: &Config, host: &str, number: u64, steps: &mut Vec<String>) {
    let source = config.artifact.as_ref().map_or_else(
        || format!("folder `{}`", config.source.as_deref().unwrap_or(".")),
        |artifact| format!("artifact `{artifact}`"),
    );
    let excludes = upload_excludes(config);
    let without = if excludes.is_empty() {
        String::new()
    } else {
        format!(" without {}", excludes.join(", "))
    };
    steps.push(format!("{host}: lock {}", config.root()));
    steps.push(format!(
        "{host}: upload {source}{without} into releases/{number}, only what the host lacks"
    ));
    if !config.shared.is_empty() {
        steps.push(format!("{host}: link {} from shared/", config.shared.join(", ")));
    }
    for line in &config.before_swap {
        steps.push(format!("{host}: run `{line}` in releases/{number}"));
    }
}

fn switch_steps(config: &Config, host: &str, switch: Switch, steps: &mut Vec<String>) {
    let Switch { from, to, back, .. } = switch;
    let from = from.map_or_else(|| "nothing".to_owned(), |from| format!("release {from}"));
    steps.push(format!("{host}: swap `current` from {from} to release {to}"));
    if let Some(restart) = &config.restart {
        steps.push(format!("{host}: run `{restart}`"));
    }
    if let Some(health) = &config.health {
        let asked = health.url.as_deref().or(health.command.as_deref()).unwrap_or_default();
        let otherwise = back.map_or_else(
            || "remove `current` again, since there is no release before".to_owned(),
            |back| format!("put release {back} back and check that"),
        );
        steps.push(format!("{host}: check {asked}; when it does not answer, {otherwise}"));
    }
}

fn describe(inventory: &Inventory) -> String {
    let good = inventory
        .releases
        .iter()
        .filter(|release| release.state == State::Live)
        .count();
    match inventory.current {
        Some(current) => {
            let record = inventory.record_of(current);
            let commit = record.and_then(|record| {
                let and_changes = if record.dirty == Some(true) {
                    " and changes in no commit"
                } else {
                    ""
                };
                Some(format!(" (commit {:.12}{and_changes})", record.commit.as_deref()?))
            });
            let commit = commit.unwrap_or_default();
            let good = match good {
                1 => "1 good release is there".to_owned(),
                _ => format!("{good} good releases are there"),
            };
            format!("release {current}{commit} is live, {good}")
        }
        None => "no release is live yet".to_owned(),
    }
}
