//! Output that is kept for the stage.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate_sandbox::limits::{CAPTURE_BYTES, PIECE_BYTES};
use tokio::sync::Notify;

/// What all streams of one attempt may hold together: it is the engine's memory, and a stage may start many programs and read
/// none of them.
const MAX_HELD_BYTES: usize = 128 << 20;
/// What each stream may hold whatever the others do, so that none stands still for their sake: one read of a pipe.
const FREE_BYTES: usize = 64 << 10;

/// What the streams of one attempt may still hold together; cheap to clone.
#[derive(Clone)]
pub(super) struct CaptureBudget(Arc<AtomicUsize>);

impl CaptureBudget {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(MAX_HELD_BYTES)))
    }

    /// How much of `wanted` there is.
    fn take(&self, wanted: usize) -> usize {
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            Some(left.saturating_sub(wanted))
        });
        // The closure never gives None.
        before.unwrap_or_default().min(wanted)
    }

    fn give_back(&self, amount: usize) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }
}

/// A program that runs to its end loses what is over the limit, and that is told; one whose output is read on the way has to
/// wait until the stage reads.
pub(super) struct Capture {
    state: Mutex<State>,
    read_on_the_way: bool,
    drained: Notify,
    budget: CaptureBudget,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    truncated: bool,
    /// Nobody will read it.
    abandoned: bool,
    /// Of the budget.
    taken: usize,
}

impl State {
    fn settle(&mut self, budget: &CaptureBudget) {
        let needed = self.bytes.len().saturating_sub(FREE_BYTES).min(self.taken);
        budget.give_back(self.taken - needed);
        self.taken = needed;
    }
}

impl Capture {
    pub(super) fn new(read_on_the_way: bool, budget: CaptureBudget) -> Self {
        Self {
            state: Mutex::default(),
            read_on_the_way,
            drained: Notify::new(),
            budget,
        }
    }

    pub(super) async fn push(&self, mut bytes: &[u8]) {
        loop {
            let taken = self.take_in(bytes);
            bytes = &bytes[taken..];
            if bytes.is_empty() {
                return;
            }
            self.drained.notified().await;
        }
    }

    fn take_in(&self, bytes: &[u8]) -> usize {
        let mut state = self.lock();
        if state.abandoned {
            return bytes.len();
        }
        let room = CAPTURE_BYTES.saturating_sub(state.bytes.len());
        let wanted = bytes.len().min(room);
        let free = FREE_BYTES.saturating_sub(state.bytes.len()).min(wanted);
        let taken = self.budget.take(wanted - free);
        state.taken += taken;
        let fits = free + taken;
        state.bytes.extend_from_slice(&bytes[..fits]);
        if self.read_on_the_way {
            return fits;
        }
        state.truncated |= fits < bytes.len();
        bytes.len()
    }

    /// At most one piece, without waiting.
    pub(super) fn take_piece(&self) -> Vec<u8> {
        let mut state = self.lock();
        let count = state.bytes.len().min(PIECE_BYTES);
        let rest = state.bytes.split_off(count);
        let piece = std::mem::replace(&mut state.bytes, rest);
        state.settle(&self.budget);
        self.drained.notify_one();
        piece
    }

    /// All of it, and whether something was lost.
    pub(super) fn take_all(&self) -> (Vec<u8>, bool) {
        let mut state = self.lock();
        let bytes = std::mem::take(&mut state.bytes);
        state.settle(&self.budget);
        (bytes, state.truncated)
    }

    /// From now on everything is taken and nothing kept, so that no program waits for a reader that is gone.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.abandoned = true;
        state.bytes.clear();
        state.settle(&self.budget);
        self.drained.notify_one();
    }

    pub(super) fn has_some(&self) -> bool {
        !self.lock().bytes.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and bytes are bytes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let mut state = self.lock();
        state.bytes.clear();
        state.settle(&self.budget);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn over_the_limit_is_cut_and_told() {
        let capture = Capture::new(false, CaptureBudget::new());
        capture.push(&vec![b'x'; CAPTURE_BYTES]).await;
        assert!(!capture.take_all().1);
        capture.push(&vec![b'x'; CAPTURE_BYTES + 1]).await;
        let (bytes, truncated) = capture.take_all();
        assert_eq!((bytes.len(), truncated), (CAPTURE_BYTES, true));
    }

    #[tokio::test]
    async fn a_reader_on_the_way_makes_the_program_wait() {
        let capture = Capture::new(true, CaptureBudget::new());
        let content = vec![b'x'; CAPTURE_BYTES + 10];
        let waits = tokio::time::timeout(Duration::from_millis(20), capture.push(&content)).await;
        assert!(waits.is_err());
        assert_eq!(capture.take_piece().len(), PIECE_BYTES);
        tokio::time::timeout(Duration::from_secs(5), capture.push(b"more"))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_reader_that_is_gone_holds_nobody_up() {
        let budget = CaptureBudget::new();
        let capture = Capture::new(true, budget.clone());
        let content = vec![b'x'; CAPTURE_BYTES + 10];
        let push = capture.push(&content);
        let gone = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            capture.abandon();
        };
        tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(push, gone) })
            .await
            .unwrap();
        assert!(!capture.has_some());
        assert_eq!(budget.0.load(Ordering::Relaxed), MAX_HELD_BYTES);
    }

    #[tokio::test]
    async fn all_streams_share_one_budget() {
        let budget = CaptureBudget::new();
        let full = vec![b'x'; CAPTURE_BYTES];
        let mut held = Vec::new();
        for _ in 0..100 {
            let capture = Capture::new(false, budget.clone());
            capture.push(&full).await;
            held.push(capture);
        }
        let bytes: usize = held.iter().map(|capture| capture.lock().bytes.len()).sum();
        assert!(bytes <= MAX_HELD_BYTES + held.len() * FREE_BYTES, "{bytes}");
        let (last, truncated) = held[99].take_all();
        assert_eq!((last.len(), truncated), (FREE_BYTES, true));
        drop(held);
        let capture = Capture::new(false, budget.clone());
        capture.push(&full).await;
        assert_eq!(capture.take_all(), (full, false));
        assert_eq!(budget.0.load(Ordering::Relaxed), MAX_HELD_BYTES);
    }
}
