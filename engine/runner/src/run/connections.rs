//! What programs of one attempt reached or tried to reach: an event each, and what a failure has to say of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidegate_confine::{Connection, ConnectionEnd};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::intake::Intake;
use crate::event::{ConnectionResult, EventKind};

/// Connections that wait to be told of; their threads wait with them.
const QUEUE: usize = 64;

/// Lines that a failure gets at most. One that fails because of more has one cause all the same.
const MAX_LINES: usize = 8;

pub(super) struct Connections(JoinHandle<Troubles>);

impl Connections {
    /// The other part is to be called with each connection, from threads that may block. Once it is dropped all has been told.
    pub(super) fn watch(intake: Arc<Intake>) -> (Self, impl Fn(Connection) + Send + Sync + 'static) {
        let (sender, mut receiver) = mpsc::channel(QUEUE);
        let telling = tokio::spawn(async move {
            let mut troubles = Troubles::default();
            while let Some(connection) = receiver.recv().await {
                troubles.note(&connection);
                tell(&intake, connection).await;
            }
            troubles
        });
        let observer = move |connection| {
            // The receiver goes with the runtime, when nobody is told of anything any more.
            let _ = sender.blocking_send(connection);
        };
        (Self(telling), observer)
    }

    /// Lines for the text of a failure. Waits until all has been told.
    pub(super) async fn troubles(self) -> Vec<String> {
        self.0.await.map(|troubles| troubles.lines()).unwrap_or_default()
    }
}

async fn tell(intake: &Intake, connection: Connection) {
    if intake.count().is_err() {
        return;
    }
    let (result, sent, received, message) = match connection.end {
        ConnectionEnd::Closed { sent, received } => (ConnectionResult::Closed, sent, received, None),
        ConnectionEnd::Failed(why) => (ConnectionResult::Failed, 0, 0, Some(intake.clean_line(why))),
        ConnectionEnd::Denied => (ConnectionResult::Denied, 0, 0, None),
    };
    intake
        .send(EventKind::Connection {
            stage: intake.stage().clone(),
            to: intake.clean_line(connection.to),
            result,
            sent,
            received,
            message,
        })
        .await;
}

#[derive(Debug, Default)]
struct Troubles {
    denied: BTreeSet<String>,
    failed: BTreeSet<(String, String)>,
}

impl Troubles {
    fn note(&mut self, connection: &Connection) {
        match &connection.end {
            ConnectionEnd::Closed { .. } => {}
            ConnectionEnd::Denied => drop(self.denied.insert(connection.to.clone())),
            ConnectionEnd::Failed(why) => drop(self.failed.insert((connection.to.clone(), why.clone()))),
        }
    }

    fn lines(&self) -> Vec<String> {
        let connected = |name: &str| {
            let with_port = format!("{name}:");
            self.denied.iter().any(|to| to.starts_with(&with_port))
        };
        let denied = self.denied.iter().filter_map(|to| match to.rsplit_once(':') {
            Some(("host-loopback", port)) => Some(format!(
                "a program tried to reach port {port} of the loopback, where this machine has a service that is not granted; if it \
                 may: net = [\"{to}\"]"
            )),
            Some(_) => Some(format!(
                "a program tried to reach {to}, which is not granted; if it may: net = [\"{to}\"]"
            )),
            // It was looked up first.
            None if connected(to) => None,
            None => Some(format!(
                "a program looked up {to}, which is not granted; if it may connect: net = [\"{to}:PORT\"]"
            )),
        });
        let failed = self
            .failed
            .iter()
            .map(|(to, why)| format!("a program did not reach {to}: {why}"));
        denied.chain(failed).take(MAX_LINES).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_was_tried() {
        let mut troubles = Troubles::default();
        let mut note = |to: &str, end| troubles.note(&Connection { to: to.into(), end });
        note("index.example.com:443", ConnectionEnd::Closed { sent: 1, received: 2 });
        for _ in 0..2 {
            note("upload.example.com", ConnectionEnd::Denied);
            note("upload.example.com:443", ConnectionEnd::Denied);
        }
        note("redis", ConnectionEnd::Denied);
        note("db.corp:5432", ConnectionEnd::Failed("it resolves to 10.0.0.5".into()));
        assert_eq!(
            troubles.lines(),
            [
                "a program looked up redis, which is not granted; if it may connect: net = [\"redis:PORT\"]",
                "a program tried to reach upload.example.com:443, which is not granted; if it may: net = \
                 [\"upload.example.com:443\"]",
                "a program did not reach db.corp:5432: it resolves to 10.0.0.5",
            ]
        );
    }
}
