use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use crate::event::Event;

/// Far above what the plugin writes in one line; a test that writes into the file itself must not fill the memory.
const LINE_BYTES: usize = 1024 * 1024;

/// One reading takes at most this much, so that events are told while more of them wait.
const READ_BYTES: u64 = 256 * 1024;

/// The events file while it grows.
#[derive(Debug)]
pub(crate) struct EventFile {
    path: PathBuf,
    /// How much of it has been read.
    offset: u64,
    rest: Vec<u8>,
}

/// What one reading found.
#[derive(Debug, Default)]
pub(crate) struct NewEvents {
    pub(crate) events: Vec<Event>,
    /// Lines that are no event.
    pub(crate) odd_lines: u64,
    /// Nothing more is there by now.
    pub(crate) at_end: bool,
}

impl EventFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            offset: 0,
            rest: Vec::new(),
        }
    }

    /// The events since the last reading. A file that is not there yet holds none.
    pub(crate) fn read(&mut self) -> io::Result<NewEvents> {
        // Opened anew each time: a stream of WASI that has met the end of a file stays at its end.
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(NewEvents {
                    at_end: true,
                    ..NewEvents::default()
                });
            }
            Err(error) => return Err(error),
        };
        let mut piece = Vec::new();
        file.seek(SeekFrom::Start(self.offset))?;
        self.offset += file.take(READ_BYTES).read_to_end(&mut piece)? as u64;
        let mut read = NewEvents {
            at_end: piece.is_empty(),
            ..NewEvents::default()
        };
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            self.rest.extend_from_slice(part);
            if part.ends_with(b"\n") || self.rest.len() > LINE_BYTES {
                match serde_json::from_slice(&self.rest) {
                    Ok(event) => read.events.push(event),
                    Err(_) => read.odd_lines += 1,
                }
                self.rest.clear();
            }
        }
        Ok(read)
    }

    /// True when the file ends in the middle of a line: its writer was killed.
    pub(crate) fn is_cut(&self) -> bool {
        !self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_growing_file_gives_each_event_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let mut events = EventFile::new(path.clone());
        assert!(events.read().unwrap().at_end);

        let mut file = File::create(&path).unwrap();
        file.write_all(b"{\"started\": {\"id\": \"a\"}}\n{\"en").unwrap();
        assert_eq!(events.read().unwrap().events, [Event::Started { id: "a".into() }]);
        assert!(events.is_cut());

        file.write_all(b"ded\": {}}\nnot json\n").unwrap();
        let read = events.read().unwrap();
        assert_eq!(read.events, [Event::Ended {}]);
        assert_eq!(read.odd_lines, 1);
        assert!(!events.is_cut());
        assert!(events.read().unwrap().at_end);
    }
}
