//! Headers of a tar stream, as POSIX's ustar has them.

/// Everything in a tar stream is a multiple of this.
pub(super) const BLOCK: usize = 512;

/// A name has this much room in a header; the upload's own names are made to fit.
pub(super) const NAME_BYTES: usize = 100;

pub(super) enum Kind {
    Folder,
    File { size: u64, executable: bool },
}

/// One header. Names longer than [`NAME_BYTES`] are the caller's error and are cut.
pub(super) fn header(name: &str, kind: &Kind) -> [u8; BLOCK] {
    let (mode, size, flag) = match kind {
        Kind::Folder => (0o755, 0, b'5'),
        Kind::File { size, executable: true } => (0o755, *size, b'0'),
        Kind::File {
            size,
            executable: false,
        } => (0o644, *size, b'0'),
    };
    let mut block = [0; BLOCK];
    let mut put = |offset: usize, text: &str| block[offset..offset + text.len()].copy_from_slice(text.as_bytes());
    put(0, &name[..name.len().min(NAME_BYTES)]);
    put(100, &format!("{mode:07o}"));
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    // No time: it is extracted with `-m`, so that a changed file is newer than what was made from the one before it.
    put(136, "00000000000");
    put(148, "        ");
    put(257, "ustar");
    put(263, "00");
    block[156] = flag;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// Zero bytes that fill up the last block of a file.
pub(super) fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tar_reads_what_is_written() {
        let mut stream = header("0", &Kind::Folder).to_vec();
        stream.extend(header(
            "0/a b",
            &Kind::File {
                size: 5,
                executable: true,
            },
        ));
        stream.extend(b"hello");
        stream.extend(vec![0; padding(5)]);
        stream.extend([0; 2 * BLOCK]);
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.tar");
        std::fs::write(&archive, stream).unwrap();
        let status = std::process::Command::new("tar")
            .arg("-xmof")
            .arg(&archive)
            .arg("-C")
            .arg(folder.path())
            .status();
        assert!(status.unwrap().success());
        let file = folder.path().join("0/a b");
        assert_eq!(std::fs::read(&file).unwrap(), b"hello");
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o111, 0o111);
    }

    #[test]
    fn full_blocks_need_no_padding() {
        assert_eq!([padding(0), padding(1), padding(512), padding(513)], [0, 511, 0, 511]);
    }
}
