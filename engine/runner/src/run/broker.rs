//! The engine's side of one attempt. It decides from the Plan alone; what it does not find granted there, it refuses.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tidegate_confine::View;
use tidegate_sandbox::limits::{FILE_BYTES, INPUT_BYTES, MEDIA_TYPE_BYTES, MIB, PIECE_BYTES, POLL_TIME};
use tidegate_sandbox::{
    Broker, Change, Command, ConnectionId, Exit, FilesError, Finished, HttpError, HttpRequest, HttpResponse,
    ProcessError, ProcessId, SecretError, SourceError, SshError, SshExec, SshFinished, Stop, StopSource, Stream,
};

use super::artifacts::{Artifacts, KeptOfStage};
use super::files;
use super::intake::Intake;
use super::outputs::Outputs;
use super::processes::Processes;
use super::source::StageSource;
use super::ssh::SshConnections;
use crate::Secrets;
use crate::event::EventKind;
use crate::hidden::Hidden;
use crate::http::HttpClient;
use crate::journal::StageState;
use crate::plan::StagePlan;
use crate::planner::toml_key;
use crate::ssh::Exclude;

pub(super) struct StageBroker {
    pub(super) stage: Arc<StagePlan>,
    pub(super) view: Arc<View>,
    pub(super) hidden: Hidden,
    /// None when the stage was granted no program.
    pub(super) processes: Option<Processes>,
    pub(super) connections: SshConnections,
    pub(super) http: HttpClient,
    pub(super) secrets: Arc<Secrets>,
    pub(super) artifacts: Artifacts,
    pub(super) outputs: Outputs,
    pub(super) state: Arc<StageState>,
    pub(super) source: StageSource,
    pub(super) intake: Arc<Intake>,
    /// Requested by the run, or by the attempt's own time.
    pub(super) stop: Stop,
    pub(super) stop_source: Arc<StopSource>,
}

impl StageBroker {
    fn processes(&self) -> Result<&Processes, ProcessError> {
        self.processes
            .as_ref()
            .ok_or_else(|| ProcessError::NotGranted("no program; see grant.exec".into()))
    }

    /// Blocking work of the file system, away from the threads that drive the stages.
    async fn on_view<T: Send + 'static>(
        &self,
        work: impl FnOnce(&View) -> Result<T, FilesError> + Send + 'static,
    ) -> Result<T, FilesError> {
        let view = self.view.clone();
        let done = tokio::task::spawn_blocking(move || work(&view)).await;
        done.unwrap_or_else(|error| Err(FilesError::Other(error.to_string())))
    }

    /// What the attempt leaves behind: outputs and artifacts.
    pub(super) fn results(&self) -> (BTreeMap<String, Value>, KeptOfStage) {
        (self.outputs.all(), self.artifacts.all())
    }
}

#[async_trait]
impl Broker for StageBroker {
    async fn time_is_over(&self) {
        self.stop_source.request();
    }

    async fn set_output(&self, key: String, value: String) -> Result<(), String> {
        let value = Outputs::read(&key, &value)?;
        if self.intake.holds_secret(&key) {
            return Err("an output's key holds a secret".into());
        }
        self.intake.count()?;
        let value = self.intake.clean_value(value);
        self.outputs.set(key.clone(), value.clone())?;
        self.intake.output(key, value).await;
        Ok(())
    }

    async fn keep_artifact(&self, name: String, path: String, media_type: String) -> Result<(), String> {
        if self.intake.holds_secret(&name) {
            return Err("an artifact's name holds a secret".into());
        }
        if media_type.len() > MEDIA_TYPE_BYTES {
            return Err(format!("a media type has at most {MEDIA_TYPE_BYTES} bytes"));
        }
        self.intake.count()?;
        let hidden = self.hidden.beneath(Path::new(&path));
        let kept = self.artifacts.keep(self.view.clone(), &name, &path, hidden).await?;
        let media_type = self.intake.clean_line(media_type);
        let (stage, digest, bytes) = (self.stage.name.clone(), kept.digest.to_string(), kept.bytes);
        self.intake
            .send(EventKind::Artifact {
                stage,
                name,
                media_type,
                digest,
                bytes,
            })
            .await;
        Ok(())
    }

    async fn state_get(&self, key: String) -> Option<String> {
        let state = self.state.clone();
        let value = tokio::task::spawn_blocking(move || state.get(&key)).await;
        value.ok().and_then(Result::ok).flatten()
    }

    async fn state_put(&self, key: String, value: String) -> Result<(), String> {
        let state = self.state.clone();
        let put = tokio::task::spawn_blocking(move || state.put(&key, &value)).await;
        put.unwrap_or_else(|error| Err(error.to_string()))
    }

    async fn files_glob(&self, patterns: Vec<String>) -> Result<Vec<String>, FilesError> {
        let hidden = self.hidden.beneath(Path::new(""));
        self.on_view(move |view| files::glob(view, &hidden, &patterns)).await
    }

    async fn files_read(&self, path: String) -> Result<Vec<u8>, FilesError> {
        self.on_view(move |view| files::read(view, &path)).await
    }

    async fn files_write(&self, path: String, content: Vec<u8>) -> Result<(), FilesError> {
        self.on_view(move |view| files::write(view, &path, &content)).await
    }

    async fn source_commit(&self) -> Option<String> {
        self.source.state().commit
    }

