//! The id that a root engine's programs have on the host, and the mounts that make it the owner of what is granted.
//!
//! Nothing on disk changes: a mount of a granted folder shows the folder's owner as the programs' id, and what programs make there
//! belongs to the folder's owner.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::fstat;
use rustix::process::{Gid, Uid};

use super::id_map::{only, swapped};
use super::identity::{GID, UID};
use super::mount::Tree;
use super::room::Room;
use crate::failure::{During, Failure, Step};

/// The first of the ids that Cells have: one for each process id that Linux can have (PID_MAX_LIMIT), so that Cells which run at the
/// same time differ. Nobody gives away this range: systemd's own and those for containers end below 0x7000_0000 or begin at
/// 0x7FFE_0000, shadow's subordinate ids end at 600,100,000, and those of directory services (sssd, FreeIPA) at 2,000,200,000.
const FIRST: u32 = 0x7800_0000;

/// A failure at `Step::Identity` or `Step::Namespaces` means that this machine has none to give; nothing has changed then.
pub(super) struct OwnId {
    id: u32,
    /// Made ahead, for the first map.
    spare: Option<Room>,
    maps: Vec<(Swap, OwnedFd, Room)>,
}

/// The owner on disk and whom a mount shows instead, user and group, the other way round too.
type Swap = [(u32, u32); 2];

impl OwnId {
    pub(super) fn new(spare: Room) -> Self {
        Self {
            id: FIRST + std::process::id(),
            spare: Some(spare),
            maps: Vec::new(),
        }
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
        let place = Name(source);
        let owner = fstat(source).during(Step::Spec, format_args!("can't see whose `{place}` is"))?;
        let swap = [(owner.st_uid, uid), (owner.st_gid, gid)];
        let map = if swap.iter().any(|(from, to)| from != to) {
            Some(self.map(swap)?)
        } else {
            None
        };
        // Denied in a container whose root may not mount.
        let tree = Tree::clone_of(source).during(Step::Identity, format_args!("can't bind `{place}`"))?;
        if let Some(map) = map {
            tree.map_ids(map).map_err(|error| match error.raw_os_error() {
                Some(libc::EINVAL) => Failure {
                    step: Step::Identity,
                    text: format!("the file system of `{place}` can't map ids"),
                    errno: Some(libc::EINVAL),
                },
                _ => Failure::new(Step::Identity, format_args!("can't map the ids of `{place}`"), error),
            })?;
        }
        Ok(tree)
    }

    fn map(&mut self, swap: Swap) -> Result<&OwnedFd, Failure> {
        // Most Cells need one: the same user owns all that is granted.
        let known = self.maps.iter().position(|(known, ..)| *known == swap);
        let index = match known {
            Some(index) => index,
            None => {
                let mut room = self.spare.take().map_or_else(Room::for_a_map, Ok)?;
                let [uids, gids] = swap.map(|(from, to)| swapped(from, to));
                room.map(&uids, &gids)?;
                let namespace = room.user_namespace().during(Step::Identity, "can't map ids")?;
                room.release();
                self.maps.push((swap, namespace, room));
                self.maps.len() - 1
            }
        };
        Ok(&self.maps[index].1)
    }

    /// Moves this process in, to where the id is 1000.
    pub(super) fn enter(&self, room: &mut Room) -> Result<(), Failure> {
        room.map(&only(UID, self.id), &only(GID, self.id))?;
        self.spare.iter().for_each(Room::release);
        room.enter()
    }

    /// Those that are left behind.
    pub(super) fn into_rooms(self) -> Vec<Room> {
        self.maps.into_iter().map(|(.., room)| room).chain(self.spare).collect()
    }

    /// The second half of `enter`, after which there is no way back.
    pub(super) fn become_it(&self) -> Result<(), Failure> {
        let (uid, gid) = (Uid::from_raw(UID), Gid::from_raw(GID));
        rustix::thread::set_thread_res_gid(gid, gid, gid).during(Step::Identity, "can't change the group")?;
        rustix::thread::set_thread_res_uid(uid, uid, uid).during(Step::Identity, "can't change the user")
    }
}

/// What a descriptor was opened on. Looked up only where it is told, in error texts.
struct Name<'a>(BorrowedFd<'a>);

impl fmt::Display for Name<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = std::fs::read_link(format!("/proc/self/fd/{}", self.0.as_raw_fd())).unwrap_or_default();
        name.display().fmt(formatter)
    }
}
