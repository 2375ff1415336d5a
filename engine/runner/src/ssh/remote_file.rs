//! Single files on the other side.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tidegate_sandbox::SshError;

use super::call::Call;
use super::connection::Connection;
use super::limits::{CHUNK_BYTES, READ_FILE_BYTES};
use super::quote;
use super::remote::Stdin;
use super::remote_path;

/// `$1` the path, `$2` a new name beside it, `$3` the mode, `$4` the size. A lost connection looks like the end of the
/// input here, so the size decides whether what came may take the file's place. A link is replaced, not followed: `mv` into
/// a folder would put the file somewhere else, so folders are refused.
const PUT: &str = r#"set -e
if [ -d "$1" ]; then echo "$1 is a folder" >&2; exit 1; fi
case $1 in */*) temporary=${1%/*}/$2;; *) temporary=$2;; esac
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 1' HUP INT TERM
umask 077
set -C
cat >"$temporary"
set +C
size=$(wc -c <"$temporary")
if [ "$size" -ne "$4" ]; then echo "only $size of $4 bytes came" >&2; exit 1; fi
chmod "$3" "$temporary"
mv -f -- "$temporary" "$1""#;

/// `$1` the path. One line: x or f for executable or not, and the SHA-256; nothing where there is no file.
const LOOK: &str = r#"set -e
command -v sha256sum >/dev/null 2>&1 || { printf ' sha256sum' >&2; exit 93; }
if [ -L "$1" ] || [ ! -f "$1" ]; then exit 0; fi
if [ -x "$1" ]; then printf x; else printf f; fi
sha256sum <"$1""#;

impl Connection {
    /// The content of a file.
    ///
    /// # Errors
    ///
    /// `RemoteIo` if it can't be read or has more than 8 MiB.
    pub async fn read_file(&self, remote: &str) -> Result<Vec<u8>, SshError> {
        let path = remote_path::checked(remote)?;
        let command = [b"cat <".as_slice(), &quote::word(path)].concat();
        Call::on(self)
            .own(&in_sh(&command, &[]), no_input, READ_FILE_BYTES)
            .await
    }

    /// Makes the file, or replaces it in one step; a reader sees the old content or the new one, never a part. A symbolic
    /// link in its place is replaced, not followed. The folder must exist.
    ///
    /// # Errors
    ///
    /// `RemoteIo` if the folder is missing or the disk is full, and so on; the old file is then as it was.
    pub async fn write_file(&self, remote: &str, content: Vec<u8>, mode: u32) -> Result<(), SshError> {
        let path = remote_path::checked(remote)?;
        let size = content.len() as u64;
        let content = Bytes::from(content);
        Call::on(self)
            .put(
                &path,
                mode,
                size,
                |stdin: Stdin| async move { stdin.send(content).await },
            )
            .await
    }
}

impl Call<'_> {
    /// As [`Connection::write_file`], with the content from `feed`, which has to write `size` bytes.
    pub(super) async fn put<F>(
        &self,
        path: &[u8],
        mode: u32,
        size: u64,
        feed: impl FnOnce(Stdin) -> F,
    ) -> Result<(), SshError>
    where
        F: Future<Output = Result<(), SshError>>,
    {
        let mode = format!("{:o}", mode & 0o7777);
        let name = remote_path::temporary();
        let words = [path, name.as_bytes(), mode.as_bytes(), size.to_string().as_bytes()].map(<[u8]>::to_vec);
        self.own(&in_sh(PUT.as_bytes(), &words), feed, CHUNK_BYTES)
            .await
            .map(drop)
    }

    /// Whether the file there is executable, and its SHA-256 in hexadecimal; None where there is no file.
    pub(super) async fn look(&self, path: &[u8]) -> Result<Option<(bool, String)>, SshError> {
        let answer = self
            .own(&in_sh(LOOK.as_bytes(), &[path.to_vec()]), no_input, CHUNK_BYTES)
            .await?;
        let answer = String::from_utf8_lossy(&answer);
        Ok(answer
            .get(..65)
            .map(|line| (line.starts_with('x'), line[1..].to_owned())))
    }
}

/// SHA-256 in hexadecimal, as sha256sum prints it.
pub(super) fn hexadecimal(digest: Sha256) -> String {
    use std::fmt::Write;
    digest
        .finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

async fn no_input(_: Stdin) -> Result<(), SshError> {
    Ok(())
}

/// The script as an argument of `sh`, which leaves the standard input to the data; the user's own shell may be any.
fn in_sh(script: &[u8], words: &[Vec<u8>]) -> Vec<u8> {
    let fixed = [b"sh".to_vec(), b"-c".to_vec(), script.to_vec(), b"sh".to_vec()];
    quote::line(fixed.iter().chain(words))
}
