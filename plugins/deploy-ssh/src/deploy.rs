//! `action = "deploy"`: a new release on every host, or everything as it was.

use crate::config::Config;
use crate::error::DeployError;
use crate::fleet::{Fleet, Outcome};
use crate::inventory::{Inventory, Record, State};
use crate::quoting::anchored_pattern;
use crate::serving::Serving;
use crate::site::Mark;
use crate::switch::{Switch, SwitchFailure, SwitchKind};

/// `local` is the folder to upload, as the engine names it.
pub fn deploy(fleet: &mut Fleet<'_>, local: &str) -> Result<Outcome, DeployError> {
    let checked = fleet.check().map_err(DeployError::unchanged);
    let result = checked.and_then(|()| fleet.locked(|fleet| deploy_locked(fleet, local)));
    fleet.tell_after_stop(&result);
    result
}

fn deploy_locked(fleet: &mut Fleet<'_>, local: &str) -> Result<Outcome, DeployError> {
    let inventories = fleet.inspect().map_err(DeployError::unchanged)?;
    let switches = plan_switches(fleet, &inventories);
    let moves: Vec<(Option<u64>, u64)> = switches.iter().map(|switch| (switch.from, switch.to)).collect();
    let Some(release) = moves.iter().map(|(_, to)| *to).max() else {
        return Err(DeployError::Misconfigured(format!(
            "target `{}` has no hosts",
            fleet.config.target
        )));
    };
    for (site, switch) in fleet.sites.iter().zip(&switches) {
        let already = match switch.kind {
            SwitchKind::Swap => continue,
            SwitchKind::Confirm => "an earlier attempt of this run swapped it in; checking that it answers",
            SwitchKind::Nothing => "an earlier attempt of this run deployed it; nothing to do",
        };
        fleet.world.info(&format!(
            "{}: release {} is live already: {already}",
            site.host(),
            switch.to
        ));
    }
    for (site, switch) in fleet.sites.iter().zip(&switches) {
        if let (SwitchKind::Swap, Some(from), Some(back)) = (switch.kind, switch.from, switch.back)
            && from != back
        {
            fleet.world.warn(&format!(
                "{}: release {from} is live and is not known to have answered; if {} fails, {back} is put back",
                site.host(),
                switch.to
            ));
        }
    }
    let previous = moves.iter().find_map(|(from, _)| *from);
    if switches.iter().all(|switch| switch.kind == SwitchKind::Nothing) {
        return Ok(Outcome {
            release,
            previous,
            changed: false,
        });
    }

    if let Err(error) = prepare(fleet, local, &switches, &inventories) {
        discard(fleet, &switches, |_| true);
        let serving: Vec<Serving> = switches.iter().map(|s| Serving::AsBefore(s.live_before())).collect();
        let error = error.headed(&format!(
            "release {release} was not swapped in: {}",
            fleet.serving(&serving)
        ));
        fleet.log(&moves, &format!("{}: {error}", error.verb()));
        return Err(error);
    }
    if let Err(SwitchFailure { error, touched }) = fleet.switch(&switches) {
        let error = after_failure(fleet, &switches, &touched, error);
        fleet.log(&moves, &format!("{}: {error}", error.verb()));
        return Err(error);
    }
    clean(fleet, &switches);
    fleet.log(&moves, "deployed");
    Ok(Outcome {
        release,
        previous,
        changed: true,
    })
}

/// The new release has the same number on all hosts.
fn plan_switches(fleet: &Fleet<'_>, inventories: &[Inventory]) -> Vec<Switch> {
    let number = inventories.iter().map(Inventory::next_number).max().unwrap_or(1);
    let switch = |inventory: &Inventory| match inventory.current {
        Some(current) if is_ours(fleet, inventory, current) => {
            let live = inventory.state_of(current) == Some(State::Live);
            let kind = if live { SwitchKind::Nothing } else { SwitchKind::Confirm };
            Switch {
                from: inventory.good_before(current),
                to: current,
                back: inventory.good_before(current),
                kind,
            }
        }
        from => Switch {
            from,
            to: number,
            back: inventory.fallback(),
            kind: SwitchKind::Swap,
        },
    };
    inventories.iter().map(switch).collect()
}

fn is_ours(fleet: &Fleet<'_>, inventory: &Inventory, number: u64) -> bool {
    let ours = |record: &Record| record.run == fleet.identity.run && record.stage == fleet.identity.stage;
    inventory.record_of(number).is_some_and(ours) && inventory.state_of(number) != Some(State::Bad)
}

