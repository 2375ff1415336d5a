//! `action = "rollback"`: every host back to its previous good release.

use crate::error::DeployError;
use crate::fleet::{Fleet, Outcome};
use crate::inventory::Inventory;
use crate::site::Mark;
use crate::switch::{Switch, SwitchFailure, SwitchKind};

/// The release that was left is marked as bad, so that the next rollback does not come back to it. `before-swap` commands are
/// not run: the release was prepared when it was deployed.
pub fn rollback(fleet: &mut Fleet<'_>) -> Result<Outcome, DeployError> {
    let checked = fleet.check().map_err(DeployError::unchanged);
    let result = checked.and_then(|()| fleet.locked(rollback_locked));
    fleet.tell_after_stop(&result);
    result
}

fn rollback_locked(fleet: &mut Fleet<'_>) -> Result<Outcome, DeployError> {
    let inventories = fleet.inspect().map_err(DeployError::unchanged)?;
    let switches = plan_switches(fleet, &inventories).map_err(DeployError::unchanged)?;
    let moves: Vec<(Option<u64>, u64)> = switches.iter().map(|switch| (switch.from, switch.to)).collect();
    let Some(first) = switches.first().copied() else {
        return Err(DeployError::Misconfigured(format!(
            "target `{}` has no hosts",
            fleet.config.target
        )));
    };
    for (site, switch) in fleet.sites.iter().zip(&switches) {
        if let Some(from) = switch.from {
            fleet
                .world
                .info(&format!("{}: from release {from} back to {}", site.host(), switch.to));
        }
    }
    if let Err(SwitchFailure { error, .. }) = fleet.switch(&switches) {
        fleet.log(&moves, &format!("rollback {}: {error}", error.verb()));
        return Err(error);
    }
    for (site, (from, _)) in fleet.sites.iter_mut().zip(&moves) {
        let marked = from.map_or(Ok(()), |from| site.mark(from, Mark::Bad, &fleet.identity.run));
        if let Err(error) = marked {
            fleet.world.warn(&error.to_string());
        }
    }
    fleet.log(&moves, "rolled back");
    Ok(Outcome {
        release: first.to,
        previous: first.from,
        changed: true,
    })
}

/// All hosts, or none: a host without a release to go back to is known before anything changes.
fn plan_switches(fleet: &Fleet<'_>, inventories: &[Inventory]) -> Result<Vec<Switch>, DeployError> {
    let mut switches = Vec::new();
    let mut problems = Vec::new();
    for (site, inventory) in fleet.sites.iter().zip(inventories) {
        match inventory
            .current
            .map(|current| (current, inventory.good_before(current)))
        {
            Some((current, Some(to))) => switches.push(Switch {
                from: Some(current),
                to,
                back: Some(current),
                kind: SwitchKind::Swap,
            }),
            Some((current, None)) => {
                problems.push(format!(
                    "{}: there is no good release before {current} to go back to",
                    site.host()
                ));
            }
            None => problems.push(format!(
                "{}: no release is live, so there is nothing to go back from",
                site.host()
            )),
        }
    }
    if problems.is_empty() {
        Ok(switches)
    } else {
        Err(DeployError::Misconfigured(problems.join("\n")))
    }
}
