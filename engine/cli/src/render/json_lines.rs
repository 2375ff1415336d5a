//! One JSON object per line.

use std::io::Write;

use tidegate_runner::event::{Event, Observer, ObserverError};

pub(crate) struct JsonLines<W> {
    out: W,
    what: &'static str,
    reader_is_gone: bool,
}

impl<W: Write> JsonLines<W> {
    /// `what` completes "failed to …".
    pub(crate) fn new(out: W, what: &'static str) -> Self {
        Self {
            out,
            what,
            reader_is_gone: false,
        }
    }
}

impl<W: Write + Send> Observer for JsonLines<W> {
    fn observe(&mut self, event: &Event) -> Result<(), ObserverError> {
        // One write and a flush for each event: a reader on the other side of a pipe sees it when it happens.
        let mut line = event.to_json();
        line.push('\n');
        if self.reader_is_gone {
            return Ok(());
        }
        let written = self.out.write_all(line.as_bytes()).and_then(|()| self.out.flush());
        if matches!(&written, Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe) {
            // Whoever read this is gone; a deployment that is under way is not ended by that.
            self.reader_is_gone = true;
            return Ok(());
        }
        written.map_err(|error| ObserverError {
            what: self.what.into(),
            error: error.to_string(),
        })
    }
}