/// Everything before the swap, on all hosts, so that a host which can't follow is known before anything changes.
fn prepare(
    fleet: &mut Fleet<'_>,
    local: &str,
    switches: &[Switch],
    inventories: &[Inventory],
) -> Result<(), DeployError> {
    let config = fleet.config;
    let record = Record {
        run: fleet.identity.run.clone(),
        stage: fleet.identity.stage.clone(),
        commit: fleet.identity.commit.clone(),
        dirty: fleet.identity.dirty,
        branch: fleet.identity.branch.clone(),
    };
    let record = record.to_line();
    let total = switches.len() as u64;
    let new = |index: &usize| switches[*index].kind == SwitchKind::Swap;
    let hosts: Vec<usize> = (0..switches.len()).filter(new).collect();

    for &index in &hosts {
        let number = switches[index].to;
        fleet.world.progress(index as u64, total, "hosts prepared");
        fleet.checkpoint()?;
        let world = fleet.world;
        let site = &mut fleet.sites[index];
        let halves = inventories[index].halves();
        if !halves.is_empty() {
            site.drop_releases(&halves)?;
        }
        site.reserve(number)?;
        let sent = site.upload(local, &upload_rules(config), &upload_excludes(config))?;
        world.info(&format!("{}: sent {sent} bytes for release {number}", site.host()));
        fleet.lock.renew(site, world)?;
        site.fill(number)?;
        site.link(number, &config.shared)?;
        run_lines(fleet, index, number, "before-swap", &config.before_swap)?;
    }
    if let Some(&first) = hosts.first() {
        run_lines(
            fleet,
            first,
            switches[first].to,
            "before-swap-once",
            &config.before_swap_once,
        )?;
    }
    for &index in &hosts {
        fleet.checkpoint()?;
        fleet.sites[index].mark(switches[index].to, Mark::Ready, &record)?;
    }
    fleet.world.progress(total, total, "hosts prepared");
    Ok(())
}

fn run_lines(
    fleet: &mut Fleet<'_>,
    index: usize,
    number: u64,
    step: &str,
    lines: &[String],
) -> Result<(), DeployError> {
    for line in lines {
        fleet.checkpoint()?;
        let site = &mut fleet.sites[index];
        fleet.world.info(&format!("{}: {step}: {line}", site.host()));
        site.command(step, line, number, fleet.config.command_timeout.0)?;
        fleet.lock.renew(site, fleet.world)?;
    }
    Ok(())
}

/// Shared paths are never uploaded: through a link of that name the upload would reach into `shared/`.
pub fn upload_excludes(config: &Config) -> Vec<String> {
    config
        .exclude
        .iter()
        .cloned()
        .chain(config.shared.iter().map(|entry| anchored_pattern(entry)))
        .collect()
}

/// One line that changes whenever another set of files would be uploaded by the same excludes.
fn upload_rules(config: &Config) -> String {
    let source = config.artifact.as_deref().or(config.source.as_deref()).unwrap_or(".");
    serde_json::json!([source, upload_excludes(config)]).to_string()
}

/// Marks what did not answer, and throws away what was prepared in vain.
fn after_failure(fleet: &mut Fleet<'_>, switches: &[Switch], touched: &[usize], error: DeployError) -> DeployError {
    // After a stop nobody knows whether the release is bad.
    let stopped = matches!(error, DeployError::Stopped(_));
    discard(fleet, switches, |index| stopped || !touched.contains(&index));
    if stopped {
        return error;
    }
    let mut marked = None;
    for &index in touched {
        let number = switches[index].to;
        match fleet.sites[index].mark(number, Mark::Bad, &fleet.identity.run) {
            Ok(()) => marked = Some(number),
            Err(complaint) => fleet.world.warn(&complaint.to_string()),
        }
    }
    match marked {
        Some(number) => error.and(&[format!(
            "release {number} is marked as bad and stays for a look until the next deployment"
        )]),
        None => error,
    }
}

/// Removes the new release where `which` says so; the script spares it where it is live nevertheless.
fn discard(fleet: &mut Fleet<'_>, switches: &[Switch], which: impl Fn(usize) -> bool) {
    for (index, switch) in switches.iter().enumerate() {
        if switch.kind != SwitchKind::Swap || !which(index) {
            continue;
        }
        match fleet.sites[index].drop_releases(&[switch.to]) {
            Ok(left) => left
                .iter()
                .for_each(|line| fleet.world.warn(&format!("not removed: release {line}"))),
            Err(error) => fleet.world.warn(&error.to_string()),
        }
    }
}

/// Removes old releases. The deployment has succeeded by now: what can't be removed is a warning.
fn clean(fleet: &mut Fleet<'_>, switches: &[Switch]) {
    for (site, switch) in fleet.sites.iter_mut().zip(switches) {
        let left = site.inspect().and_then(|inventory| {
            let surplus = inventory.surplus(fleet.config.keep, switch.from);
            if surplus.is_empty() {
                Ok(Vec::new())
            } else {
                site.drop_releases(&surplus)
            }
        });
        match left {
            Ok(left) if left.is_empty() => {}
            Ok(left) => fleet.world.warn(&format!(
                "{}: old releases could not be removed, which does no harm but takes space; the application probably wrote \
                 files there as another user\n    {}",
                site.host(),
                left.join("\n    ")
            )),
            Err(error) => fleet.world.warn(&error.to_string()),
        }
    }
}
