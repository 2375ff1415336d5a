//! From a manifest to a pipeline: plugins are found and described, expressions compiled, configurations checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_manifest::{Diagnostic, Manifest, Span, Stage};
use tidegate_sandbox::{Request, Sandbox};

use super::stand_in::stand_in;
use super::{ConfigTemplate, Pipeline, Plugin, ResolvedStage, apply_overrides, schema};
use crate::catalog::{Catalog, CatalogError};
use crate::expression::{Expr, ExpressionError, Scope, Template};
use crate::neutral::one_line;
use crate::plan::{PluginId, SourceState};

const NOT_FOUND: &str = "plugin/not-found";

pub struct Resolver<'a> {
    pub sandbox: &'a Sandbox,
    pub catalog: &'a Catalog,
    /// Absolute, without links: the folder of the manifest.
    pub workspace: &'a Path,
    /// Relative to the workspace.
    pub manifest_path: &'a Path,
    pub source: SourceState,
}

/// A manifest with mistakes. What could be resolved is there so that the planner can find its mistakes too.
pub struct Unresolved {
    pub mistakes: Vec<Diagnostic>,
    pub partial: Pipeline,
}

impl Resolver<'_> {
    /// All mistakes at once: a stage whose plugin is unknown does not hide the mistakes of the others.
    pub async fn resolve(
        self,
        manifest: Manifest,
        overrides: &[(String, String)],
    ) -> Result<Pipeline, Box<Unresolved>> {
        let (vars, mut mistakes) = apply_overrides(&manifest, overrides);
        let scope = Scope::new(vars.clone(), &self.source);
        let aliases = manifest
            .plugins
            .iter()
            .map(|(alias, path)| (alias.clone(), path.value.clone()))
            .collect();
        let mut plugins: BTreeMap<&str, Result<Plugin, Diagnostic>> = BTreeMap::new();
        let mut stages = Vec::new();
        for (index, stage) in manifest.stages.iter().enumerate() {
            check_expressions(stage, &manifest, &scope, &mut mistakes);
            let (config, mut errors) = ConfigTemplate::new(&stage.with.value, &scope);
            let expressions = errors.len();
            errors.retain(|(_, error)| is_conclusive(error, &manifest));
            let has_gap = stage.gaps.with || errors.len() < expressions;
            for (pointer, error) in errors {
                let span = stage.with.spans.get(&pointer).unwrap_or(&stage.span);
                mistakes.push(expression_mistake(&error, span, &manifest));
            }
            for (name, pointer) in &config.stages {
                let span = stage.with.spans.get(pointer).unwrap_or(&stage.span);
                check_needs(stage, &manifest, name, span, &mut mistakes);
            }
            if stage.gaps.uses {
                continue;
            }
            let uses = stage.uses.value.as_str();
            if !plugins.contains_key(uses) {
                plugins.insert(uses, self.plugin(stage, &aliases).await);
            }
            let plugin = match &plugins[uses] {
                Ok(plugin) => plugin,
                Err(mistake) => {
                    if !(manifest.gaps.plugins && mistake.code == NOT_FOUND) {
                        let label = mistake.label.clone().map(|(_, text)| (stage.uses.span.clone(), text));
                        mistakes.push(Diagnostic {
                            label,
                            ..mistake.clone()
                        });
                    }
                    continue;
                }
            };
            if has_gap {
                continue;
            }
            let refused = schema::check(
                stage.name.as_str(),
                &plugin.schema,
                &config.value,
                &config.unknown,
                &stage.with,
            );
            if !refused.is_empty() {
                mistakes.extend(refused);
                continue;
            }
            match self.requests(stage, plugin, &config).await {
                Ok(requests) => {
                    let (plugin, name) = (plugin.clone(), stage.name.value.clone());
                    stages.push(ResolvedStage {
                        name,
                        index,
                        plugin,
                        config,
                        requests,
                    });
                }
                Err(mistake) => mistakes.push(mistake),
            }
        }
        drop(plugins);
        let folder = || {
            self.workspace
                .file_name()
                .map_or_else(|| "pipeline".into(), |name| name.to_string_lossy().into())
        };
        let pipeline = Pipeline {
            name: manifest.name.as_ref().map_or_else(folder, |name| name.value.clone()),
            workspace: self.workspace.into(),
            manifest_path: self.manifest_path.into(),
            vars,
            source: self.source,
            stages,
            manifest,
        };
        if mistakes.is_empty() {
            return Ok(pipeline);
        }
        Err(Box::new(Unresolved {
            mistakes,
            partial: pipeline,
        }))
    }

    async fn plugin(&self, stage: &Stage, aliases: &BTreeMap<String, String>) -> Result<Plugin, Diagnostic> {
        let (origin, bytes) = self
            .catalog
            .find(&stage.uses, aliases, self.workspace)
            .map_err(|error| self.not_found(stage, &error))?;
        let invalid = |code: &'static str, text: String, help: Vec<String>| {
            let message = format!("the plugin `{}` can't be used: {text}", stage.uses.value);
            let mistake = Diagnostic::error(code, message).at(&stage.uses.span, "");
            help.into_iter().fold(mistake, Diagnostic::help)
        };
        let component = self
            .sandbox
            .load(bytes)
            .await
            .map_err(|error| invalid(error.code(), error.to_string(), vec![error.help().into()]))?;
        let description = self
            .sandbox
            .describe(&component)
            .await
            .map_err(|error| invalid("component/describe", error.to_string(), Vec::new()))?;
        let schema: Value = serde_json::from_str(&description.config_schema).map_err(|error| {
            invalid(
                "config/bad-schema",
                format!("its config schema is not JSON: {error}"),
                Vec::new(),
            )
        })?;
        let id = PluginId {
            name: one_line(&description.name),
            version: one_line(&description.version),
            digest: component.digest(),
            origin: origin.describe(),
        };
        Ok(Plugin {
            id,
            component,
            schema: Arc::new(schema),
        })
    }

    fn not_found(&self, stage: &Stage, error: &CatalogError) -> Diagnostic {
        let mistake = Diagnostic::error(NOT_FOUND, error.to_string());
        match error {
            CatalogError::Unknown { similar, .. } => {
                let label = similar
                    .as_ref()
                    .map_or_else(String::new, |name| format!("did you mean `{name}`?"));
                let names: Vec<_> = self
                    .catalog
                    .standard()
                    .iter()
                    .map(|stage| format!("`{}`", stage.name))
                    .collect();
                mistake
                    .at(&stage.uses.span, label)
                    .help(format!("the standard stages are {}", names.join(", ")))
                    .help("for a component of your own, write its path: uses = \"stages/name.wasm\"")
            }
            CatalogError::Unreadable { .. } => mistake
                .at(&stage.uses.span, "")
                .help("the path is relative to the folder of tidegate.toml"),
            CatalogError::Outside { .. } => mistake
                .at(&stage.uses.span, "")
                .help("copy the component into the project, so that it is versioned with it"),
        }
    }

    async fn requests(
        &self,
        stage: &Stage,
        plugin: &Plugin,
        config: &ConfigTemplate,
    ) -> Result<Vec<Request>, Diagnostic> {
        let value = stand_in(&plugin.schema, &config.value, &config.unknown);
        let input = json!({ "config": value, "unknown": config.unknown.keys().collect::<Vec<_>>() });
        let requests = self.sandbox.requests(&plugin.component, &input.to_string()).await;
        let harmless = |request: Request| Request {
            capability: one_line(&request.capability),
            name: one_line(&request.name),
            reason: one_line(&request.reason),
            ..request
        };
        let requests = requests.map(|requests| requests.into_iter().map(harmless).collect());
        requests.map_err(|error| {
            let message = format!("stage `{}` refuses its `with` table: {error}", stage.name.value);
            let span = stage.with.spans.get("").unwrap_or(&stage.span);
            Diagnostic::error("config/refused", message).at(span, "")
        })
    }
}

