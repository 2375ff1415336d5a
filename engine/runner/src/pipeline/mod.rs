//! A manifest whose plugins are found and whose configurations are checked. It can't run yet: nothing is granted.

mod config;
mod overrides;
mod resolve;
mod schema;
mod stand_in;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use tidegate_manifest::{Manifest, StageName};
use tidegate_sandbox::{Component, Request};

pub use config::ConfigTemplate;
pub(crate) use config::fill_in;
pub use overrides::apply_overrides;
pub(crate) use resolve::component_files;
pub use resolve::{Resolver, Unresolved};
pub(crate) use schema::first_mistake;

use crate::expression::Scope;
use crate::plan::{PluginId, SourceState};

/// The stages with everything that can be known before they run. `manifest` still has the places for diagnostics.
pub struct Pipeline {
    pub name: String,
    /// Absolute, without links.
    pub workspace: PathBuf,
    /// The manifest's file, relative to the workspace.
    pub manifest_path: PathBuf,
    pub manifest: Manifest,
    pub vars: BTreeMap<String, Value>,
    pub source: SourceState,
    /// In the manifest's order.
    pub stages: Vec<ResolvedStage>,
}

pub struct ResolvedStage {
    pub name: StageName,
    /// Where it stands in `manifest.stages`.
    pub index: usize,
    pub plugin: Plugin,
    pub config: ConfigTemplate,
    pub requests: Vec<Request>,
}

#[derive(Clone)]
pub struct Plugin {
    pub id: PluginId,
    pub component: Component,
    /// JSON Schema of the stage's `with` table.
    pub schema: std::sync::Arc<Value>,
}

impl Pipeline {
    /// What expressions may speak of before any stage has run.
    pub(crate) fn scope(&self) -> Scope {
        Scope::new(self.vars.clone(), &self.source)
    }
}
