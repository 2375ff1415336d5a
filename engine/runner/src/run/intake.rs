//! Where everything that a stage says enters the engine: secrets are masked, control characters made harmless, amounts
//! counted. Whatever sandbox it came from, nothing reaches an observer by another way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use serde_json::{Map, Value};
use tidegate_manifest::StageName;
use tidegate_sandbox::{EventSink, Level, Location, StageEvent};
use tokio::sync::mpsc;

use super::message::Message;
use crate::Masker;
use crate::event::{EventKind, LogSource};
use crate::neutral::{neutralise, neutralise_lines};

/// Events of one attempt beside log lines: findings, tests, metrics, progress. Twice the largest test suites.
const MAX_EVENTS: u64 = 200_000;
/// Longest text of a finding, a test's message or a summary.
const MAX_TEXT_BYTES: usize = 64 << 10;

pub(super) struct Intake {
    stage: StageName,
    masker: Arc<Masker>,
    sender: mpsc::Sender<Message>,
    output_left: AtomicU64,
    events_left: AtomicU64,
    told: AtomicBool,
}

impl Intake {
    pub(super) fn new(stage: StageName, masker: Arc<Masker>, sender: mpsc::Sender<Message>, output_bytes: u64) -> Self {
        Self {
            stage,
            masker,
            sender,
            output_left: output_bytes.into(),
            events_left: MAX_EVENTS.into(),
            told: AtomicBool::new(false),
        }
    }

    pub(super) fn masker(&self) -> &Masker {
        &self.masker
    }

    /// Masked and harmless, for texts that have several lines.
    pub(super) fn clean(&self, text: String) -> String {
        let mut text = neutralise_lines(&self.masker.mask(text));
        if text.len() > MAX_TEXT_BYTES {
            let cut = (0..=MAX_TEXT_BYTES)
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0);
            text.truncate(cut);
            text.push_str(" […]");
        }
        text
    }

    fn clean_line(&self, text: String) -> String {
        neutralise(&self.clean(text).replace(['\n', '\r'], " ")).into_owned()
    }

    /// One line, already masked by [`crate::line_buffer::LineBuffer`]; masking it again changes nothing.
    pub(super) async fn log(&self, level: Level, source: LogSource, message: String) {
        for line in message.split('\n') {
            let line = neutralise(&self.masker.mask(line.to_owned())).into_owned();
            if !take(&self.output_left, line.len() as u64 + 1) {
                return self.tell_once().await;
            }
            self.send(EventKind::Log {
                stage: self.stage.clone(),
                level,
                source,
                message: line,
            })
            .await;
        }
    }

    /// What the engine itself has to say about the stage; not counted.
    pub(super) async fn engine_log(&self, level: Level, message: String) {
        let message = self.clean_line(message);
        self.send(EventKind::Log {
            stage: self.stage.clone(),
            level,
            source: LogSource::Engine,
            message,
        })
        .await;
    }

    pub(super) async fn output(&self, key: String, value: Value) {
        let value = self.clean_value(value);
        self.send(EventKind::Output {
            stage: self.stage.clone(),
            key,
            value,
        })
        .await;
    }

    pub(super) async fn send(&self, kind: EventKind) {
        // The dispatcher outlives every attempt unless the run was cancelled for good: then nobody listens any more.
        let _ = self.sender.send(Message::Event(kind)).await;
    }

    async fn tell_once(&self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            let message =
                "the stage said more than its limit; the rest is not kept (grant `output` raises it)".to_owned();
            self.engine_log(Level::Warning, message).await;
        }
    }

    pub(super) fn clean_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.clean(text)),
            Value::Array(items) => items.into_iter().map(|item| self.clean_value(item)).collect(),
            Value::Object(entries) => entries
                .into_iter()
                .map(|(key, value)| (self.clean_line(key), self.clean_value(value)))
                .collect(),
            other => other,
        }
    }

    fn clean_location(&self, location: Option<Location>) -> Option<Location> {
        location.map(|location| Location {
            path: self.clean_line(location.path),
            ..location
        })
    }

    /// Named JSON values; what is not JSON is kept as a text.
    fn extra(&self, extra: Vec<(String, String)>) -> Value {
        let entries = extra.into_iter().map(|(name, text)| {
            let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            (self.clean_line(name), self.clean_value(value))
        });
        Value::Object(entries.collect::<Map<_, _>>())
    }

    fn kind(&self, event: StageEvent) -> EventKind {
        let stage = self.stage.clone();
        match event {
            StageEvent::Log { level, message } => EventKind::Log {
                stage,
                level,
                source: LogSource::Stage,
                message,
            },
            StageEvent::Finding(finding) => EventKind::Finding {
                stage,
                severity: finding.severity,
                code: self.clean_line(finding.code),
                message: self.clean(finding.message),
                location: self.clean_location(finding.location),
                help: finding.help.map(|help| self.clean(help)),
                extra: self.extra(finding.extra),
            },
            StageEvent::Test(test) => EventKind::Test {
                stage,
                suite: self.clean_line(test.suite),
                name: self.clean_line(test.name),
                outcome: test.outcome,
                duration_us: test.duration_us,
                message: test.message.map(|message| self.clean(message)),
                location: self.clean_location(test.location),
                extra: self.extra(test.extra),
            },
            StageEvent::Progress { done, total, what } => EventKind::Progress {
                stage,
                done,
                total,
                what: self.clean_line(what),
            },
            StageEvent::Metric { name, value, unit } => EventKind::Metric {
                stage,
                name: self.clean_line(name),
                value,
                unit: self.clean_line(unit),
            },
            StageEvent::Summary { markdown } => EventKind::Summary {
                stage,
                markdown: self.clean(markdown),
            },
        }
    }
}

