//! From what a program writes, in whatever pieces, to lines.

use crate::Masker;

/// A line that is longer by this than the longest secret is cut, where no secret is. What is shown and kept of it is cut
/// again, once it is masked.
const MAX_LINE_BYTES: usize = 16 << 10;

/// Collects bytes until a line is whole. Lines come out masked, so a secret is found also when it came in two writes.
#[derive(Default)]
pub(crate) struct LineBuffer {
    pending: Vec<u8>,
}

impl LineBuffer {
    pub(crate) fn feed(&mut self, bytes: &[u8], masker: &Masker) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.pending.extend_from_slice(piece);
            if self.pending.ends_with(b"\n") {
                self.pending.pop();
                if self.pending.ends_with(b"\r") {
                    self.pending.pop();
                }
                self.cut_long(masker, &mut lines);
                lines.push(masker.mask(text(&std::mem::take(&mut self.pending))));
            } else {
                self.cut_long(masker, &mut lines);
            }
        }
        lines
    }

    /// What came after the last line break.
    pub(crate) fn finish(&mut self, masker: &Masker) -> Option<String> {
        let rest = std::mem::take(&mut self.pending);
        (!rest.is_empty()).then(|| masker.mask(text(&rest)))
    }

    fn cut_long(&mut self, masker: &Masker, lines: &mut Vec<String>) {
        while self.pending.len() > MAX_LINE_BYTES + masker.longest() {
            let cut = char_boundary(&self.pending, masker.safe_cut(&self.pending));
            let rest = self.pending.split_off(cut);
            lines.push(masker.mask(text(&self.pending)));
            self.pending = rest;
        }
    }
}

/// The last place at or before `cut` where no UTF-8 character is split.
fn char_boundary(bytes: &[u8], cut: usize) -> usize {
    (cut.saturating_sub(3)..=cut)
        .rev()
        .find(|at| bytes.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80))
        .unwrap_or(cut)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secrets;

    fn none() -> Masker {
        Masker::new(&Secrets::default())
    }

    #[test]
    fn lines_come_out_whole() {
        let mut buffer = LineBuffer::default();
        assert_eq!(buffer.feed(b"one\r\ntw", &none()), ["one"]);
        assert_eq!(buffer.feed(b"o\n\nrest", &none()), ["two", ""]);
        assert_eq!(buffer.finish(&none()).as_deref(), Some("rest"));
        assert_eq!(buffer.finish(&none()), None);
    }

    #[test]
    fn a_secret_in_two_writes_is_masked() {
        let masker = Masker::new(&Secrets::of([("token", "hunter22")]));
        let mut buffer = LineBuffer::default();
        assert!(buffer.feed(b"it is hun", &masker).is_empty());
        assert_eq!(buffer.feed(b"ter22!\n", &masker), ["it is •••!"]);
    }

    #[test]
    fn a_secret_across_the_cut_of_a_long_line_is_masked() {
        let masker = Masker::new(&Secrets::of([("token", "hunter22")]));
        for offset in 0..16 {
            let mut line = vec![b'a'; MAX_LINE_BYTES - offset];
            line.extend_from_slice(b"hunter22 and more\n");
            let mut buffer = LineBuffer::default();
            let lines: Vec<_> = line
                .chunks(1000)
                .flat_map(|chunk| buffer.feed(chunk, &masker))
                .collect();
            assert!(!lines.concat().contains("hunter22"), "offset {offset}");
            assert!(lines.concat().contains("•••"), "offset {offset}");
        }
    }

    #[test]
    fn a_secret_longer_than_a_line_is_masked_and_so_is_another_one_beside_it() {
        let long = (0..5_000).map(|number| format!("{number:05}")).collect::<String>();
        let masker = Masker::new(&Secrets::of([("key", long.as_str()), ("token", "hunter22")]));
        for before in [0, 7, MAX_LINE_BYTES - 3, 2 * MAX_LINE_BYTES] {
            let line = format!("{}{long}hunter22{long}x\n", "a".repeat(before));
            for size in [1_000, 64 << 10] {
                let mut buffer = LineBuffer::default();
                let lines: Vec<_> = line
                    .as_bytes()
                    .chunks(size)
                    .flat_map(|chunk| buffer.feed(chunk, &masker))
                    .collect();
                assert_eq!(lines.concat(), format!("{}•••••••••x", "a".repeat(before)), "{before}");
            }
        }
    }

    #[test]
    fn characters_are_not_split() {
        let mut buffer = LineBuffer::default();
        let line = "é".repeat(MAX_LINE_BYTES);
        let lines = buffer.feed(format!("{line}\n").as_bytes(), &none());
        assert_eq!(lines.concat(), line);
    }
}
