//! The stage as the engine sees it.

use tidegate_sdk::{Failure, Request, Stage, context, failure, report, source, ssh};

use crate::config::{Action, Config};
use crate::deploy::deploy;
use crate::engine_remote::EngineRemote;
use crate::engine_world::EngineWorld;
use crate::error::DeployError;
use crate::fleet::{Fleet, Outcome};
use crate::remote::Remote;
use crate::rollback::rollback;
use crate::survey::{dry_run, survey};
use crate::world::Identity;

struct DeploySsh;

impl Stage for DeploySsh {
    const NAME: &'static str = "deploy-ssh";
    const SUMMARY: &'static str =
        "Deploys to the hosts of an SSH target, with lock, atomic swap, health check and rollback";
    type Config = Config;

    fn requests(config: &Config) -> Vec<Request> {
        let mut requests = vec![Request::ssh(&config.target, "to deploy to its hosts")];
        requests.push(Request::new("source", "source", "to record which commit was deployed").optional());
        if let Some(origin) = config.health.as_ref().and_then(|health| health.origin()) {
            requests.push(Request::http(origin, "to ask whether the new release answers"));
        }
        if config.action != Action::Check {
            requests.push(Request::stop_grace("1m", "to put the release back that served before"));
        }
        requests
    }

    fn run(config: Config) -> Result<(), Failure> {
        let mistakes = config.mistakes();
        if !mistakes.is_empty() {
            return Err(failure::misconfigured(mistakes.join("\n")));
        }
        let commit = source::commit();
        let identity = Identity {
            run: context::run_id(),
            stage: context::stage_name(),
            attempt: context::attempt(),
            dirty: commit.as_deref().and_then(is_dirty),
            commit,
            branch: source::branch(),
        };
        let hosts = ssh::hosts(&config.target)?;
        let remotes = hosts.iter().map(|host| {
            let remote: Box<dyn Remote> = Box::new(EngineRemote::new(&config.target, host));
            remote
        });
        let world = EngineWorld;
        let mut fleet = Fleet::new(&config, &identity, &world, remotes.collect());
        act(&mut fleet)
    }
}

/// The merge base of a commit with itself is that commit: what changed since then is in no commit. None when git can't tell.
fn is_dirty(commit: &str) -> Option<bool> {
    source::changed_since(Some(commit))
        .ok()
        .map(|changes| !changes.is_empty())
}

fn act(fleet: &mut Fleet<'_>) -> Result<(), Failure> {
    let config = fleet.config;
    if context::dry_run() {
        let steps = dry_run(fleet).map_err(classify)?;
        for step in &steps {
            report::info(format!("would do: {step}"));
        }
        return Ok(());
    }
    let outcome = match config.action {
        Action::Check => return survey(fleet).map_err(classify),
        Action::Deploy => deploy(fleet, &local_source(config)?),
        Action::Rollback => rollback(fleet),
    };
    tell(&outcome.map_err(classify)?, config)
}

fn local_source(config: &Config) -> Result<String, Failure> {
    let Some((stage, name)) = config.artifact_name() else {
        return Ok(config.source.clone().unwrap_or_else(|| ".".to_owned()));
    };
    let folder = context::artifact(stage, name).ok_or_else(|| {
        failure::misconfigured(format!(
            "there is no artifact `{stage}/{name}`; is `{stage}` in `needs`, and does it keep `{name}`?"
        ))
    })?;
    Ok(folder.to_string_lossy().into_owned())
}

fn tell(outcome: &Outcome, config: &Config) -> Result<(), Failure> {
    report::output("release", &outcome.release)?;
    if let Some(previous) = outcome.previous {
        report::output("previous", &previous)?;
    }
    let before = outcome
        .previous
        .map(|previous| format!(", before it {previous}"))
        .unwrap_or_default();
    let text = format!("release {} serves on target {}{before}", outcome.release, config.target);
    report::info(&text);
    Ok(())
}

fn classify(error: DeployError) -> Failure {
    match error {
        DeployError::Failed(text) => failure::failed(text),
        DeployError::Misconfigured(text) => failure::misconfigured(text),
        DeployError::Unavailable(text) => failure::unavailable(text),
        DeployError::NotGranted(text) => failure::other(format!("not granted: {text}")),
        DeployError::Stopped(text) => failure::other(text),
    }
}

tidegate_sdk::export_stage!(DeploySsh);
