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
use super::obstacles::Obstacles;
use crate::Masker;
use crate::event::{EventKind, LogSource};
use crate::masker::MASK;
use crate::neutral::{neutralise, neutralise_lines};

/// Events of one attempt beside log lines: findings, tests, metrics, progress. Twice the largest test suites.
const MAX_EVENTS: u64 = 200_000;
/// A text of a stage that is as long as this may have been cut by the sandbox, which does not know the secrets: its lines
/// have at most 16 KiB, less a character that would be split, and every other text has more.
const MAYBE_CUT_BYTES: usize = (16 << 10) - 3;
/// Longest line of a log in one event.
const MAX_LINE_BYTES: usize = 16 << 10;
/// Longest text of a finding, a test's message or a summary.
const MAX_TEXT_BYTES: usize = 64 << 10;

pub(super) struct Intake {
    stage: StageName,
    masker: Arc<Masker>,
    sender: mpsc::Sender<Message>,
    output_left: AtomicU64,
    events_left: AtomicU64,
    told: AtomicBool,
    /// For each level: whether the last line of the stage may go on in the next.
    cut: [AtomicBool; 4],
    obstacles: Obstacles,
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
            cut: Default::default(),
            obstacles: Obstacles::default(),
        }
    }

    pub(super) fn stage(&self) -> &StageName {
        &self.stage
    }

    pub(super) fn masker(&self) -> &Masker {
        &self.masker
    }

    /// Masked and harmless, for texts that have several lines.
    pub(super) fn clean(&self, text: String) -> String {
        let mut text = neutralise_lines(&self.mask(text));
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

    fn mask(&self, text: String) -> String {
        let maybe_cut = text.len() >= MAYBE_CUT_BYTES;
        if maybe_cut && self.masker.is_inside_a_secret(&text) {
            return MASK.to_owned();
        }
        let text = self.masker.mask(text);
        if maybe_cut { self.masker.mask_end(text) } else { text }
    }

    /// A line of the component itself.
    fn mask_line(&self, level: Level, text: String) -> String {
        let maybe_cut = text.len() >= MAYBE_CUT_BYTES;
        let text = self.mask(text);
        if self.cut[level as usize].swap(maybe_cut, Ordering::Relaxed) {
            self.masker.mask_start(text)
        } else {
            text
        }
    }

    pub(super) fn clean_line(&self, text: String) -> String {
        let line = self.clean(text).replace(['\n', '\r'], " ");
        // Again, because a value with a space in it may have come in two lines.
        neutralise(&self.masker.mask(line)).into_owned()
    }

    /// One line, already masked by [`crate::line_buffer::LineBuffer`]; masking it again changes nothing.
    pub(super) async fn log(&self, level: Level, source: LogSource, message: String) {
        let masked = message.split('\n').map(|line| self.masker.mask(line.to_owned()));
        for line in masked.flat_map(pieces) {
            let line = neutralise(&line).into_owned();
            if !self.take_output(line.len() as u64 + 1) {
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

    /// A command that the engine runs because the stage says so: counted like what the stage prints.
    pub(super) async fn command_log(&self, message: String) {
        let message = self.clean_line(message);
        self.log(Level::Debug, LogSource::Engine, message).await;
    }

    /// Counts an event that no other limit bounds: a stage may ask for the same thing again and again, and each is told and
    /// kept. The error is a text for the stage.
    pub(super) fn count(&self) -> Result<(), String> {
        if take(&self.events_left, 1) {
            return Ok(());
        }
        Err(format!("a stage gives rise to at most {MAX_EVENTS} events"))
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

    /// What the stage and its programs have said of what they miss.
    pub(super) fn obstacles(&self) -> &Obstacles {
        &self.obstacles
    }

    pub(super) async fn send(&self, kind: EventKind) {
        self.obstacles.read(&kind);
        // The dispatcher outlives every attempt unless the run was cancelled for good: then nobody listens any more.
        let _ = self.sender.send(Message::Event(kind)).await;
    }

    /// At the first refusal nothing is left: a log with silent holes would be worse than one that ends.
    fn take_output(&self, bytes: u64) -> bool {
        let taken = take(&self.output_left, bytes);
        if !taken {
            self.output_left.store(0, Ordering::Relaxed);
        }
        taken
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
            // A secret that is a number.
            Value::Number(number) if self.holds_secret(&number.to_string()) => {
                Value::String(self.mask(number.to_string()))
            }
            other => other,
        }
    }

    /// For names that have to stay what they are: they are refused rather than masked.
    pub(super) fn holds_secret(&self, text: &str) -> bool {
        self.masker.mask(text.to_owned()) != text
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
            let message = self.mask_line(level, message);
            return self.log(level, LogSource::Stage, message).await;
        }
        if let StageEvent::Metric { name, value, .. } = &event
            && (!value.is_finite() || self.holds_secret(&value.to_string()))
        {
            let message = format!("the metric `{name}` has no value that can be kept");
            return self.engine_log(Level::Warning, message).await;
        }
        if !self.take_output(event.text_bytes()) || !take(&self.events_left, 1) {
            return self.tell_once().await;
        }
        self.send(self.kind(event)).await;
    }
}

/// A line that is longer than an event's goes on in the next one.
fn pieces(mut line: String) -> Vec<String> {
    let mut pieces = Vec::new();
    while line.len() > MAX_LINE_BYTES {
        let cut = (0..=MAX_LINE_BYTES).rev().find(|at| line.is_char_boundary(*at));
        let rest = line.split_off(cut.unwrap_or(MAX_LINE_BYTES));
        pieces.push(std::mem::replace(&mut line, rest));
    }
    pieces.push(line);
    pieces
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
    async fn a_secret_that_the_sandbox_cut_in_two_is_masked() {
        let (intake, mut receiver) = intake(100_000);
        for message in [
            "x".repeat((16 << 10) - 4) + "hunt",
            "er22 and on".into(),
            "er22 stays".into(),
        ] {
            let level = Level::Info;
            intake.emit(StageEvent::Log { level, message }).await;
        }
        let lines: Vec<_> = drain(&mut receiver)
            .into_iter()
            .map(|kind| match kind {
                EventKind::Log { message, .. } => message,
                other => panic!("{other:?}"),
            })
            .collect();
        let before = "x".repeat((16 << 10) - 4);
        assert_eq!(lines.concat(), format!("{before}•••••• and oner22 stays"));
        assert!(lines.iter().all(|line| line.len() <= MAX_LINE_BYTES));
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

    #[tokio::test]
    async fn after_the_limit_nothing_more_is_kept() {
        let (intake, mut receiver) = intake(20);
        for line in ["0123456789", "0123456789", "x"] {
            intake.log(Level::Info, LogSource::Stage, line.into()).await;
        }
        let summary = StageEvent::Summary { markdown: "y".into() };
        intake.emit(summary).await;
        assert_eq!(drain(&mut receiver).len(), 2);
    }

    #[tokio::test]
    async fn texts_of_events_count_as_output() {
        let (intake, mut receiver) = intake(20);
        for _ in 0..3 {
            let markdown = "0123456789".into();
            intake.emit(StageEvent::Summary { markdown }).await;
        }
        let kinds = drain(&mut receiver);
        assert!(matches!(
            kinds[..],
            [
                EventKind::Summary { .. },
                EventKind::Summary { .. },
                EventKind::Log { .. }
            ]
        ));
    }

    #[tokio::test]
    async fn numbers_that_are_no_numbers_or_secrets_are_not_kept() {
        let (sender, mut receiver) = mpsc::channel(16);
        let masker = Arc::new(Masker::new(&Secrets::of([("pin", "98765432")])));
        let intake = Intake::new("test".parse().unwrap(), masker, sender, 1_000);
        for value in [f64::NAN, f64::INFINITY, 98_765_432.0, 1.5] {
            let (name, unit) = ("m".into(), "s".into());
            intake.emit(StageEvent::Metric { name, value, unit }).await;
        }
        let text = serde_json::to_string(&drain(&mut receiver)).unwrap();
        assert_eq!(text.matches("\"event\":\"metric\"").count(), 1, "{text}");
        assert!(!text.contains("98765432"), "{text}");
        assert_eq!(
            intake.clean_value(serde_json::json!([98_765_432, 7, { "a": 98_765_432 }])),
            serde_json::json!(["•••", 7, { "a": "•••" }])
        );
    }

    #[tokio::test]
    async fn commands_and_readings_count() {
        let (intake, mut receiver) = intake(20);
        for _ in 0..5 {
            intake.command_log("runs hunter22".into()).await;
        }
        assert_eq!(drain(&mut receiver).len(), 2);
        for _ in 0..MAX_EVENTS {
            intake.count().unwrap();
        }
        assert!(intake.count().is_err());
    }

    #[test]
    fn a_secret_in_two_lines_that_become_one_is_masked() {
        let (sender, _receiver) = mpsc::channel(1);
        let masker = Arc::new(Masker::new(&Secrets::of([("phrase", "correct horse")])));
        let intake = Intake::new("test".parse().unwrap(), masker, sender, 0);
        assert_eq!(intake.clean_line("correct\nhorse".into()), "•••");
    }
}
