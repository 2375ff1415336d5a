//! Output that is kept for the stage.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What one stream of one program may hold. The contract names this number.
pub(super) const MAX_CAPTURED_BYTES: usize = 8 << 20;
/// What one call hands over. The contract names this number.
pub(super) const MAX_PIECE_BYTES: usize = 1 << 20;

/// A program that runs to its end loses what is over the limit, and that is told; one whose output is read on the way has to
/// wait until the stage reads.
pub(super) struct Capture {
    state: Mutex<State>,
    read_on_the_way: bool,
    drained: Notify,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    truncated: bool,
}

impl Capture {
    pub(super) fn new(read_on_the_way: bool) -> Self {
        Self {
            state: Mutex::default(),
            read_on_the_way,
            drained: Notify::new(),
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
        let room = MAX_CAPTURED_BYTES.saturating_sub(state.bytes.len());
        let fits = bytes.len().min(room);
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
        let count = state.bytes.len().min(MAX_PIECE_BYTES);
        let rest = state.bytes.split_off(count);
        let piece = std::mem::replace(&mut state.bytes, rest);
        self.drained.notify_one();
        piece
    }

    /// All of it, and whether something was lost.
    pub(super) fn take_all(&self) -> (Vec<u8>, bool) {
        let mut state = self.lock();
        (std::mem::take(&mut state.bytes), state.truncated)
    }

    pub(super) fn has_some(&self) -> bool {
        !self.lock().bytes.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and bytes are bytes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn over_the_limit_is_cut_and_told() {
        let capture = Capture::new(false);
        capture.push(&vec![b'x'; MAX_CAPTURED_BYTES]).await;
        assert!(!capture.take_all().1);
        capture.push(&vec![b'x'; MAX_CAPTURED_BYTES + 1]).await;
        let (bytes, truncated) = capture.take_all();
        assert_eq!((bytes.len(), truncated), (MAX_CAPTURED_BYTES, true));
    }

    #[tokio::test]
    async fn a_reader_on_the_way_makes_the_program_wait() {
        let capture = Capture::new(true);
        let content = vec![b'x'; MAX_CAPTURED_BYTES + 10];
        let waits = tokio::time::timeout(Duration::from_millis(20), capture.push(&content)).await;
        assert!(waits.is_err());
        assert_eq!(capture.take_piece().len(), MAX_PIECE_BYTES);
        tokio::time::timeout(Duration::from_secs(5), capture.push(b"more"))
            .await
            .unwrap();
    }
}
