//! The engine's own commands on the other side: small scripts for a POSIX shell, built from quoted words.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use tidegate_sandbox::{SshError, Stream};

use super::call::Call;
use super::limits::{ARGUMENT_BYTES, ERROR_TEXT_BYTES};
use super::quote;
use super::remote::Stdin;

/// The exit code with which our scripts say that a program is missing; not used by shells (126 and up) or usual programs.
const MISSING: i32 = 93;

/// A script that runs as a whole or not at all.
#[derive(Debug)]
pub(super) struct Script(Vec<u8>);

impl Script {
    /// Fails, naming them, where one of the programs is missing; after that every command that fails ends the script.
    pub(super) fn needing(programs: &[&str]) -> Self {
        // The braces make the shell read everything before it runs anything, so that a script cut off by a lost connection
        // does nothing instead of half a line.
        let mut script = Self(b"{\nset -e\nLC_ALL=C; export LC_ALL\nunset CDPATH\n".to_vec());
        script.push(format!(
            "missing=; for program in {}; do command -v \"$program\" >/dev/null 2>&1 || missing=\"$missing $program\"; done",
            programs.join(" ")
        ));
        script.push(format!(
            "if [ -n \"$missing\" ]; then printf '%s' \"$missing\" >&2; exit {MISSING}; fi"
        ));
        script
    }

    /// One line of fixed text.
    pub(super) fn push(&mut self, line: impl AsRef<[u8]>) {
        self.0.extend_from_slice(line.as_ref());
        self.0.push(b'\n');
    }

    /// A command and its words, which are quoted.
    pub(super) fn command<T: AsRef<[u8]>>(&mut self, command: &str, words: impl IntoIterator<Item = T>) {
        self.push([command.as_bytes(), b" ", &quote::line(words)].concat());
    }

    /// The command as often as needed for all the words; nothing for none.
    pub(super) fn batches<T: AsRef<[u8]>>(
        &mut self,
        command: &str,
        words: impl IntoIterator<Item = T>,
        last: Option<&[u8]>,
    ) {
        let mut batch: Vec<Vec<u8>> = Vec::new();
        let mut size = 0;
        let mut flush = |batch: &mut Vec<Vec<u8>>| {
            if !batch.is_empty() {
                batch.extend(last.map(<[u8]>::to_vec));
                self.command(command, batch.drain(..));
            }
        };
        for word in words {
            let word = word.as_ref().to_vec();
            if size + word.len() > ARGUMENT_BYTES {
                flush(&mut batch);
                size = 0;
            }
            // Each argument also costs a pointer and its end.
            size += word.len() + 9;
            batch.push(word);
        }
        flush(&mut batch);
    }

    fn finish(mut self) -> Bytes {
        self.0.extend_from_slice(b"exit 0\n}\n");
        self.0.into()
    }
}

impl Call<'_> {
    /// Runs the script and returns what it printed, at most `limit` bytes.
    pub(super) async fn script(&self, script: Script, limit: usize) -> Result<Vec<u8>, SshError> {
        let script = script.finish();
        self.own(b"sh", |stdin: Stdin| async move { stdin.send(script).await }, limit)
            .await
    }

    /// Runs a command of the engine's own. Any exit code but 0 is an error that carries what it said on standard error.
    pub(super) async fn own<F>(
        &self,
        command: &[u8],
        feed: impl FnOnce(Stdin) -> F,
        limit: usize,
    ) -> Result<Vec<u8>, SshError>
    where
        F: Future<Output = Result<(), SshError>>,
    {
        let mut stdout = Vec::new();
        let mut stderr = Vec::new();
        let mut too_much = false;
        let sink = |stream: Stream, bytes: &[u8]| {
            match stream {
                Stream::Stdout => {
                    too_much = stdout.len() + bytes.len() > limit;
                    if too_much {
                        return ControlFlow::Break(());
                    }
                    stdout.extend_from_slice(bytes);
                }
                Stream::Stderr => stderr.extend(bytes.iter().take(ERROR_TEXT_BYTES.saturating_sub(stderr.len()))),
            }
            ControlFlow::Continue(())
        };
        // No time limit: the stage's own limit, its stop and the keepalive all end it.
        let ended = self.run(command, feed, sink, None::<Duration>).await;
        if too_much {
            return Err(SshError::RemoteIo(format!(
                "{}: more than {limit} bytes came",
                self.connection.host()
            )));
        }
        let said = String::from_utf8_lossy(&stderr);
        match ended? {
            0 => Ok(stdout),
            MISSING => Err(SshError::RemoteIo(format!(
                "{} has no{said}, which the engine needs there; install it",
                self.connection.host()
            ))),
            code if said.trim().is_empty() => Err(SshError::RemoteIo(format!(
                "{}: exit code {code}",
                self.connection.host()
            ))),
            _ => Err(SshError::RemoteIo(format!(
                "{}: {}",
                self.connection.host(),
                said.trim()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_is_cut_off_anywhere_does_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("it's a mark");
        let mut script = Script::needing(&["sh"]);
        script.command("touch --", [mark.as_os_str().as_encoded_bytes()]);
        let whole = script.finish();
        let run = |text: &[u8]| {
            use std::io::Write;
            let mut sh = std::process::Command::new("sh")
                .current_dir(folder.path())
                .stdin(std::process::Stdio::piped())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            sh.stdin.take().unwrap().write_all(text).unwrap();
            sh.wait().unwrap();
            std::fs::read_dir(folder.path()).unwrap().count()
        };
        for cut in (0..whole.len() - 2).step_by(7) {
            assert_eq!(run(&whole[..cut]), 0, "cut at {cut}");
        }
        assert_eq!(run(&whole), 1);
    }

    #[test]
    fn long_lists_are_cut_into_batches_and_empty_ones_leave_no_command() {
        let mut script = Script(Vec::new());
        script.batches("rm -f --", [] as [&[u8]; 0], None);
        assert!(script.0.is_empty());
        script.batches("mv -f --", vec![vec![b'a'; 30_000]; 3], Some(b"./to/"));
        let text = String::from_utf8(script.0).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.lines()
                .all(|line| line.starts_with("mv -f -- a") && line.ends_with("a ./to/"))
        );
    }
}
