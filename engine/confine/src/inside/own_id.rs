//! The id that a root engine's programs have on the host, and the mounts that make it the owner of what is granted.
//!
//! Nothing on disk changes: a mount of a granted folder shows the folder's owner as the programs' id, and what programs make there
//! belongs to the folder's owner.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::PathBuf;

use nix::sched::CloneFlags;
use rustix::fs::fstat;
use rustix::process::{Gid, Uid};

use super::id_map::{only, swapped};
use super::identity::{GID, UID};
use super::mount::Tree;
use super::user_namespace::UserNamespace;
use crate::failure::{During, Failure, Step};

/// The first of the ids that Cells have: one for each process id that Linux can have (PID_MAX_LIMIT), so that Cells which run at the
/// same time differ. Nobody gives away this range: systemd's own and those for containers end below 0x7000_0000 or begin at
/// 0x7FFE_0000, shadow's subordinate ids end at 600,100,000, and those of directory services (sssd, FreeIPA) at 2,000,200,000.
const FIRST: u32 = 0x7800_0000;

/// A failure at `Step::Identity` or `Step::Namespaces` means that this machine has none to give; nothing has changed then.
pub(super) struct OwnId {
    id: u32,
    namespace: UserNamespace,
    maps: Vec<(Swap, UserNamespace)>,
}

/// The owner on disk and whom a mount shows instead, user and group, the other way round too.
type Swap = [(u32, u32); 2];

impl OwnId {
    pub(super) fn claim() -> Result<Self, Failure> {
        let id = FIRST + std::process::id();
        let namespace = UserNamespace::new(&only(UID, id), &only(GID, id))
            .during(Step::Identity, "can't map ids to one that is nobody's")?;
        Ok(Self {
            id,
            namespace,
            maps: Vec::new(),
        })
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// A copy of the mounts from `source` downwards, whose owner is shown as the programs' id.
    pub(super) fn for_programs(&mut self, source: impl AsFd) -> Result<Tree, Failure> {
        self.owned_by(source.as_fd(), (self.id, self.id))
    }

    /// True when what the engine makes in a folder belongs to the folder's owner anyway.
    pub(super) fn is_engine_s(source: impl AsFd) -> Result<bool, Failure> {
        let owner = fstat(source).during(Step::Spec, "can't see whose a folder is")?;
        Ok(owner.st_uid == rustix::process::geteuid().as_raw() && owner.st_gid == rustix::process::getegid().as_raw())
    }

    /// The same for the engine: what it makes there belongs to the folder's owner as well.
    pub(super) fn for_engine(&mut self, source: impl AsFd) -> Result<Tree, Failure> {
        self.owned_by(
            source.as_fd(),
            (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()),
        )
    }

    fn owned_by(&mut self, source: BorrowedFd<'_>, (uid, gid): (u32, u32)) -> Result<Tree, Failure> {
        let place = || name_of(source);
        let owner = fstat(source).during(Step::Spec, format_args!("can't see whose `{}` is", place().display()))?;
        // Denied in a container whose root may not mount.
        let tree = Tree::clone_of(source).during(Step::Identity, format_args!("can't bind `{}`", place().display()))?;
        let swap = [(owner.st_uid, uid), (owner.st_gid, gid)];
        if swap.iter().any(|(from, to)| from != to) {
            let map = self.map(swap).during(Step::Identity, "can't map ids")?;
            tree.map_ids(map).map_err(|error| match error.raw_os_error() {
                Some(libc::EINVAL) => Failure {
                    step: Step::Identity,
                    text: format!("the file system of `{}` can't map ids", place().display()),
                    errno: Some(libc::EINVAL),
                },
                _ => Failure::new(
                    Step::Identity,
                    format_args!("can't map the ids of `{}`", place().display()),
                    error,
                ),
            })?;
        }
        Ok(tree)
    }

    fn map(&mut self, swap: Swap) -> std::io::Result<&UserNamespace> {
        // Most Cells need one: the same user owns all that is granted.
        let known = self.maps.iter().position(|(known, _)| *known == swap);
        let index = match known {
            Some(index) => index,
            None => {
                let [uids, gids] = swap.map(|(from, to)| swapped(from, to));
                self.maps.push((swap, UserNamespace::new(&uids, &gids)?));
                self.maps.len() - 1
            }
        };
        Ok(&self.maps[index].1)
    }

    /// Moves this process into the namespace where the id is 1000. It has every capability there, and none outside.
    pub(super) fn enter(&self) -> Result<(), Failure> {
        nix::sched::setns(&self.namespace, CloneFlags::CLONE_NEWUSER)
            .during(Step::Namespaces, "can't enter a user namespace")
    }

    /// The second half of `enter`, after which there is no way back.
    pub(super) fn become_it(&self) -> Result<(), Failure> {
        let (uid, gid) = (Uid::from_raw(UID), Gid::from_raw(GID));
        rustix::thread::set_thread_res_gid(gid, gid, gid).during(Step::Identity, "can't change the group")?;
        rustix::thread::set_thread_res_uid(uid, uid, uid).during(Step::Identity, "can't change the user")
    }
}

/// For error texts.
fn name_of(source: BorrowedFd<'_>) -> PathBuf {
    std::fs::read_link(format!("/proc/self/fd/{}", source.as_raw_fd())).unwrap_or_default()
}
