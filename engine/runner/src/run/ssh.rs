//! SSH for a stage: the targets that it was granted, and the connections that it has opened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate_confine::View;
use tidegate_sandbox::{ConnectionId, Level, SshError, SshExec, SshFinished, SshLine, StageEvent, Stop, Stream};
use tokio::runtime::Handle;

use super::intake::Intake;
use crate::Secrets;
use crate::event::LogSource;
use crate::line_buffer::LineBuffer;
use crate::plan::{HostKeysPlan, TargetPlan};
use crate::ssh::{Connection, Endings, Exclude, HostKeyPolicy, SshHost, SshTarget};

/// Connections that one attempt may have open; a target with more hosts is deployed in batches.
const MAX_CONNECTIONS: usize = 64;

pub(super) struct SshConnections {
    targets: BTreeMap<String, TargetPlan>,
    secrets: Arc<Secrets>,
    intake: Arc<Intake>,
    stop: Stop,
    endings: Endings,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u32,
    connections: BTreeMap<u32, Arc<Connection>>,
}

impl SshConnections {
    /// `targets`: those that the stage was granted.
    pub(super) fn new(
        targets: BTreeMap<String, TargetPlan>,
        secrets: Arc<Secrets>,
        intake: Arc<Intake>,
        stop: Stop,
        endings: Endings,
    ) -> Self {
        Self {
            targets,
            secrets,
            intake,
            stop,
            endings,
            open: Mutex::default(),
        }
    }

    pub(super) fn hosts(&self, target: &str) -> Result<Vec<String>, SshError> {
        Ok(self.target(target)?.hosts.clone())
    }

    pub(super) async fn open(&self, target: &str, host: &str) -> Result<ConnectionId, SshError> {
        if self.lock().connections.len() >= MAX_CONNECTIONS {
            return Err(SshError::Other(format!(
                "{MAX_CONNECTIONS} connections are open already"
            )));
        }
        let plan = self.target(target)?;
        let resolved = self.resolve(target, plan)?;
        let no_host = || SshError::NotGranted(format!("`{host}` is not a host of the target `{target}`"));
        let host = resolved.host(host).ok_or_else(no_host)?;
        let connection = Connection::open(&resolved, host, self.stop.clone(), self.endings.clone()).await?;
        let mut open = self.lock();
        let id = open.next;
        open.next += 1;
        open.connections.insert(id, Arc::new(connection));
        Ok(ConnectionId(id))
    }

    /// What a command line of the manifest prints becomes log lines as it comes; a stage's own commands are its own affair.
    pub(super) async fn exec(&self, id: ConnectionId, exec: SshExec) -> Result<SshFinished, SshError> {
        let connection = self.get(id)?;
        let host = connection.host().label.clone();
        let (line, is_logged) = match &exec.line {
            SshLine::Argv(argv) => (argv.join(" "), false),
            SshLine::Shell(line) => (line.clone(), true),
        };
        self.intake.command_log(format!("{host}: runs {line}")).await;
        if !is_logged {
            return connection.exec(exec, |_, _| {}).await;
        }
        let buffers = Mutex::new([LineBuffer::default(), LineBuffer::default()]);
        let finished = connection
            .exec(exec, |stream, bytes| {
                let (index, source) = place(stream);
                let lines = lock(&buffers)[index].feed(bytes, self.intake.masker());
                // The callback can't wait, and the log must: a command that prints faster than the log takes is held up.
                tokio::task::block_in_place(|| {
                    Handle::current().block_on(async {
                        for line in lines {
                            self.intake.log(Level::Info, source, line).await;
                        }
                    });
                });
            })
            .await;
        for stream in [Stream::Stdout, Stream::Stderr] {
            let (index, source) = place(stream);
            let rest = lock(&buffers)[index].finish(self.intake.masker());
            if let Some(line) = rest {
                self.intake.log(Level::Info, source, line).await;
            }
        }
        finished
    }

    pub(super) async fn upload(
        &self,
        id: ConnectionId,
        view: &View,
        local: &str,
        remote: &str,
        exclude: Exclude,
    ) -> Result<u64, SshError> {
        let connection = self.get(id)?;
        let opened = view
            .open_dir_or_file(std::path::Path::new(local))
            .map_err(|error| SshError::Other(format!("{local}: {error}")))?;
        let host = connection.host().label.clone();
        let (sender, mut receiver) = tokio::sync::watch::channel((0, 0));
        let upload = connection.upload(opened, remote, exclude, |done, total| {
            sender.send_replace((done, total));
        });
        let tell = async {
            while receiver.changed().await.is_ok() {
                let (done, total) = *receiver.borrow_and_update();
                let event = StageEvent::Progress {
                    done,
                    total: Some(total),
                    what: format!("upload to {host}"),
                };
                tidegate_sandbox::EventSink::emit(&*self.intake, event).await;
                tokio::time::sleep(PROGRESS_INTERVAL).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            uploaded = upload => uploaded,
            () = tell => Err(SshError::Stopping),
        }
    }

    pub(super) async fn write_file(
        &self,
        id: ConnectionId,
        remote: &str,
        content: Vec<u8>,
        mode: u32,
    ) -> Result<(), SshError> {
        self.get(id)?.write_file(remote, content, mode).await
    }

    pub(super) async fn read_file(&self, id: ConnectionId, remote: &str) -> Result<Vec<u8>, SshError> {
        self.get(id)?.read_file(remote).await
    }

    pub(super) fn close(&self, id: ConnectionId) {
        self.lock().connections.remove(&id.0);
    }

    fn target(&self, name: &str) -> Result<&TargetPlan, SshError> {
        let missing = || {
            SshError::NotGranted(format!(
                "the target `{name}`; the manifest has to say: grant.ssh = [\"{name}\"]"
            ))
        };
        self.targets.get(name).ok_or_else(missing)
    }

    /// Only here does the key leave its store, and it goes no further than the connection.
    fn resolve(&self, name: &str, plan: &TargetPlan) -> Result<SshTarget, SshError> {
        let secret = |secret: &str| {
            let missing = || SshError::Other(format!("the secret `{secret}` of the target `{name}` has no value"));
            self.secrets.get(secret).cloned().ok_or_else(missing)
        };
        let host_keys = match &plan.host_keys {
            HostKeysPlan::Keys(keys) => HostKeyPolicy::from_keys(keys),
            HostKeysPlan::KnownHosts(text) => HostKeyPolicy::from_known_hosts(text),
        };
        let hosts = plan
            .hosts
            .iter()
            .map(|host| SshHost::parse(host))
            .collect::<Result<_, _>>();
        Ok(SshTarget {
            name: name.into(),
            hosts: hosts.map_err(|error| SshError::Other(error.to_string()))?,
            key: secret(&plan.key)?,
            passphrase: plan.passphrase.as_deref().map(secret).transpose()?,
            host_keys: host_keys.map_err(|error| SshError::Other(error.to_string()))?,
            connect_timeout: Duration::from_millis(plan.connect_timeout_ms),
            keepalive: Duration::from_millis(plan.keepalive_ms),
        })
    }

    fn get(&self, id: ConnectionId) -> Result<Arc<Connection>, SshError> {
        let closed = || SshError::Other("the connection is closed".into());
        self.lock().connections.get(&id.0).cloned().ok_or_else(closed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        lock(&self.open)
    }
}

/// Progress on a terminal need not be faster than the eye.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

fn place(stream: Stream) -> (usize, LogSource) {
    match stream {
        Stream::Stdout => (0, LogSource::Stdout),
        Stream::Stderr => (1, LogSource::Stderr),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing panics while it holds these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
