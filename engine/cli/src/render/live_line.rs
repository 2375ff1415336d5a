//! The one line at the bottom of a terminal that says what is going on.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use textwrap::core::display_width;

use super::bottom_line::BottomLine;

/// Often enough to look alive.
const TICK: Duration = Duration::from_millis(120);

/// indicatif's own default for a terminal.
const FRAMES_PER_SECOND: u8 = 20;

/// Columns of the spinner, the longest time and the blanks between.
const AROUND: usize = 12;

/// Nothing on anything that is not a terminal.
pub(crate) struct LiveLine {
    bar: ProgressBar,
    live: bool,
}

impl LiveLine {
    pub(crate) fn new(live: bool) -> Self {
        let target = if live {
            ProgressDrawTarget::term_like_with_hz(Box::new(BottomLine::default()), FRAMES_PER_SECOND)
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
            self.bar.set_message(fit(&text, BottomLine::default().width().into()));
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

/// Cut so that spinner and time fit on the line as well: a second one would not be taken away by every terminal.
fn fit(text: &str, columns: usize) -> String {
    let room = columns.saturating_sub(AROUND);
    if display_width(text) <= room {
        return text.to_owned();
    }
    let mut cut = String::new();
    for character in text.chars() {
        if display_width(&cut) + display_width(character.encode_utf8(&mut [0; 4])) >= room {
            break;
        }
        cut.push(character);
    }
    cut + "…"
}

/// The terminal is left as it was, also when the run ends early.
impl Drop for LiveLine {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_to_the_line() {
        assert_eq!(fit("alpha, beta", 40), "alpha, beta");
        assert_eq!(fit("alpha, beta", 20), "alpha, …");
        assert_eq!(fit("移行移行", 17), "移行…");
    }
}
