//! What is written in `tidegate.toml`, with the place of each value. Nothing is resolved here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::{ByteSize, ManifestGaps, NetGrant, Span, Spanned, StageGaps, StageName};

#[derive(Debug, Clone, Default)]
pub struct Manifest {
    /// `[pipeline] name`; default: the name of the manifest's folder, filled in by the caller.
    pub name: Option<Spanned<String>>,
    /// `[pipeline] hide`: gitignore-style patterns of files that no stage sees, beside the fixed ones.
    pub hide: Vec<Spanned<String>>,
    /// `[vars]`: defaults of the variables that `--set` overrides; strings, integers, booleans. `${vars.KEY}`.
    pub vars: BTreeMap<String, Spanned<serde_json::Value>>,
    /// `[plugins]`: alias to path of a component, relative to the manifest.
    pub plugins: BTreeMap<String, Spanned<String>>,
    /// `[env]`: for the native programs of all stages.
    pub env: BTreeMap<String, Spanned<String>>,
    /// `[targets.NAME]`.
    pub targets: BTreeMap<String, Target>,
    /// In the order in which they are written.
    pub stages: Vec<Stage>,
    pub gaps: ManifestGaps,
}

#[derive(Debug, Clone)]
pub struct Stage {
    pub name: Spanned<StageName>,
    /// A standard stage's name, an alias of `[plugins]`, or a path that ends in `.wasm`.
    pub uses: Spanned<String>,
    pub with: Config,
    pub needs: Vec<Spanned<StageName>>,
    /// A CEL expression that gives a bool.
    pub when: Option<Spanned<String>>,
    /// Default: 1 hour.
    pub timeout: Option<Spanned<Duration>>,
    /// Default: 5 seconds.
    pub stop_grace: Option<Spanned<Duration>>,
    pub env: BTreeMap<String, Spanned<String>>,
    /// `grant`, with the named sets of `[grants.NAME]` merged in.
    pub grant: Grants,
    /// Where `grant` stands, or where the stage's table header stands: where a missing grant is to be written.
    pub grant_span: Span,
    /// The stage's table header.
    pub span: Span,
    pub gaps: StageGaps,
}

/// A stage's `with` table as JSON, and where each value of it stands.
#[derive(Debug, Clone)]
pub struct Config {
    pub value: serde_json::Value,
    /// JSON pointer to place; the table itself is under the empty pointer. Keys have entries of their own in `keys`.
    pub spans: BTreeMap<String, Span>,
    pub keys: BTreeMap<String, Span>,
}

/// What the manifest's author gives to a stage. The default gives nothing.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    /// Extra paths outside the workspace, read-only; absolute, or `~/…`.
    pub read: Vec<Spanned<PathBuf>>,
    /// Folders of the workspace whose changes persist; relative.
    pub write: Vec<Spanned<PathBuf>>,
    /// The stage's own name to the program it is here.
    pub exec: BTreeMap<String, Spanned<String>>,
    pub net: Vec<Spanned<NetGrant>>,
    /// Variables of the engine's environment that programs may see.
    pub env: Vec<Spanned<String>>,
    /// The stage's own name to the secret's name.
    pub secrets: BTreeMap<String, Spanned<String>>,
    /// Names of targets.
    pub ssh: Vec<Spanned<String>>,
    /// Origins: `https://example.com`, with a port where it is not the scheme's own.
    pub http: Vec<Spanned<String>>,
    /// `source = true`: commit, branch, tag and the list of changed files.
    pub source: Option<Spanned<bool>>,
    /// Linear memory of the component. Default: 256 MiB.
    pub memory: Option<Spanned<ByteSize>>,
    /// Memory of the native programs together.
    pub program_memory: Option<Spanned<ByteSize>>,
    /// Native processes at the same time.
    pub processes: Option<Spanned<u64>>,
    /// What the stage may print in total. Default: 64 MiB.
    pub output: Option<Spanned<ByteSize>>,
}

/// `[targets.NAME]`: where `ssh` leads to.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: Spanned<String>,
    /// `user@host` or `user@host:port`; IPv6 in brackets.
    pub hosts: Vec<Spanned<String>>,
    /// The name of the secret that holds the private key (OpenSSH or PEM).
    pub key: Spanned<String>,
    /// The name of the secret that holds the key's passphrase.
    pub passphrase: Option<Spanned<String>>,
    pub host_keys: HostKeys,
    /// Default: 20 seconds.
    pub connect_timeout: Option<Spanned<Duration>>,
    /// Default: 15 seconds.
    pub keepalive: Option<Spanned<Duration>>,
}

#[derive(Debug, Clone)]
pub enum HostKeys {
    /// Full public keys: `ssh-ed25519 AAAA…`.
    Keys(Vec<Spanned<String>>),
    /// A file in OpenSSH's known_hosts format, relative to the workspace.
    KnownHosts(Spanned<String>),
}
