//! Everything that a stage asks and that needs an answer. The sandbox asks; the engine's side decides, from the Plan alone.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// The engine's side of a stage attempt. All values are plain data, so that a socket can stand between the two sides.
///
/// Nothing larger than [`crate::limits`] says crosses; the broker refuses what does all the same.
///
/// Ids are given out by the broker and mean something in this attempt only. Every call may be dropped while it waits: the
/// attempt is then over, and the broker cleans up when it is dropped itself.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// The stage's time is over, and its grace begins: from now on all is as after a requested stop. (A stop that was
    /// requested from outside the attempt is known to the broker, and not told here.)
    async fn time_is_over(&self) {}

    /// `value` is JSON. The error is a text for the stage's author.
    async fn set_output(&self, key: String, value: String) -> Result<(), String>;
    async fn keep_artifact(&self, name: String, path: String, media_type: String) -> Result<(), String>;

    async fn state_get(&self, key: String) -> Option<String>;
    async fn state_put(&self, key: String, value: String) -> Result<(), String>;

    /// Paths relative to the workspace, sorted; gitignore-style patterns; ignored and hidden files are left out.
    async fn files_glob(&self, patterns: Vec<String>) -> Result<Vec<String>, FilesError>;
    async fn files_read(&self, path: String) -> Result<Vec<u8>, FilesError>;
    async fn files_write(&self, path: String, content: Vec<u8>) -> Result<(), FilesError>;

    async fn source_commit(&self) -> Option<String>;
    async fn source_branch(&self) -> Option<String>;
    async fn source_tag(&self) -> Option<String>;
    async fn source_changed_since(&self, base: Option<String>) -> Result<Vec<Change>, SourceError>;

    /// Starts a program with pipes to the broker, which forwards or keeps what it prints as the command says.
    async fn spawn(&self, command: Command) -> Result<ProcessId, ProcessError>;
    /// Waits for the end; also when a stop is requested (the program is then stopped first).
    async fn wait(&self, process: ProcessId) -> Result<Finished, ProcessError>;
    /// What has come since the last call, at most 1 MiB, without waiting.
    async fn read_output(&self, process: ProcessId, stream: Stream) -> Vec<u8>;
    async fn write_stdin(&self, process: ProcessId, content: Vec<u8>) -> Result<(), ProcessError>;
    async fn close_stdin(&self, process: ProcessId);
    /// Some once it has ended, without waiting.
    async fn exit(&self, process: ProcessId) -> Option<Exit>;
    async fn kill(&self, process: ProcessId);
    /// Indices into `processes` of those that have output or have ended; empty when the time is over or a stop is requested.
    async fn poll(&self, processes: Vec<ProcessId>, timeout_ms: u64) -> Vec<u32>;
    /// The stage let go of it: it is killed if it still runs. Returns when it is gone and all that it said is with the sink.
    async fn drop_process(&self, process: ProcessId);

    async fn reveal(&self, name: String) -> Result<String, SecretError>;

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse, HttpError>;

    async fn ssh_hosts(&self, target: String) -> Result<Vec<String>, SshError>;
    async fn ssh_open(&self, target: String, host: String) -> Result<ConnectionId, SshError>;
    async fn ssh_exec(&self, connection: ConnectionId, exec: SshExec) -> Result<SshFinished, SshError>;
    async fn ssh_upload(
        &self,
        connection: ConnectionId,
        local: String,
        remote: String,
        exclude: Vec<String>,
    ) -> Result<u64, SshError>;
    async fn ssh_write_file(
        &self,
        connection: ConnectionId,
        remote: String,
        content: Vec<u8>,
        mode: u32,
    ) -> Result<(), SshError>;
    async fn ssh_read_file(&self, connection: ConnectionId, remote: String) -> Result<Vec<u8>, SshError>;
    async fn ssh_close(&self, connection: ConnectionId);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessId(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnectionId(pub u32);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FilesError {
    NotGranted(String),
    NotFound(String),
    /// The file's size in bytes.
    TooLarge(u64),
    Other(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
    Renamed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Relative to the workspace.
    pub path: String,
    pub kind: ChangeKind,
    pub old_path: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceError {
    NotGranted(String),
    NotARepository,
    UnknownBase(String),
    Shallow(String),
    Other(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Sink {
    /// Each line becomes a log event.
    #[default]
    Log,
    /// Kept for the stage, up to the capture limit.
    Capture,
    Discard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    Stdout,
    Stderr,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Command {
    /// The stage's own name for the program.
    pub program: String,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// Relative to the workspace.
    pub cwd: Option<String>,
    /// All of the standard input. None: empty for `run`, an open pipe for `spawn`.
    pub stdin: Option<Vec<u8>>,
    /// True for `spawn`: standard input stays open for `write_stdin`.
    pub interactive: bool,
    pub stdout: Sink,
    pub stderr: Sink,
    pub timeout_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProcessError {
    NotGranted(String),
    NotFound(String),
    NotConfinable(String),
    FailedToStart(String),
    Stopping,
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    TimedOut,
    OutOfMemory,
    /// Ended by the engine, because the run is being stopped.
    Stopped,
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    pub exit: Exit,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretError {
    NotGranted(String),
    Unavailable(String),
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub timeout_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpError {
    NotGranted(String),
    Unreachable(String),
    Tls(String),
    TimedOut,
    TooLarge(u64),
    Stopping,
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshExec {
    pub line: SshLine,
    pub stdin: Vec<u8>,
    pub timeout_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SshLine {
    /// Quoted for the remote shell by the engine.
    Argv(Vec<String>),
    /// As the manifest's author wrote it.
    Shell(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshFinished {
    pub exit_code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SshError {
    NotGranted(String),
    Unreachable(String),
    HostKeyMismatch(String),
    AuthenticationFailed(String),
    Disconnected(String),
    TimedOut,
    RemoteIo(String),
    Stopping,
    Other(String),
}
