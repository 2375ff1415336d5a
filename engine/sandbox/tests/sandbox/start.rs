//! Starts the guest `behave` in an attempt of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tidegate_sandbox::{
    AttemptEnd, Component, DEFAULT_LIMITS, Interface, Preopen, Sandbox, StageEvent, StageSpec, Stop, StopSource,
};
use tokio::sync::OnceCell;

use crate::fake_broker::FakeBroker;
use crate::records::Records;

/// The guest's bytes, built once for all tests.
pub(crate) static BEHAVE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("guests");
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--target",
            "wasm32-wasip2",
            "--target-dir",
        ])
        .arg(&target)
        .current_dir(guests)
        .status()
        .unwrap();
    assert!(
        status.success(),
        "the guests don't build; is the target there? rustup target add wasm32-wasip2"
    );
    std::fs::read(target.join("wasm32-wasip2/release/behave.wasm")).unwrap()
});

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::new(None).unwrap());
static COMPONENT: OnceCell<Component> = OnceCell::const_new();

pub(crate) fn sandbox() -> &'static Sandbox {
    &SANDBOX
}

pub(crate) async fn component() -> &'static Component {
    COMPONENT
        .get_or_init(async || SANDBOX.load(BEHAVE.clone()).await.unwrap())
        .await
}

/// An attempt that is put together, with a harmless default for all that a test does not care about.
pub(crate) struct Start {
    pub(crate) spec: StageSpec,
    pub(crate) preopens: Vec<Preopen>,
    pub(crate) broker: Arc<FakeBroker>,
    pub(crate) stop: Stop,
    /// Keeps the stop from being requested by its drop.
    source: StopSource,
}

pub(crate) struct Ended {
    pub(crate) end: AttemptEnd,
    pub(crate) events: Vec<StageEvent>,
    pub(crate) broker: Arc<FakeBroker>,
}

impl Start {
    pub(crate) async fn new(behave: &str) -> Self {
        let (source, stop) = StopSource::new();
        let mut limits = DEFAULT_LIMITS;
        limits.time = Duration::from_secs(60);
        let spec = StageSpec {
            component: component().await.digest(),
            run: "run-1".into(),
            stage: "behave".into(),
            attempt: 1,
            config: format!(r#"{{"behave":"{behave}"}}"#),
            inputs: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            workspace: PathBuf::from("/srv/project"),
            scratch: PathBuf::from("/srv/scratch"),
            dry_run: false,
            granted: BTreeSet::new(),
            limits,
        };
        Self {
            spec,
            preopens: Vec::new(),
            broker: Arc::default(),
            stop,
            source,
        }
    }

    pub(crate) fn granted(mut self, interfaces: impl IntoIterator<Item = Interface>) -> Self {
        self.spec.granted.extend(interfaces);
        self
    }

    pub(crate) fn time(mut self, time: Duration, grace: Duration) -> Self {
        self.spec.limits.time = time;
        self.spec.limits.stop_grace = grace;
        self
    }

    pub(crate) async fn run(self) -> Ended {
        let records = Arc::new(Records::default());
        let end = sandbox()
            .run(
                component().await,
                &self.spec,
                self.preopens,
                records.clone(),
                self.broker.clone(),
                self.stop,
            )
            .await
            .unwrap();
        drop(self.source);
        Ended {
            end,
            events: records.take(),
            broker: self.broker,
        }
    }

    /// Requests a stop so much later.
    pub(crate) async fn run_and_stop(self, after: Duration) -> Ended {
        let (source, stop) = StopSource::new();
        let start = Self { stop, ..self };
        let (ended, ()) = tokio::join!(start.run(), async {
            tokio::time::sleep(after).await;
            source.request();
        });
        ended
    }
}

pub(crate) async fn run(behave: &str) -> Ended {
    Start::new(behave).await.run().await
}

impl Ended {
    /// Log messages alone, in order.
    pub(crate) fn log(&self) -> Vec<&str> {
        self.events
            .iter()
            .filter_map(|event| match event {
                StageEvent::Log { message, .. } => Some(&**message),
                _ => None,
            })
            .collect()
    }
}
