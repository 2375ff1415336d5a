use std::time::{Duration, Instant};

use super::{Error, Exit};
use crate::bindings::tidegate::stage::process as host;

/// A running program; killed when it is dropped.
#[derive(Debug)]
pub struct Child(host::Child);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// One look at a running program waits at most this long, so that a requested stop is noticed.
const LOOK: Duration = Duration::from_secs(1);

/// A line that is longer comes in pieces: a program that prints no line end must not fill the component's memory.
const LINE_BYTES: usize = 64 * 1024;

impl Child {
    pub(super) fn new(child: host::Child) -> Self {
        Self(child)
    }

    /// What has come since the last call, without waiting; at most 1 MiB.
    pub fn read(&self, stream: Stream) -> Vec<u8> {
        match stream {
            Stream::Stdout => self.0.read_stdout(),
            Stream::Stderr => self.0.read_stderr(),
        }
    }

    pub fn write_stdin(&self, content: &[u8]) -> Result<(), Error> {
        Ok(self.0.write_stdin(content)?)
    }

    pub fn close_stdin(&self) {
        self.0.close_stdin();
    }

    /// Some once it has ended, without waiting.
    pub fn finished(&self) -> Option<Exit> {
        self.0.finished().map(Exit::from)
    }

    pub fn kill(&self) {
        self.0.kill();
    }

    /// Waits for the end and hands over each line of captured output as it comes, without its line end. When a stop is
    /// requested the engine ends the program, and this returns. Standard input is closed before: a program that asks has its
    /// answer, and does not wait for one until its time is over.
    pub fn each_line(&self, line: impl FnMut(Stream, &str)) -> Exit {
        self.follow(LOOK, line, || ())
    }

    /// The same as [`Child::each_line`], and `look` is called at least once in each `period`, for what the program tells by
    /// other ways than its output; never after the end.
    pub fn follow(&self, period: Duration, line: impl FnMut(Stream, &str), look: impl FnMut()) -> Exit {
        self.close_stdin();
        follow(self, period.min(LOOK), line, look)
    }
}

/// A program as [`follow`] sees it.
trait Followed {
    fn read(&self, stream: Stream) -> Vec<u8>;
    fn finished(&self) -> Option<Exit>;
    /// Until there is something to see, and at most so long.
    fn wait(&self, limit: Duration);
}

impl Followed for Child {
    fn read(&self, stream: Stream) -> Vec<u8> {
        Self::read(self, stream)
    }

    fn finished(&self) -> Option<Exit> {
        Self::finished(self)
    }

    fn wait(&self, limit: Duration) {
        poll(&[self], limit);
    }
}

fn follow(
    program: &impl Followed,
    period: Duration,
    mut line: impl FnMut(Stream, &str),
    mut look: impl FnMut(),
) -> Exit {
    let mut stdout = Lines::default();
    let mut stderr = Lines::default();
    loop {
        // Asked before the reading: what a program wrote before its end must not be missed.
        let exit = program.finished();
        let begin = Instant::now();
        loop {
            let out = program.read(Stream::Stdout);
            let err = program.read(Stream::Stderr);
            if out.is_empty() && err.is_empty() {
                break;
            }
            stdout.push(&out, |text| line(Stream::Stdout, text));
            stderr.push(&err, |text| line(Stream::Stderr, text));
            // A program that never pauses must not put off the look. After its end all that is left is read.
            if exit.is_none() && begin.elapsed() >= period {
                break;
            }
        }
        if let Some(exit) = exit {
            stdout.end(|text| line(Stream::Stdout, text));
            stderr.end(|text| line(Stream::Stderr, text));
            return exit;
        }
        look();
        program.wait(period);
    }
}

/// Waits until some of the children have output or have ended, the time is over, or a stop is requested; their indices.
pub fn poll(children: &[&Child], limit: Duration) -> Vec<usize> {
    let children: Vec<&host::Child> = children.iter().map(|child| &child.0).collect();
    let ready = host::poll(&children, u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    ready.into_iter().map(|index| index as usize).collect()
}

/// Makes lines of pieces.
#[derive(Debug, Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    fn push(&mut self, piece: &[u8], mut line: impl FnMut(&str)) {
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            self.rest.extend_from_slice(part);
            if part.ends_with(b"\n") || self.rest.len() >= LINE_BYTES {
                self.end(&mut line);
            }
        }
    }

    fn end(&mut self, mut line: impl FnMut(&str)) {
        if !self.rest.is_empty() {
            let text = String::from_utf8_lossy(&self.rest);
            let text = text.strip_suffix('\n').unwrap_or(&text);
            line(text.strip_suffix('\r').unwrap_or(text));
            self.rest.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// It prints without a pause until it was looked at twice, and then has some more to say.
    #[derive(Default)]
    struct Chatty {
        looks: Cell<u32>,
        reads: Cell<u32>,
        rest: Cell<u32>,
    }

    impl Followed for Chatty {
        fn read(&self, stream: Stream) -> Vec<u8> {
            self.reads.set(self.reads.get() + 1);
            assert!(self.reads.get() < 1_000, "nobody looks");
            std::thread::sleep(Duration::from_millis(1));
            if self.looks.get() < 2 {
                return b"more\n".to_vec();
            }
            self.rest.set(self.rest.get() + u32::from(stream == Stream::Stdout));
            if self.rest.get() <= 50 {
                b"rest\n".to_vec()
            } else {
                Vec::new()
            }
        }

        fn finished(&self) -> Option<Exit> {
            (self.looks.get() == 2).then_some(Exit::Code(7))
        }

        fn wait(&self, _: Duration) {}
    }

    #[test]
    fn output_without_a_pause_puts_nothing_off_and_its_end_is_not_missed() {
        let program = Chatty::default();
        let mut rest = 0;
        let exit = follow(
            &program,
            Duration::from_millis(10),
            |stream, line| rest += u32::from(stream == Stream::Stdout && line == "rest"),
            || program.looks.set(program.looks.get() + 1),
        );
        assert_eq!((exit, rest), (Exit::Code(7), 50));
    }

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut seen = Vec::new();
        let mut lines = Lines::default();
        for piece in pieces {
            lines.push(piece, |line| seen.push(line.to_owned()));
        }
        lines.end(|line| seen.push(line.to_owned()));
        seen
    }

    #[test]
    fn a_line_may_come_in_pieces_and_end_without_a_line_end() {
        assert_eq!(lines(&[b"on", b"e\ntwo\r\n\nth", b"ree"]), ["one", "two", "", "three"]);
    }

    #[test]
    fn a_letter_cut_by_a_piece_is_whole_again() {
        assert_eq!(lines(&[b"gr\xc3", b"\xbcn\n"]), ["gr\u{fc}n"]);
    }

    #[test]
    fn a_line_without_end_comes_in_pieces() {
        let long = vec![b'x'; LINE_BYTES];
        assert_eq!(lines(&[&long, b"y"]).len(), 2);
    }
}
