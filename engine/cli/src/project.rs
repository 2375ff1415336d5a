//! From the command line to a pipeline and a plan.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidegate_confine::Level;
use tidegate_manifest::{Diagnostic, Manifest, Source, parse, parse_in_part};
use tidegate_runner::journal::Journal;
use tidegate_runner::pipeline::{Pipeline, Resolver, Unresolved};
use tidegate_runner::plan::SourceState;
use tidegate_runner::planner::{Planned, Planner, Selection};
use tidegate_runner::{Git, Host, Seen};
use tidegate_sandbox::{CodeCacheError, Sandbox, SandboxError};

use crate::args::{ProjectArgs, SelectionArgs};
use crate::failure::Failure;
use crate::{machine, standard};

pub(crate) const MANIFEST: &str = "tidegate.toml";

/// A manifest that could be read.
pub(crate) struct Project {
    /// The manifest's folder; absolute, without links.
    pub root: PathBuf,
    /// Relative to the root.
    pub manifest_path: PathBuf,
    pub source: Source,
    pub manifest: Manifest,
    pub warnings: Vec<Diagnostic>,
}

/// The manifest that the user means: the named one, or the nearest in this folder and those above.
pub(crate) fn find(explicit: Option<&Path>) -> Result<PathBuf, Failure> {
    let found = match explicit {
        Some(path) if path.is_dir() => path.join(MANIFEST),
        Some(path) => path.to_path_buf(),
        None => {
            let here = std::env::current_dir().map_err(|error| Failure::usage(format!("this folder: {error}")))?;
            let above = here
                .ancestors()
                .map(|folder| folder.join(MANIFEST))
                .find(|path| path.is_file());
            above.ok_or_else(|| {
                Failure::usage(format!("there is no {MANIFEST} in this folder or in one above"))
                    .hint("`tidegate init` writes one for a Django project")
            })?
        }
    };
    found.canonicalize().map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            Failure::usage(format!("there is no manifest at {}", found.display()))
                .hint("`tidegate init` writes one for a Django project")
        } else {
            Failure::usage(format!("{}: {error}", found.display()))
        }
    })
}

/// The folder of the manifest that the user means.
pub(crate) fn root(explicit: Option<&Path>) -> Result<PathBuf, Failure> {
    let manifest = find(explicit)?;
    Ok(manifest.parent().unwrap_or(Path::new("/")).to_path_buf())
}

impl Project {
    pub(crate) fn load(explicit: Option<&Path>) -> Result<Self, Failure> {
        Self::read(explicit, |partial| {
            Err(Failure::diagnostics(partial.warnings, partial.source))
        })
    }

    /// `further` gets a manifest with mistakes, in part, to find those of the later steps; its `warnings` are all that is
    /// wrong with it so far.
    fn read(explicit: Option<&Path>, further: impl FnOnce(Self) -> Result<Self, Failure>) -> Result<Self, Failure> {
        let path = find(explicit)?;
        let root = path.parent().unwrap_or(Path::new("/")).to_path_buf();
        let manifest_path = PathBuf::from(path.file_name().unwrap_or_default());
        if root.to_str().is_none() {
            let message = format!("the project's path is not text (UTF-8): {}", root.display());
            return Err(Failure::usage(message).hint("move or rename the folder: programs get its path as text"));
        }
        let text = text(&path)?;
        let source = Source::new(shown(&path), text);
        match parse(&source) {
            Ok(parsed) => Ok(Self {
                root,
                manifest_path,
                manifest: parsed.manifest,
                warnings: parsed.warnings,
                source,
            }),
            Err(diagnostics) => match parse_in_part(&source) {
                (Some(manifest), _) => further(Self {
                    root,
                    manifest_path,
                    manifest,
                    warnings: diagnostics,
                    source,
                }),
                (None, _) => Err(Failure::diagnostics(diagnostics, source)),
            },
        }
    }
}

/// The reader of manifests refuses longer ones, and says so. A device would have no end.
const MAX_TEXT_BYTES: u64 = 1 << 20;

fn text(path: &Path) -> Result<String, Failure> {
    if !path.is_file() {
        return Err(Failure::usage(format!("{} is not a file", shown(path))));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_TEXT_BYTES).read_to_end(&mut bytes))
        .map_err(|error| Failure::usage(format!("failed to read {}: {error}", shown(path))))?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Failure::usage(format!("{}:{line}: this line is not text in UTF-8", shown(path))).hint("save the file as UTF-8")
    })
}

/// As people would type it from here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.as_ref().and_then(|here| path.strip_prefix(here).ok());
    relative.unwrap_or(path).display().to_string()
}

/// The parts that most commands need.
pub(crate) struct Engine {
    pub host: Host,
    pub sandbox: Arc<Sandbox>,
    pub runtime: tokio::runtime::Runtime,
}