/// `when`, `env` of the stage and the pipeline's `env`.
fn check_expressions(stage: &Stage, manifest: &Manifest, scope: &Scope, mistakes: &mut Vec<Diagnostic>) {
    if let Some(when) = &stage.when {
        match Expr::parse(when) {
            Ok(expr) => {
                for name in expr.stages() {
                    check_needs(stage, manifest, name, &when.span, mistakes);
                }
                if !expr.needs_outputs()
                    && let Err(error) = expr.evaluate_bool(scope)
                    && is_conclusive(&error, manifest)
                {
                    mistakes.push(expression_mistake(&error, &when.span, manifest));
                }
            }
            Err(error) => mistakes.push(expression_mistake(&error, &when.span, manifest)),
        }
    }
    // A stage's own value takes the place of the pipeline's.
    let inherited = manifest.env.iter().filter(|(name, _)| !stage.env.contains_key(*name));
    for value in inherited.map(|(_, value)| value).chain(stage.env.values()) {
        check_text(stage, manifest, value, scope, mistakes);
    }
}

fn check_text(
    stage: &Stage,
    manifest: &Manifest,
    text: &tidegate_manifest::Spanned<String>,
    scope: &Scope,
    mistakes: &mut Vec<Diagnostic>,
) {
    match Template::parse(text) {
        Ok(template) => {
            for name in template.expressions().flat_map(Expr::stages) {
                check_needs(stage, manifest, name, &text.span, mistakes);
            }
            if !template.needs_outputs()
                && let Err(error) = template.evaluate_text(scope)
                && is_conclusive(&error, manifest)
            {
                mistakes.push(expression_mistake(&error, &text.span, manifest));
            }
        }
        Err(error) => mistakes.push(expression_mistake(&error, &text.span, manifest)),
    }
}

