//! How the process group of a remote command gets known.

use super::limits::MARK_SEARCH_BYTES;
use super::{quote, remote_path};

/// `$1` the mark, `$2` the command. sshd makes the first process of a command the leader of a group, and nothing here forks,
/// so its number is the group's.
const WRAPPER: &str = r#"echo "$1 $$" >&2; exec "${SHELL:-sh}" -c "$2""#;

/// Finds the line that the wrapper prints on standard error before the command starts, and takes it out.
///
/// Servers pass signals on only for some users (OpenSSH for none when it logs in root, or runs without root itself), so a
/// command that has to end is ended by the number of its group, from a second channel.
#[derive(Debug)]
pub(super) struct Mark {
    text: String,
    /// What came so far, while the mark has not been found and may still come.
    waiting: Option<Vec<u8>>,
    pub(super) group: Option<u32>,
}

impl Mark {
    pub(super) fn new() -> Self {
        Self {
            text: remote_path::temporary(),
            waiting: Some(Vec::new()),
            group: None,
        }
    }

    /// The line for the login shell that runs `command` in that same shell, after the mark.
    pub(super) fn wrap(&self, command: &[u8]) -> Vec<u8> {
        quote::line([
            b"exec".as_slice(),
            b"sh",
            b"-c",
            WRAPPER.as_bytes(),
            b"sh",
            self.text.as_bytes(),
            command,
        ])
    }

    /// Takes what came on standard error and gives back what belongs to the command (or to the shell's start-up files).
    pub(super) fn filter(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(waiting) = &mut self.waiting else {
            return bytes.to_vec();
        };
        waiting.extend_from_slice(bytes);
        let mark = self.text.as_bytes();
        if let Some(start) = waiting.windows(mark.len()).position(|window| window == mark) {
            if let Some(length) = waiting[start..].iter().position(|byte| *byte == b'\n') {
                let number = &waiting[start + mark.len()..start + length];
                self.group = std::str::from_utf8(number)
                    .ok()
                    .and_then(|text| text.trim().parse().ok());
                waiting.drain(start..=start + length);
                return self.rest();
            }
        } else if waiting.len() > MARK_SEARCH_BYTES {
            return self.rest();
        }
        Vec::new()
    }

    /// What was held back for a mark that did not come.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        self.waiting.take().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_taken_out_wherever_it_is_cut() {
        let mut whole = Mark::new();
        let text = format!("noise\n{} 4711\nerror", whole.text).into_bytes();
        assert_eq!(
            (whole.filter(&text), whole.group),
            (b"noise\nerror".to_vec(), Some(4711))
        );
        for cut in 0..text.len() {
            let mut mark = Mark {
                text: whole.text.clone(),
                waiting: Some(Vec::new()),
                group: None,
            };
            let mut passed = mark.filter(&text[..cut]);
            passed.extend(mark.filter(&text[cut..]));
            assert_eq!(
                (passed, mark.group),
                (b"noise\nerror".to_vec(), Some(4711)),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn without_a_mark_nothing_is_lost() {
        let mut mark = Mark::new();
        assert_eq!(mark.filter(b"only an error"), b"");
        assert_eq!(mark.rest(), b"only an error");
        assert_eq!(mark.filter(b" and more"), b" and more");
    }
}
