//! The files of an upload as one tar stream.

use std::fs::File;

use bytes::{Bytes, BytesMut};
use tidegate_sandbox::SshError;
use tokio::io::AsyncReadExt;

use super::limits::CHUNK_BYTES;
use super::local_tree::{Entry, LocalTree};
use super::remote::Stdin;
use super::staging::Staging;
use super::tar_header::{BLOCK, Kind, header, padding};

pub(super) struct UploadStream<'a> {
    pub(super) tree: &'a LocalTree,
    pub(super) staging: &'a Staging,
    /// Bytes of all files.
    pub(super) total: u64,
}

impl UploadStream<'_> {
    /// Writes the whole stream. `progress` gets the bytes of files sent so far and of all files.
    pub(super) async fn send(&self, stdin: &Stdin, progress: &(impl Fn(u64, u64) + Sync)) -> Result<(), SshError> {
        let mut done = 0;
        for folder in self.staging.folders() {
            stdin
                .send(Bytes::copy_from_slice(&header(&folder, &Kind::Folder)))
                .await?;
        }
        for (path, staged) in self.staging.files() {
            let Some(Entry::File { size, executable, .. }) = self.tree.entries.get(path) else {
                continue;
            };
            let file = self.tree.file(path)?;
            let head = header(
                staged,
                &Kind::File {
                    size: *size,
                    executable: *executable,
                },
            );
            stdin.send(Bytes::copy_from_slice(&head)).await?;
            send_file(stdin, file, *size, &|sent| progress(done + sent, self.total))
                .await
                .map_err(|error| named(error, path))?;
            done += size;
            stdin.send(vec![0; padding(*size)].into()).await?;
        }
        stdin.send(vec![0; 2 * BLOCK].into()).await
    }
}

/// Sends exactly `size` bytes of the file. `sent` gets the bytes so far.
pub(super) async fn send_file(
    stdin: &Stdin,
    file: File,
    size: u64,
    sent: &(impl Fn(u64) + Sync),
) -> Result<(), SshError> {
    let mut content = tokio::fs::File::from_std(file).take(size);
    let mut done = 0;
    while done < size {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        let read = content
            .read_buf(&mut chunk)
            .await
            .map_err(|error| SshError::Other(format!("a file can't be read any more: {error}")))?;
        if read == 0 {
            return Err(SshError::Other("a file became shorter while it was uploaded".into()));
        }
        stdin.send(chunk.freeze()).await?;
        done += read as u64;
        sent(done);
    }
    Ok(())
}

fn named(error: SshError, path: &std::path::Path) -> SshError {
    match error {
        SshError::Other(text) => SshError::Other(format!("{path:?}: {text}")),
        error => error,
    }
}
