//! Uploads: make a file or a folder on the other side equal to the one here.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tidegate_sandbox::SshError;

use super::call::Call;
use super::connection::Connection;
use super::exclude::Exclude;
use super::limits::CHUNK_BYTES;
use super::local_tree::{Entry, LocalTree, describe};
use super::quote;
use super::remote::Stdin;
use super::remote_path;
use super::staging::Staging;
use super::upload_plan::UploadPlan;
use super::upload_stream::{UploadStream, send_file};
use crate::open_folder;

/// `$1` the root, `$2` the name of the staging folder. What a lost connection leaves is removed by the next upload.
const RECEIVE: &str = r#"set -e
unset CDPATH
mkdir -p -- "$1"
cd -- "$1"
rm -rf -- ./.tidegate-upload-*
mkdir -- "$2"
trap 'exit 1' HUP INT TERM
tar -xmof - -C "$2" || { rm -rf -- "$2"; echo 'tar could not write what came' >&2; exit 1; }"#;

enum Source {
    File(File, Entry),
    Folder(LocalTree),
}

impl Connection {
    /// Makes `remote` equal to `local`, an open file or folder (by O_PATH is enough). Returns the bytes of the files
    /// that were sent; `progress` gets the bytes sent so far and the bytes to send.
    ///
    /// - Only files whose content or executable bit differs are sent. What is not here any more is removed there. What
    ///   `exclude` covers is left alone on both sides.
    /// - A file is checked by its digest and then put in its place in one step; it is never written in place, so a hard
    ///   link to the old one stays as it was.
    /// - Links here are not followed; they are sent as links if they stay in the folder.
    /// - Modes are 755 or 644 under the user's umask. Owners and times are not sent.
    ///
    /// # Errors
    ///
    /// `RemoteIo` if the other side lacks a program, space or a permission; `Other` for a local tree that can't be sent
    /// (a link that leaves it, a device, too much of anything). Nothing is removed there before everything has arrived.
    pub async fn upload(
        &self,
        local: OwnedFd,
        remote: &str,
        exclude: Exclude,
        progress: impl Fn(u64, u64) + Send + Sync,
    ) -> Result<u64, SshError> {
        let remote = remote_path::checked(remote)?;
        let call = Call::on(self);
        match call.source(local, exclude).await? {
            (Source::File(file, entry), _) => call.upload_file(file, &entry, &remote, &progress).await,
            (Source::Folder(tree), exclude) => call.upload_folder(&tree, &remote, &exclude, &progress).await,
        }
    }
}

impl Call<'_> {
    /// Reads everything here, on a thread that may block; it ends soon after this future is dropped.
    async fn source(&self, local: OwnedFd, exclude: Exclude) -> Result<(Source, Exclude), SshError> {
        let stopped = StopOnDrop::default();
        let flag = stopped.0.clone();
        let scan = tokio::task::spawn_blocking(move || source(&local, &exclude, &flag).map(|source| (source, exclude)));
        tokio::select! {
            biased;
            () = self.interrupted() => Err(SshError::Stopping),
            scanned = scan => scanned.map_err(|error| SshError::Other(format!("reading the files failed: {error}")))?,
        }
    }

    async fn upload_file(
        &self,
        file: File,
        entry: &Entry,
        remote: &[u8],
        progress: &(impl Fn(u64, u64) + Sync),
    ) -> Result<u64, SshError> {
        let Entry::File {
            size,
            executable,
            sha256,
        } = entry
        else {
            return Err(SshError::Other("only a file or a folder can be uploaded".into()));
        };
        progress(0, *size);
        if self.look(remote).await? == Some((*executable, sha256.clone())) {
            return Ok(0);
        }
        let mode = if *executable { 0o755 } else { 0o644 };
        let feed = |stdin: Stdin| async move { send_file(&stdin, file, *size, &|sent| progress(sent, *size)).await };
        self.put(remote, mode, *size, feed).await?;
        Ok(*size)
    }

    async fn upload_folder(
        &self,
        tree: &LocalTree,
        root: &[u8],
        exclude: &Exclude,
        progress: &(impl Fn(u64, u64) + Sync),
    ) -> Result<u64, SshError> {
        let there = self.remote_tree(root, tree).await?;
        let plan = UploadPlan::new(&tree.entries, &there.entries, exclude)?;
        progress(0, plan.bytes);
        if plan.is_empty() && there.exists {
            return Ok(0);
        }
        let staging = Staging::new(remote_path::temporary(), &plan);
        let stream = UploadStream {
            tree,
            staging: &staging,
            total: plan.bytes,
        };
        let words = [
            b"sh".as_slice(),
            b"-c",
            RECEIVE.as_bytes(),
            b"sh",
            root,
            staging.name().as_bytes(),
        ];
        let receive = quote::line(words);
        self.own(
            &receive,
            |stdin: Stdin| async move { stream.send(&stdin, progress).await },
            CHUNK_BYTES,
        )
        .await?;
        self.script(staging.script(root, tree, &plan), CHUNK_BYTES).await?;
        Ok(plan.bytes)
    }
}

fn source(local: &OwnedFd, exclude: &Exclude, stopped: &AtomicBool) -> Result<Source, SshError> {
    let failed = |error: std::io::Error| SshError::Other(format!("what is to be sent can't be read: {error}"));
    let opened = open_folder::reopen(local).map_err(failed)?;
    if opened.metadata().map_err(failed)?.is_dir() {
        return Ok(Source::Folder(LocalTree::scan(opened.into(), exclude, stopped)?));
    }
    let entry = describe(opened.try_clone().map_err(failed)?).map_err(failed)?;
    let entry = entry.ok_or_else(|| SshError::Other("only a file or a folder can be sent".into()))?;
    // Both handles share one position.
    std::io::Seek::rewind(&mut &opened).map_err(failed)?;
    Ok(Source::File(opened, entry))
}

/// Tells a thread that nobody waits for it any more.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
