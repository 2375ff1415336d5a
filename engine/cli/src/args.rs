//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A CI/CD engine whose stages are sandboxed WebAssembly components
#[derive(Debug, Parser)]
#[command(name = "tidegate", version = crate::version::LONG, arg_required_else_help = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 passed, 1 failed or unavailable, 2 usage or misconfigured,\n3 denied or invalid plugin, 4 timeout or limit, 70 internal, 130 cancelled."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,

    #[command(flatten)]
    pub global: Global,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Say more: what programs are run, debug messages of stages
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,

    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the pipeline, or some of its stages with what they need
    Run(RunArgs),
    /// Check the manifest without running anything
    Check(ProjectArgs),
    /// Show what each stage may read, write, run, reach and know
    Plan(PlanArgs),
    /// Show what a component asks for: its imports, requests and configuration
    Inspect(InspectArgs),
    /// List the stages of the pipeline, or the standard stages
    List(ListArgs),
    /// Explain an error or finding code
    Explain(ExplainArgs),
    /// Write a manifest for the Django project in this folder
    Init(InitArgs),
    /// Show what this machine offers for confining native programs
    Doctor(DoctorArgs),
    /// List the runs of this project
    Runs(RunsArgs),
    /// Show how a run went
    Show(ShowArgs),
    /// Print the log of a run or of one of its stages
    Logs(LogsArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ProjectArgs {
    /// The manifest; default: tidegate.toml here or in a folder above
    #[arg(long, short = 'm', value_name = "FILE")]
    pub manifest: Option<PathBuf>,

    /// Set a variable of the manifest's [vars]
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct SelectionArgs {
    /// Stages to run, with what they need; default: all
    #[arg(value_name = "STAGE")]
    pub stages: Vec<String>,

    /// Run only the named stages, without what they need
    #[arg(long, requires = "stages")]
    pub no_needs: bool,

    /// Leave a stage out; those that need it wait for what it needs instead
    #[arg(long, value_name = "STAGE")]
    pub skip: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    #[command(flatten)]
    pub project: ProjectArgs,

    /// Stages at the same time; default: the number of cores
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,

    /// After a failure, go on with stages that don't need the failed one
    #[arg(long, short)]
    pub keep_going: bool,

    /// Let stages say what they would do, without any effect
    #[arg(long)]
    pub dry_run: bool,

    /// How to report: for people, or one JSON object per line
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,

    /// Also write all events to a file, one JSON object per line
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,

    /// Confine native programs less where this machine has no user namespaces
    #[arg(long)]
    pub allow_degraded: bool,

    /// Run native programs without confinement where this machine can't confine them
    #[arg(long)]
    pub allow_unconfined: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    #[command(flatten)]
    pub project: ProjectArgs,

    /// For people, or the plan as one JSON object
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A component's file, or the name of a standard stage
    #[arg(value_name = "COMPONENT|NAME")]
    pub component: String,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// List the standard stages instead of the pipeline's
    #[arg(long)]
    pub standard: bool,

    #[command(flatten)]
    pub project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A code such as `manifest/unknown-key`; without one, all codes are listed
    pub code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The project's folder
    #[arg(default_value = ".")]
    pub folder: PathBuf,

    /// Overwrite a manifest that is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// For people, or one JSON object
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// How many, the newest first
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    pub limit: u32,

    #[arg(long, short = 'm', value_name = "FILE")]
    /// The manifest; default: tidegate.toml here or in a folder above
    pub manifest: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A run's id or the beginning of one; `last` is the newest
    #[arg(value_name = "RUN", default_value = "last")]
    pub run: String,

    /// The manifest; default: tidegate.toml here or in a folder above
    #[arg(long, short = 'm', value_name = "FILE")]
    pub manifest: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// A run's id or the beginning of one; `last` is the newest
    #[arg(value_name = "RUN", default_value = "last")]
    pub run: String,

    /// One stage only
    pub stage: Option<String>,

    /// The manifest; default: tidegate.toml here or in a folder above
    #[arg(long, short = 'm', value_name = "FILE")]
    pub manifest: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    pub shell: clap_complete::Shell,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err("expected KEY=VALUE".into()),
    }
}