#[async_trait]
impl EventSink for Intake {
    async fn emit(&self, event: StageEvent) {
        if let StageEvent::Log { level, message } = event {
            return self.log(level, LogSource::Stage, message).await;
        }
        if !take(&self.events_left, 1) {
            return self.tell_once().await;
        }
        self.send(self.kind(event)).await;
    }
}

fn take(left: &AtomicU64, amount: u64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(amount))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use tidegate_sandbox::{Finding, Severity};

    use super::*;
    use crate::Secrets;

    fn intake(output_bytes: u64) -> (Intake, mpsc::Receiver<Message>) {
        let (sender, receiver) = mpsc::channel(16);
        let masker = Arc::new(Masker::new(&Secrets::of([("token", "hunter22")])));
        (
            Intake::new("test".parse().unwrap(), masker, sender, output_bytes),
            receiver,
        )
    }

    fn drain(receiver: &mut mpsc::Receiver<Message>) -> Vec<EventKind> {
        let mut kinds = Vec::new();
        while let Ok(Message::Event(kind)) = receiver.try_recv() {
            kinds.push(kind);
        }
        kinds
    }

    #[tokio::test]
    async fn everything_is_masked_and_harmless() {
        let (intake, mut receiver) = intake(1_000);
        let finding = Finding {
            severity: Severity::Error,
            code: "a\u{1b}[0m".into(),
            message: "it is hunter22\n::error::x".into(),
            location: Some(Location {
                path: "hunter22\n.py".into(),
                line: Some(1),
                column: None,
            }),
            help: Some("hunter22".into()),
            extra: vec![
                ("hunter22".into(), "[\"hunter22\", 1]".into()),
                ("raw".into(), "not json".into()),
            ],
        };
        intake.emit(StageEvent::Finding(finding)).await;
        intake
            .log(Level::Info, LogSource::Stdout, "hunter22\n##[x]".into())
            .await;
        let text = drain(&mut receiver)
            .iter()
            .map(|kind| serde_json::to_string(kind).unwrap())
            .collect::<String>();
        assert!(
            !text.contains("hunter22") && !text.contains("\\u001b") && !text.contains("##["),
            "{text}"
        );
        assert!(
            text.contains("\"•••\",1") && text.contains("not json") && text.contains("\"••• .py\""),
            "{text}"
        );
        assert!(!text.contains("\\n::"), "{text}");
    }

    #[tokio::test]
    async fn output_over_the_limit_is_told_once() {
        let (intake, mut receiver) = intake(20);
        for _ in 0..5 {
            intake.log(Level::Info, LogSource::Stage, "0123456789".into()).await;
        }
        let kinds = drain(&mut receiver);
        assert_eq!(kinds.len(), 2, "{kinds:?}");
        assert!(matches!(
            &kinds[1],
            EventKind::Log {
                source: LogSource::Engine,
                level: Level::Warning,
                ..
            }
        ));
    }
}
