//! What expressions may speak of.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::plan::SourceState;

/// Variables of expressions. `stages` holds the outputs of stages that have ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub vars: BTreeMap<String, Value>,
    pub branch: Option<String>,
    pub tag: Option<String>,
    pub commit: Option<String>,
    stages: Map<String, Value>,
}

impl Scope {
    pub(crate) const NAMES: [&'static str; 5] = ["vars", "stages", "branch", "tag", "commit"];

    pub(crate) fn new(vars: BTreeMap<String, Value>, source: &SourceState) -> Self {
        let SourceState { commit, branch, tag } = source.clone();
        Self {
            vars,
            branch,
            tag,
            commit,
            stages: Map::new(),
        }
    }

    pub(crate) fn set_output(&mut self, stage: &str, key: &str, value: Value) {
        self.stage(stage).insert(key.into(), value);
    }

    /// Makes `stages.NAME.outputs` exist, also for a stage that set no output.
    pub(crate) fn add_stage(&mut self, stage: &str) {
        self.stage(stage);
    }

    /// Names of the outputs of a stage that has run.
    pub(super) fn outputs_of(&self, stage: &str) -> Option<Vec<String>> {
        let outputs = self.stages.get(stage)?["outputs"].as_object()?;
        Some(outputs.keys().cloned().collect())
    }

    fn stage(&mut self, stage: &str) -> &mut Map<String, Value> {
        let entry = self.stages.entry(stage).or_insert_with(|| json!({ "outputs": {} }));
        entry["outputs"]
            .as_object_mut()
            .expect("made as an object two lines above, and nothing else writes it")
    }

    pub(super) fn variables(&self) -> [(&'static str, Value); 5] {
        [
            ("vars", json!(self.vars)),
            ("stages", Value::Object(self.stages.clone())),
            ("branch", json!(self.branch)),
            ("tag", json!(self.tag)),
            ("commit", json!(self.commit)),
        ]
    }
}