    async fn source_branch(&self) -> Option<String> {
        self.source.state().branch
    }

    async fn source_tag(&self) -> Option<String> {
        self.source.state().tag
    }

    async fn source_changed_since(&self, base: Option<String>) -> Result<Vec<Change>, SourceError> {
        self.source.changed_since(base.as_deref()).await
    }

    async fn spawn(&self, command: Command) -> Result<ProcessId, ProcessError> {
        let processes = self.processes()?;
        check_input(command.stdin.as_deref().unwrap_or_default()).map_err(ProcessError::Other)?;
        processes.spawn(command).await
    }

    async fn wait(&self, process: ProcessId) -> Result<Finished, ProcessError> {
        self.processes()?.wait(process).await
    }

    async fn read_output(&self, process: ProcessId, stream: Stream) -> Vec<u8> {
        self.processes
            .as_ref()
            .map_or_else(Vec::new, |processes| processes.read(process, stream))
    }

    async fn write_stdin(&self, process: ProcessId, content: Vec<u8>) -> Result<(), ProcessError> {
        if content.len() > PIECE_BYTES {
            let text = format!("a piece of standard input has at most {} MiB", PIECE_BYTES / MIB);
            return Err(ProcessError::Other(text));
        }
        self.processes()?.write(process, content).await
    }

    async fn close_stdin(&self, process: ProcessId) {
        if let Some(processes) = &self.processes {
            processes.close_stdin(process).await;
        }
    }

    async fn exit(&self, process: ProcessId) -> Option<Exit> {
        self.processes.as_ref()?.exit(process)
    }

    async fn kill(&self, process: ProcessId) {
        if let Some(processes) = &self.processes {
            processes.kill(process);
        }
    }

    async fn poll(&self, processes: Vec<ProcessId>, timeout_ms: u64) -> Vec<u32> {
        let timeout = Duration::from_millis(timeout_ms).min(POLL_TIME);
        match &self.processes {
            Some(table) => table.poll(&processes, timeout).await,
            None => Vec::new(),
        }
    }

    async fn drop_process(&self, process: ProcessId) {
        if let Some(processes) = &self.processes {
            processes.forget(process).await;
        }
    }

    async fn reveal(&self, name: String) -> Result<String, SecretError> {
        let Some(secret) = self.stage.grant.secrets.get(&name) else {
            let text = format!(
                "`{name}`; the manifest has to bind it: grant.secrets = {{ {} = \"…\" }}",
                toml_key(&name)
            );
            return Err(SecretError::NotGranted(text));
        };
        let value = self
            .secrets
            .get(secret)
            .ok_or_else(|| SecretError::Unavailable(secret.clone()))?;
        self.intake.count().map_err(SecretError::Other)?;
        self.intake
            .send(EventKind::SecretRead {
                stage: self.stage.name.clone(),
                name: secret.clone(),
            })
            .await;
        Ok(value.to_string())
    }

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.http.send(request, self.stop.clone()).await
    }

    async fn ssh_hosts(&self, target: String) -> Result<Vec<String>, SshError> {
        self.connections.hosts(&target)
    }

    async fn ssh_open(&self, target: String, host: String) -> Result<ConnectionId, SshError> {
        self.connections.open(&target, &host).await
    }

    async fn ssh_exec(&self, connection: ConnectionId, exec: SshExec) -> Result<SshFinished, SshError> {
        check_input(&exec.stdin).map_err(SshError::Other)?;
        self.connections.exec(connection, exec).await
    }

    async fn ssh_upload(
        &self,
        connection: ConnectionId,
        local: String,
        remote: String,
        exclude: Vec<String>,
    ) -> Result<u64, SshError> {
        let hidden = self.hidden.beneath(Path::new(&local));
        if hidden.covers(Path::new(""), false) {
            return Err(SshError::Other(format!(
                "{local} is hidden, so there is nothing to upload"
            )));
        }
        let exclude = Exclude::parse(&exclude)?.and(hidden);
        self.connections
            .upload(connection, &self.view, &local, &remote, exclude)
            .await
    }

    async fn ssh_write_file(
        &self,
        connection: ConnectionId,
        remote: String,
        content: Vec<u8>,
        mode: u32,
    ) -> Result<(), SshError> {
        if content.len() > FILE_BYTES {
            let text = format!("a file that is written at once has at most {} MiB", FILE_BYTES / MIB);
            return Err(SshError::Other(text));
        }
        self.connections.write_file(connection, &remote, content, mode).await
    }

    async fn ssh_read_file(&self, connection: ConnectionId, remote: String) -> Result<Vec<u8>, SshError> {
        self.connections.read_file(connection, &remote).await
    }

    async fn ssh_close(&self, connection: ConnectionId) {
        self.connections.close(connection);
    }
}

fn check_input(content: &[u8]) -> Result<(), String> {
    if content.len() <= INPUT_BYTES {
        return Ok(());
    }
    let limit = INPUT_BYTES / MIB;
    Err(format!(
        "a standard input that is given at once has at most {limit} MiB"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_input_has_a_bound() {
        assert!(check_input(&vec![0; INPUT_BYTES]).is_ok());
        assert_eq!(
            check_input(&vec![0; INPUT_BYTES + 1]).unwrap_err(),
            "a standard input that is given at once has at most 8 MiB"
        );
    }
}