/// False where the value may be wrong only because a variable could not be read.
fn is_conclusive(error: &ExpressionError, manifest: &Manifest) -> bool {
    let is_about_values = matches!(
        error,
        ExpressionError::NoSuchKey { .. } | ExpressionError::Evaluation(_) | ExpressionError::WrongType { .. }
    );
    !(manifest.gaps.vars && is_about_values)
}

fn expression_mistake(error: &ExpressionError, span: &Span, manifest: &Manifest) -> Diagnostic {
    let vars = manifest.vars.keys().map(String::as_str);
    let mistake = Diagnostic::error("expression/invalid", error.to_string()).at(span, "");
    match error {
        ExpressionError::UnknownVariable { name }
            if matches!(name.as_str(), "env" | "secrets" | "github" | "inputs") =>
        {
            mistake.help("a stage's environment and secrets are granted, not read by expressions: see `grant`")
        }
        ExpressionError::UnknownVariable { name } => {
            let mistake = match tidegate_manifest::suggest(name, Scope::NAMES) {
                Some(similar) => mistake.help(format!("did you mean `{similar}`?")),
                None => mistake,
            };
            mistake.help("a value of your own is `${vars.NAME}`, with a default in [vars]")
        }
        ExpressionError::NoSuchKey { name } => match tidegate_manifest::suggest(name, vars) {
            Some(similar) => mistake.help(format!("did you mean `vars.{similar}`?")),
            None => mistake.help("a value of your own is `${vars.NAME}`, with a default in [vars]"),
        },
        _ => mistake,
    }
}

/// A stage may only speak of outputs of those that surely ran before it.
fn check_needs(stage: &Stage, manifest: &Manifest, name: &str, span: &Span, mistakes: &mut Vec<Diagnostic>) {
    // What a needed stage needs may be what could not be read.
    let has_gap = manifest.gaps.stages || manifest.stages.iter().any(|stage| stage.gaps.needs);
    if has_gap || reaches(stage, manifest, name) {
        return;
    }
    let exists = manifest.stages.iter().any(|other| other.name.as_str() == name);
    let message = if exists {
        format!(
            "stage `{}` speaks of outputs of `{name}`, which it does not need",
            stage.name.value
        )
    } else {
        format!("there is no stage `{name}`")
    };
    let mistake = Diagnostic::error("expression/stage", message).at(span, "");
    mistakes.push(if exists {
        let needs: Vec<_> = stage
            .needs
            .iter()
            .map(|need| need.as_str())
            .chain([name])
            .map(|need| format!("\"{need}\""))
            .collect();
        mistake.paste(format!("needs = [{}]", needs.join(", ")))
    } else {
        let names = manifest.stages.iter().map(|other| other.name.as_str());
        match tidegate_manifest::suggest(name, names) {
            Some(similar) => mistake.help(format!("did you mean `{similar}`?")),
            None => mistake,
        }
    });
}

fn reaches(stage: &Stage, manifest: &Manifest, name: &str) -> bool {
    let mut pending: Vec<_> = stage.needs.iter().map(|need| need.as_str()).collect();
    let mut seen = std::collections::BTreeSet::new();
    while let Some(need) = pending.pop() {
        if need == name {
            return true;
        }
        if seen.insert(need) {
            let needed = manifest.stages.iter().find(|other| other.name.as_str() == need);
            pending.extend(
                needed
                    .into_iter()
                    .flat_map(|stage| &stage.needs)
                    .map(|need| need.as_str()),
            );
        }
    }
    false
}

/// Components that lie in the workspace: no stage may write them.
pub(crate) fn component_files(pipeline: &Pipeline) -> Vec<PathBuf> {
    let aliases = pipeline.manifest.plugins.values().map(|path| &path.value);
    let direct = pipeline.manifest.stages.iter().map(|stage| &stage.uses.value);
    let paths = aliases.chain(direct).filter(|path| path.ends_with(".wasm"));
    let mut files: Vec<_> = paths
        .filter_map(|path| pipeline.workspace.join(path).canonicalize().ok())
        .filter_map(|path| path.strip_prefix(&pipeline.workspace).map(Path::to_path_buf).ok())
        .collect();
    files.sort();
    files.dedup();
    files
}
