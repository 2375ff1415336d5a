//! What will run, with every capability granted and every component pinned. Only a [`Plan`] can be executed, and only the
//! planner makes one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_confine::Level;
use tidegate_manifest::{NetGrant, StageName};
use tidegate_sandbox::{Digest, Request};

use crate::program::{Program, Toolchain};

/// Serialisable, so that the journal holds it and a run can be resumed from it, never from a changed manifest.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Plan {
    pub pipeline: String,
    /// Absolute, without links.
    pub workspace: PathBuf,
    pub vars: BTreeMap<String, Value>,
    pub source: SourceState,
    /// Each after those that it needs.
    pub stages: Vec<StagePlan>,
    /// Stages of the manifest that do not run, and why.
    pub left_out: BTreeMap<StageName, String>,
    pub targets: BTreeMap<String, TargetPlan>,
    /// Every toolchain that a program of the workspace may lead to.
    pub toolchains: Vec<Toolchain>,
    /// gitignore-style patterns of files that no stage sees, beside the fixed ones.
    pub hide: Vec<String>,
    /// Files that no stage may write, relative to the workspace: the manifest and the components in it.
    pub read_only: Vec<PathBuf>,
    pub python_index: PythonIndexPlan,
    pub dry_run: bool,
    /// How native programs are confined.
    pub level: Level,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    pub commit: Option<String>,
    pub branch: Option<String>,
    pub tag: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StagePlan {
    pub name: StageName,
    pub plugin: PluginId,
    /// Known values are in place; unknown ones stand as their text.
    pub config: Value,
    /// JSON pointer to text, for values that earlier stages give.
    pub unknown: BTreeMap<String, String>,
    pub needs: Vec<StageName>,
    pub when: Option<String>,
    pub timeout_ms: u64,
    pub stop_grace_ms: u64,
    pub memory_bytes: u64,
    pub output_bytes: u64,
    /// Of the native programs together; the Cell has defaults.
    pub program_memory_bytes: Option<u64>,
    pub processes: Option<u32>,
    /// Texts, possibly with expressions.
    pub env: BTreeMap<String, String>,
    pub requests: Vec<Request>,
    pub grant: Grant,
}

impl StagePlan {
    /// True when the stage may start native programs.
    pub fn runs_programs(&self) -> bool {
        !self.grant.exec.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginId {
    pub name: String,
    pub version: String,
    pub digest: Digest,
    /// For people: `standard`, or the component's path in the workspace.
    pub origin: String,
}

/// What a stage may do: what it asked for and was given, and for its programs what the manifest gives them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Grant {
    pub exec: BTreeMap<String, Program>,
    pub net: Vec<NetGrant>,
    /// Absolute.
    pub read: Vec<PathBuf>,
    /// Relative to the workspace.
    pub write: Vec<PathBuf>,
    pub env: Vec<String>,
    /// The stage's own name to the secret's.
    pub secrets: BTreeMap<String, String>,
    pub ssh: Vec<String>,
    pub http: Vec<String>,
    pub source: bool,
}

impl Grant {
    pub fn uses_python_index(&self) -> bool {
        self.net.iter().any(|net| matches!(net, NetGrant::PythonIndex { .. }))
    }

    /// The secret that holds user name and password for the index.
    pub fn index_credentials(&self) -> Option<&str> {
        self.net.iter().find_map(|net| match net {
            NetGrant::PythonIndex { credentials } => credentials.as_deref(),
            _ => None,
        })
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TargetPlan {
    pub hosts: Vec<String>,
    /// Names of secrets.
    pub key: String,
    pub passphrase: Option<String>,
    pub host_keys: HostKeysPlan,
    pub connect_timeout_ms: u64,
    pub keepalive_ms: u64,
}

/// The pinned host keys as they were at plan time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostKeysPlan {
    /// Full public keys.
    Keys(Vec<String>),
    /// The text of a known_hosts file.
    KnownHosts(String),
}

/// What the user's configuration of pip and uv says, without credentials; for stages with `@python-index`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonIndexPlan {
    /// Variables that pip and uv read.
    pub env: BTreeMap<String, String>,
    /// Certificates and folders of packages that those variables name.
    pub read: Vec<PathBuf>,
    /// The indexes, and where their files are.
    pub net: Vec<NetGrant>,
    /// Variables that had credentials.
    pub withheld: Vec<String>,
    /// What could not be found out, in plain words.
    pub notes: Vec<String>,
}

impl Plan {
    /// Secrets that must have a value before the run starts.
    pub fn secret_names(&self) -> Vec<&str> {
        let granted = self.stages.iter().flat_map(|stage| stage.grant.secrets.values());
        let reached = self
            .stages
            .iter()
            .flat_map(|stage| &stage.grant.ssh)
            .filter_map(|name| self.targets.get(name));
        let keys = reached
            .flat_map(|target| [Some(&target.key), target.passphrase.as_ref()])
            .flatten();
        let indexes = self.stages.iter().filter_map(|stage| stage.grant.index_credentials());
        let mut names: Vec<_> = granted.chain(keys).map(String::as_str).chain(indexes).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
