//! A broker that writes down what it is asked and gives fixed answers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use tidegate_sandbox::*;

#[derive(Default)]
pub(crate) struct FakeBroker {
    calls: Mutex<Vec<String>>,
    ids: AtomicU32,
}

impl FakeBroker {
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn note(&self, call: impl Into<String>) {
        self.calls.lock().unwrap().push(call.into());
    }
}

#[async_trait]
impl Broker for FakeBroker {
    async fn time_is_over(&self) {
        self.note("time is over");
    }

    async fn set_output(&self, key: String, value: String) -> Result<(), String> {
        self.note(format!("output {key} {value}"));
        Ok(())
    }

    async fn keep_artifact(&self, name: String, path: String, media_type: String) -> Result<(), String> {
        self.note(format!("artifact {name} {path} {media_type}"));
        Ok(())
    }

    async fn state_get(&self, key: String) -> Option<String> {
        Some(format!("state of {key}"))
    }

    async fn state_put(&self, key: String, value: String) -> Result<(), String> {
        self.note(format!("state {key} {value}"));
        Ok(())
    }

    async fn files_glob(&self, patterns: Vec<String>) -> Result<Vec<String>, FilesError> {
        Ok(patterns)
    }

    async fn files_read(&self, path: String) -> Result<Vec<u8>, FilesError> {
        Err(FilesError::NotFound(path))
    }

    async fn files_write(&self, path: String, content: Vec<u8>) -> Result<(), FilesError> {
        self.note(format!("write {path} {}", content.len()));
        Ok(())
    }

    async fn source_commit(&self) -> Option<String> {
        Some("abc".into())
    }

    async fn source_branch(&self) -> Option<String> {
        Some("main".into())
    }

    async fn source_tag(&self) -> Option<String> {
        None
    }

    async fn source_changed_since(&self, _base: Option<String>) -> Result<Vec<Change>, SourceError> {
        Ok(vec![Change {
            path: "b".into(),
            kind: ChangeKind::Renamed,
            old_path: Some("a".into()),
        }])
    }

    async fn spawn(&self, command: Command) -> Result<ProcessId, ProcessError> {
        self.note(format!(
            "spawn {} {:?} {:?} {:?} stdin {:?} {:?} {:?} {:?} interactive {}",
            command.program,
            command.args,
            command.env,
            command.cwd,
            command.stdin.map(|stdin| stdin.len()),
            command.stdout,
            command.stderr,
            command.timeout_ms,
            command.interactive
        ));
        Ok(ProcessId(self.ids.fetch_add(1, Ordering::Relaxed)))
    }

    async fn wait(&self, _process: ProcessId) -> Result<Finished, ProcessError> {
        Ok(Finished {
            exit: Exit::Code(3),
            stdout: vec![b'o'; 2],
            stderr: Vec::new(),
            truncated: false,
        })
    }

    async fn read_output(&self, process: ProcessId, stream: Stream) -> Vec<u8> {
        format!("{stream:?} of {}", process.0).into_bytes()
    }

    async fn write_stdin(&self, process: ProcessId, content: Vec<u8>) -> Result<(), ProcessError> {
        self.note(format!("stdin of {}: {}", process.0, content.len()));
        Ok(())
    }

    async fn close_stdin(&self, process: ProcessId) {
        self.note(format!("close stdin of {}", process.0));
    }

    async fn exit(&self, _process: ProcessId) -> Option<Exit> {
        Some(Exit::Signal(9))
    }

    async fn kill(&self, process: ProcessId) {
        self.note(format!("kill {}", process.0));
    }

    async fn poll(&self, processes: Vec<ProcessId>, timeout_ms: u64) -> Vec<u32> {
        self.note(format!("poll {processes:?} {timeout_ms}"));
        vec![0]
    }

    async fn drop_process(&self, process: ProcessId) {
        self.note(format!("drop {}", process.0));
    }

    async fn reveal(&self, name: String) -> Result<String, SecretError> {
        Ok(format!("value of {name}"))
    }

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.note(format!("{request:?}"));
        Ok(HttpResponse {
            status: 204,
            headers: vec![("a".into(), "b".into())],
            body: Vec::new(),
        })
    }

    async fn ssh_hosts(&self, target: String) -> Result<Vec<String>, SshError> {
        Ok(vec![format!("host of {target}")])
    }

    async fn ssh_open(&self, target: String, host: String) -> Result<ConnectionId, SshError> {
        self.note(format!("open {target} {host}"));
        Ok(ConnectionId(self.ids.fetch_add(1, Ordering::Relaxed)))
    }

    async fn ssh_exec(&self, _connection: ConnectionId, exec: SshExec) -> Result<SshFinished, SshError> {
        match exec.line {
            SshLine::Argv(argv) => Ok(SshFinished {
                exit_code: 0,
                stdout: format!("{argv:?} {:?}", exec.timeout_ms).into_bytes(),
                stderr: Vec::new(),
                truncated: false,
            }),
            SshLine::Shell(line) => Err(SshError::Disconnected(line)),
        }
    }

    async fn ssh_upload(
        &self,
        _connection: ConnectionId,
        local: String,
        remote: String,
        _exclude: Vec<String>,
    ) -> Result<u64, SshError> {
        self.note(format!("upload {local} {remote}"));
        Ok(42)
    }

    async fn ssh_write_file(
        &self,
        _connection: ConnectionId,
        remote: String,
        _content: Vec<u8>,
        mode: u32,
    ) -> Result<(), SshError> {
        self.note(format!("write {remote} {mode:o}"));
        Ok(())
    }

    async fn ssh_read_file(&self, _connection: ConnectionId, _remote: String) -> Result<Vec<u8>, SshError> {
        Ok(vec![1])
    }

    async fn ssh_close(&self, connection: ConnectionId) {
        self.note(format!("close {}", connection.0));
    }
}
