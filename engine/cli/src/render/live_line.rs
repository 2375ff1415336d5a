//! The one line at the bottom of a terminal that says what is going on.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Often enough to look alive.
const TICK: Duration = Duration::from_millis(120);

/// Nothing on anything that is not a terminal.
pub(crate) struct LiveLine {
    bar: ProgressBar,
    live: bool,
}

impl LiveLine {
    pub(crate) fn new(live: bool) -> Self {
        let target = if live {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if live && let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
            bar.enable_steady_tick(TICK);
        }
        Self { bar, live }
    }

    pub(crate) fn say(&self, text: String) {
        if self.live {
            self.bar.set_message(text);
        }
    }

    /// Runs `print` with the line out of the way.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        if self.live { self.bar.suspend(print) } else { print() }
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// The terminal is left as it was, also when the run ends early.
impl Drop for LiveLine {
    fn drop(&mut self) {
        self.clear();
    }
}
