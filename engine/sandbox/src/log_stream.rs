//! A guest's standard output or error as log lines. A full queue makes the guest wait; the host never holds more than one
//! write of it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::feed::LogBudget;
use crate::limits::{LINE_BYTES, WRITE_BYTES};
use crate::{Level, StageEvent};

/// Cheap to clone; all clones write to the same place.
#[derive(Clone)]
pub(crate) struct LogStream {
    level: Level,
    events: mpsc::Sender<StageEvent>,
    budget: LogBudget,
    /// What was written and not yet sent: at most one write beside an unfinished line.
    pending: Arc<Mutex<Vec<u8>>>,
}

impl LogStream {
    pub(crate) fn new(level: Level, events: mpsc::Sender<StageEvent>, budget: LogBudget) -> Self {
        Self {
            level,
            events,
            budget,
            pending: Arc::default(),
        }
    }

    /// Sends what has no end of line yet. To be called when the guest is gone.
    pub(crate) async fn finish(self) {
        self.drain().await;
        let rest = std::mem::take(&mut *self.lock());
        if !rest.is_empty()
            && let Some(event) = self.budget.admit(self.level, text(&rest))
        {
            let _ = self.events.send(event).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        // Bytes are appended or drained in one step, so they are whole even after a panic elsewhere.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_line(&self) -> Option<StageEvent> {
        let mut pending = self.lock();
        while let Some((line, consumed)) = split(&pending) {
            let message = text(line);
            pending.drain(..consumed);
            // Without budget lines vanish here, at no cost for anyone behind.
            if let Some(event) = self.budget.admit(self.level, message) {
                return Some(event);
            }
        }
        None
    }

    fn has_line(&self) -> bool {
        split(&self.lock()).is_some()
    }

    /// Sends whole lines while there is room; true when none is left.
    fn try_drain(&self) -> bool {
        while self.has_line() {
            match self.events.try_reserve() {
                Ok(permit) => match self.next_line() {
                    Some(event) => permit.send(event),
                    None => return true,
                },
                Err(TrySendError::Full(())) => return false,
                Err(TrySendError::Closed(())) => return true,
            }
        }
        true
    }

    /// A line leaves the buffer only when there is a place for it, so that dropping this while it waits loses nothing.
    async fn drain(&self) {
        while !self.try_drain() {
            drop(self.events.reserve().await);
        }
    }
}

/// The first line without its end, and how many bytes it took; a line that is too long counts as several.
fn split(pending: &[u8]) -> Option<(&[u8], usize)> {
    let window = &pending[..pending.len().min(LINE_BYTES + 1)];
    if let Some(end) = window.iter().position(|byte| *byte == b'\n') {
        let line = &window[..end];
        return Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1));
    }
    if window.len() <= LINE_BYTES {
        return None;
    }
    // Not within a character, if these are characters: a UTF-8 sequence has at most three bytes that continue it.
    let start_of_character = |at: &usize| window[*at] & 0b1100_0000 != 0b1000_0000;
    let cut = (LINE_BYTES - 3..=LINE_BYTES)
        .rev()
        .find(start_of_character)
        .unwrap_or(LINE_BYTES);
    Some((&window[..cut], cut))
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

#[async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {
        self.drain().await;
    }
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > WRITE_BYTES {
            return Err(StreamError::trap("write beyond what `check-write` allowed"));
        }
        self.lock().extend_from_slice(&bytes);
        self.try_drain();
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(if self.try_drain() { WRITE_BYTES } else { 0 })
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Unused)
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

/// The form of the stream for WASI 0.3, which is not linked.
struct Unused;

impl AsyncWrite for Unused {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(receiver: &mut mpsc::Receiver<StageEvent>) -> Vec<String> {
        std::iter::from_fn(|| receiver.try_recv().ok())
            .map(|event| match event {
                StageEvent::Log { message, .. } => message,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[tokio::test]
    async fn lines_across_writes() {
        let (sender, mut receiver) = mpsc::channel(8);
        let mut stream = LogStream::new(Level::Info, sender, LogBudget::new());
        stream.write(Bytes::from_static(b"one\r\nt")).unwrap();
        stream.write(Bytes::from_static(b"wo\n\n\xff!")).unwrap();
        assert_eq!(messages(&mut receiver), ["one", "two", ""]);
        stream.finish().await;
        assert_eq!(messages(&mut receiver), ["\u{fffd}!"]);
    }

    #[tokio::test]
    async fn a_full_queue_gives_no_permit() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut stream = LogStream::new(Level::Info, sender, LogBudget::new());
        stream.write(Bytes::from_static(b"1\n2\n3\n")).unwrap();
        assert_eq!(stream.check_write().unwrap(), 0);
        assert_eq!(messages(&mut receiver), ["1"]);
        assert_eq!(stream.check_write().unwrap(), 0);
        assert_eq!(messages(&mut receiver), ["2"]);
        assert_eq!(stream.check_write().unwrap(), WRITE_BYTES);
    }

    #[tokio::test]
    async fn a_long_line_is_cut_between_characters() {
        let (sender, mut receiver) = mpsc::channel(8);
        let mut stream = LogStream::new(Level::Info, sender, LogBudget::new());
        let line = format!("{}é{}", "a".repeat(LINE_BYTES - 1), "b".repeat(10));
        stream.write(Bytes::from(format!("{line}\n"))).unwrap();
        let pieces = messages(&mut receiver);
        assert_eq!(pieces.iter().map(String::len).collect::<Vec<_>>(), [LINE_BYTES - 1, 12]);
        assert_eq!(pieces.concat(), line);
    }
}