impl Engine {
    pub(crate) fn start() -> Result<Self, Failure> {
        let host = machine::host();
        let sandbox = sandbox(host.cache.clone())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(Failure::internal)?;
        Ok(Self {
            host,
            sandbox: Arc::new(sandbox),
            runtime,
        })
    }

    fn resolve(
        &self,
        root: &Path,
        manifest_path: &Path,
        manifest: Manifest,
        project: &ProjectArgs,
        source: SourceState,
    ) -> Result<Pipeline, Box<Unresolved>> {
        let catalog = standard::catalog();
        self.runtime.block_on(async {
            let resolver = Resolver {
                sandbox: &self.sandbox,
                catalog: &catalog,
                workspace: root,
                manifest_path,
                source,
            };
            resolver.resolve(manifest, &project.set).await
        })
    }

    fn look(&self, root: &Path) -> Seen {
        self.runtime.block_on(Git::new(root, &self.host).look())
    }

    /// A manifest that can't be read whole may have mistakes of the later steps as well.
    fn all_mistakes(&self, partial: Project, project: &ProjectArgs) -> Failure {
        let Project {
            root,
            manifest_path,
            source,
            manifest,
            warnings: mut mistakes,
        } = partial;
        let selection = Selection::default();
        let planner = Planner {
            host: &self.host,
            selection: &selection,
            dry_run: false,
            level: Level::Full,
        };
        let seen = self.look(&root).state;
        let further = match self.resolve(&root, &manifest_path, manifest, project, seen) {
            Ok(pipeline) => planner.plan(&pipeline).err().unwrap_or_default(),
            Err(unresolved) => {
                let planned = planner.mistakes(&unresolved);
                unresolved.mistakes.into_iter().chain(planned).collect()
            }
        };
        mistakes.extend(further);
        Failure::diagnostics(in_order(mistakes), source)
    }

    /// Everything up to what can be run. The warnings of all steps are in the plan's.
    pub(crate) fn plan(
        &self,
        project: &ProjectArgs,
        selection: &SelectionArgs,
        options: PlanOptions,
    ) -> Result<Prepared, Failure> {
        let Project {
            root,
            manifest_path,
            source,
            manifest,
            mut warnings,
        } = Project::read(project.manifest.as_deref(), |partial| {
            Err(self.all_mistakes(partial, project))
        })?;
        let selection = Selection {
            stages: selection.stages.clone(),
            no_needs: selection.no_needs,
            skip: selection.skip.clone(),
        };
        let planner = Planner {
            host: &self.host,
            selection: &selection,
            dry_run: options.dry_run,
            level: options.level,
        };
        let seen = self.look(&root);
        let resolved = self.resolve(&root, &manifest_path, manifest, project, seen.state.clone());
        let planned = match &resolved {
            Ok(pipeline) => planner.plan(pipeline),
            Err(unresolved) => Err(unresolved
                .mistakes
                .iter()
                .cloned()
                .chain(planner.mistakes(unresolved))
                .collect()),
        };
        match (resolved, planned) {
            (Ok(pipeline), Ok(planned)) => {
                warnings.extend(planned.warnings);
                warnings.extend(seen.warning(&pipeline, &planned.plan));
                Ok(Prepared {
                    planned: Planned {
                        plan: planned.plan,
                        warnings,
                    },
                    pipeline,
                    source,
                })
            }
            (_, Err(diagnostics)) => Err(Failure::diagnostics(in_order(diagnostics), source)),
            (Err(unresolved), Ok(_)) => Err(Failure::diagnostics(in_order(unresolved.mistakes), source)),
        }
    }
}

/// As they stand in the manifest; what has no place comes first.
fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by_key(|diagnostic| diagnostic.label.as_ref().map(|(span, _)| span.start));
    // A value of [env] is looked at for each stage.
    diagnostics.dedup_by(|a, b| a.code == b.code && a.message == b.message && a.label == b.label);
    diagnostics
}

/// A cache that can't be made costs time and nothing else; one that others can write to would run their code.
fn sandbox(cache: Option<PathBuf>) -> Result<Sandbox, Failure> {
    let started = match Sandbox::new(cache) {
        Err(SandboxError::Cache(CodeCacheError::Io { .. })) => Sandbox::new(None),
        started => started,
    };
    started.map_err(|error| match error {
        SandboxError::Cache(cache) => Failure::usage(&cache).hint(cache.help()),
        SandboxError::Engine(_) => Failure::internal(error),
    })
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PlanOptions {
    pub dry_run: bool,
    pub level: Level,
}

pub(crate) struct Prepared {
    pub planned: Planned,
    pub pipeline: Pipeline,
    pub source: Source,
}

/// The journal of a project that has had runs.
pub(crate) fn journal(manifest: Option<&Path>) -> Result<Journal, Failure> {
    let root = root(manifest)?;
    Journal::existing(&root)?.ok_or_else(Failure::no_runs)
}
