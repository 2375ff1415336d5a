//! WASI's functions that take a name out of a folder: `rename-at`, `unlink-file-at`, `remove-directory-at`.
//!
//! What a View hides or protects is covered by a mount. The kernel keeps a process from taking away a name that is covered,
//! but only in the process's own mount namespace, and a View's mounts are in none that the engine is in: here the name would
//! go, and with it the cover. So these three look at the name first, and act on the very folder that they looked at.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, StatxFlags, openat2, renameat, statx, unlinkat};
use rustix::io::Errno;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::{ResourceTable, WasiView};

/// The version that wasmtime-wasi links; a component of an older one gets it too.
const INTERFACE: &str = "wasi:filesystem/types@0.2.12";

type Answer = wasmtime::Result<(Result<(), ErrorCode>,)>;

/// Takes the place of what `wasmtime_wasi` has linked.
pub(crate) fn add_to_linker<T: WasiView + Send + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(INTERFACE)?;
    types.func_wrap_async(
        "[method]descriptor.rename-at",
        |mut store, (from, old, to, new): (Resource<Descriptor>, String, Resource<Descriptor>, String)| {
            Box::new(async move {
                let table = store.data_mut().ctx().table;
                let (from, to) = (folder(table, &from)?, folder(table, &to)?);
                let folders = from.and_then(|from| Ok((from, to?)));
                let rename =
                    move |(from, to): (Arc<File>, Arc<File>)| Name::find(&from, &old)?.rename(&Name::find(&to, &new)?);
                answer(folders, rename).await
            })
        },
    )?;
    for (function, flags) in [
        ("[method]descriptor.unlink-file-at", AtFlags::empty()),
        ("[method]descriptor.remove-directory-at", AtFlags::REMOVEDIR),
    ] {
        types.func_wrap_async(
            function,
            move |mut store, (from, path): (Resource<Descriptor>, String)| {
                Box::new(async move {
                    let from = folder(store.data_mut().ctx().table, &from)?;
                    answer(from, move |from: Arc<File>| Name::find(&from, &path)?.remove(flags)).await
                })
            },
        )?;
    }
    linker.allow_shadowing(false);
    Ok(())
}

/// An unknown handle is a trap; everything else is an answer.
fn folder(table: &ResourceTable, descriptor: &Resource<Descriptor>) -> wasmtime::Result<Result<Arc<File>, ErrorCode>> {
    Ok(match table.get(descriptor)? {
        Descriptor::File(_) => Err(ErrorCode::NotDirectory),
        Descriptor::Dir(folder) if folder.perms.write_not_permitted() => Err(ErrorCode::NotPermitted),
        Descriptor::Dir(folder) => Ok(folder.dir.clone()),
    })
}

async fn answer<F: Send + 'static>(
    folders: Result<F, ErrorCode>,
    act: impl FnOnce(F) -> io::Result<()> + Send + 'static,
) -> Answer {
    let folders = match folders {
        Ok(folders) => folders,
        Err(error) => return Ok((Err(error),)),
    };
    let done = tokio::task::spawn_blocking(move || act(folders)).await?;
    Ok((done.map_err(ErrorCode::from),))
}

/// Each of them takes microseconds; what is asked for so often meets a machine that does nothing but mount.
const OPEN_TRIES: usize = 100;

/// A name in a folder that stays the same whatever happens to the path that led there.
struct Name {
    folder: OwnedFd,
    name: String,
}

impl Name {
    /// Links on the way are followed as long as they stay beneath `root`.
    fn find(root: &File, path: &str) -> io::Result<Self> {
        let trimmed = path.trim_end_matches('/');
        let (folder, name) = trimmed.rsplit_once('/').unwrap_or((".", trimmed));
        if matches!(name, "" | "." | "..") {
            return Err(Errno::INVAL.into());
        }
        let open = || {
            openat2(
                root,
                if folder.is_empty() { "/" } else { folder },
                OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
                ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
            )
        };
        // While anything is mounted or renamed anywhere, the kernel gives up on `..` and asks to try again (openat2(2)).
        let folder = (1..OPEN_TRIES)
            .map(|_| open())
            .find(|opened| !matches!(opened, Err(Errno::AGAIN)))
            .unwrap_or_else(open);
        let folder = folder.map_err(|error| match error {
            Errno::XDEV => Errno::PERM,
            error => error,
        })?;
        let name = Self {
            folder,
            name: path[trimmed.len() - name.len()..].to_owned(),
        };
        name.refuse_covered()?;
        Ok(name)
    }

    /// What is mounted over a name is another mount than the one that its folder is on.
    fn refuse_covered(&self) -> io::Result<()> {
        let mount = |path: &str, flags: AtFlags| {
            let found = statx(
                &self.folder,
                path,
                flags | AtFlags::SYMLINK_NOFOLLOW,
                StatxFlags::MNT_ID,
            )?;
            Ok::<_, Errno>(found.stx_mnt_id)
        };
        let here = mount("", AtFlags::EMPTY_PATH)?;
        match mount(&self.name, AtFlags::NO_AUTOMOUNT) {
            Ok(there) if there != here => Err(Errno::BUSY.into()),
            // Nothing is there to be covered.
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn rename(&self, to: &Self) -> io::Result<()> {
        Ok(renameat(
            &self.folder,
            self.name.as_str(),
            &to.folder,
            to.name.as_str(),
        )?)
    }

    fn remove(&self, flags: AtFlags) -> io::Result<()> {
        Ok(unlinkat(&self.folder, self.name.as_str(), flags)?)
    }
}
