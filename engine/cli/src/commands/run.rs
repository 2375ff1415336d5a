//! `tidegate run`.

use std::fs::File;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use tidegate_confine::Level;
use tidegate_manifest::{SecretSource, Source, parse_user_config};
use tidegate_runner::event::{Observer, ObserverError};
use tidegate_runner::journal::{Journal, Recorder};
use tidegate_runner::run::{Canceller, Components, RunSetup, remove_leftovers};
use tidegate_runner::{Host, Masker, Outcome, RunId, SecretError, Secrets};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Format, RunArgs};
use crate::console::Console;
use crate::failure::{Failure, INTERNAL};
use crate::machine;
use crate::project::{Engine, PlanOptions, Prepared};
use crate::render::{Annotations, Human, JsonLines};

pub(crate) fn run(args: RunArgs, console: &Console) -> Result<u8, Failure> {
    let engine = Engine::start()?;
    scratch_place(&engine.host)?;
    let temp = engine.host.temp.clone();
    // Beside the run, which does not wait for it: there may be much to remove.
    drop(
        engine
            .runtime
            .spawn_blocking(move || remove_leftovers(&temp, SystemTime::now())),
    );
    let options = PlanOptions {
        dry_run: args.dry_run,
        level: level(&args, &engine.host)?,
    };
    let Prepared {
        planned,
        pipeline,
        source,
    } = engine.plan(&args.project, &args.selection, options)?;
    console.warn(&planned.warnings, &source)?;
    let plan = planned.plan;
    let secrets = secrets(&plan.secret_names(), &engine.host)?;
    for name in Masker::unmaskable(&secrets) {
        writeln!(
            console.stderr(),
            "\x1b[33mwarning\x1b[0m: the secret `{name}` is too short to be masked in logs"
        )?;
    }

    let run = run_id();
    let journal = Journal::open(&plan.workspace)?;
    let recorder = Recorder::new(&journal, &run, &plan, env!("CARGO_PKG_VERSION"))?;
    let mut observers: Vec<Box<dyn Observer>> = vec![Box::new(recorder)];
    if let Some(path) = &args.events {
        let file = File::create(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        observers.push(Box::new(JsonLines::new(file, "write the file of --events")));
    }
    match args.format {
        Format::Human => {
            observers.push(Box::new(Human::new(console, args.project.manifest.as_deref())));
            if engine.host.var("GITHUB_ACTIONS") == Some("true") {
                observers.push(Box::new(Annotations::new(std::io::stdout())));
            }
        }
        Format::Json => observers.push(Box::new(JsonLines::new(std::io::stdout(), "write to stdout"))),
    }
    let setup = RunSetup {
        run,
        components: Components::of(&pipeline),
        plan,
        secrets,
        sandbox: engine.sandbox.clone(),
        host: engine.host.clone(),
        journal,
        observers,
        jobs: args.jobs.map_or_else(machine::cores, usize::from),
        keep_going: args.keep_going,
    };
    let outcome = engine
        .runtime
        .block_on(tidegate_runner::run::run(setup, cancel_on_signals));
    // Threads that still wait for something must not hold the exit up.
    engine.runtime.shutdown_background();
    outcome.map(Outcome::exit_code).map_err(stopped)
}

/// Every stage has a scratch folder there.
fn scratch_place(host: &Host) -> Result<(), Failure> {
    if host.temp.is_dir() {
        return Ok(());
    }
    let message = format!("there is no folder {} for temporary files", host.temp.display());
    Err(Failure::usage(message).hint("make it, or let TMPDIR name another folder"))
}

/// Allowed is not wanted: the machine's best is taken. Where that is not allowed it is the full level, which says what is missing.
fn level(args: &RunArgs, host: &Host) -> Result<Level, Failure> {
    if !args.allow_degraded && !args.allow_unconfined {
        return Ok(Level::Full);
    }
    let folders = (
        tempfile::tempdir().map_err(failed)?,
        tempfile::tempdir().map_err(failed)?,
    );
    let (workspace, scratch) = (folders.0.path(), folders.1.path());
    let can = |level| tidegate_confine::try_level(&host.helpers, workspace, scratch, level).is_ok();
    Ok(if can(Level::Full) {
        Level::Full
    } else if args.allow_degraded && (can(Level::Degraded) || !args.allow_unconfined) {
        Level::Degraded
    } else {
        Level::Unconfined
    })
}

/// The first signal asks, the second ends the run at once.
fn cancel_on_signals(canceller: Canceller) {
    let ignored = machine::ignored_signals();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        // nohup, and shells that start a job in the background, have the engine ignore what a terminal sends.
        if ignored & (1 << (kind.as_raw_value() - 1)) != 0 {
            continue;
        }
        let canceller = canceller.clone();
        tokio::spawn(async move {
            // Without a handler the signal has its default effect, which ends the engine and so every Cell.
            let Ok(mut signals) = signal(kind) else { return };
            while signals.recv().await.is_some() {
                canceller.cancel();
            }
        });
    }
}

fn secrets(names: &[&str], host: &Host) -> Result<Secrets, Failure> {
    if names.is_empty() {
        return Ok(Secrets::default());
    }
    let path = machine::user_config(host);
    let mut sources = std::collections::BTreeMap::new();
    if let Some(path) = path.as_ref().filter(|path| path.exists()) {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("failed to read {}: {error}", path.display())))?;
        let source = Source::new(path.display().to_string(), text);
        let config = parse_user_config(&source).map_err(|mistakes| Failure::diagnostics(mistakes, source))?;
        sources = config
            .secrets
            .into_iter()
            .map(|(name, source)| (name, source.value))
            .collect();
        for source in sources.values_mut() {
            // A relative file is one beside the configuration.
            if let (SecretSource::File(file), Some(folder)) = (source, path.parent())
                && !file.starts_with("~")
            {
                *file = folder.join(&file);
            }
        }
    }
    Secrets::read(names.iter().copied(), &sources, host).map_err(|errors| {
        let message = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n       ");
        let place = path.map_or_else(|| "your config.toml".to_owned(), |path| path.display().to_string());
        let missing = errors.iter().find_map(|error| match error {
            SecretError::NoSource { name } => Some(name.clone()),
            _ => None,
        });
        let failure = Failure::usage(message);
        match missing {
            Some(name) => failure.hint(format!(
                "say in {place} where it comes from:\n\n[secrets.{name}]\nfile = \"~/path/to/{name}\"   # or: env = \"VARIABLE\""
            )),
            None => failure,
        }
    })
}

fn run_id() -> RunId {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Two engines in the same second differ in their process and in the time below the second.
    let chance = now.subsec_nanos() ^ std::process::id().rotate_left(10);
    RunId::new(now.as_secs(), chance ^ (chance >> 20))
}

fn stopped(error: ObserverError) -> Failure {
    Failure::Text {
        exit_code: INTERNAL,
        message: format!("the run was stopped: {error}"),
        hints: Vec::new(),
    }
}

fn failed(error: std::io::Error) -> Failure {
    Failure::Text {
        exit_code: INTERNAL,
        message: format!("failed to make a temporary folder: {error}"),
        hints: Vec::new(),
    }
}
