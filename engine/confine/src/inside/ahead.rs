//! What can be made for a Cell before it is known what the Cell is to see.

use super::id_map::only;
use super::identity::{GID, UID};
use super::namespaces;
use super::own_id::OwnId;
use super::room::Room;
use super::sources::Sources;
use crate::failure::{Failure, Step};
use crate::ids::Ids;
use crate::layers::Layers;
use crate::spec::CellSpec;

/// A failure counts only for who needs what has failed.
pub(super) struct Ahead {
    layers: Layers,
    for_programs: Result<Room, Failure>,
    /// None where there are no ids to give.
    for_a_map: Option<Result<Room, Failure>>,
}

impl Ahead {
    /// Returns before all is made.
    pub(super) fn build(layers: Layers) -> Self {
        Self {
            layers,
            for_programs: Room::for_programs(layers),
            for_a_map: rustix::process::geteuid().is_root().then(Room::for_a_map),
        }
    }

    /// What the machine had none of then, it may have now; and what has waited for long may be gone.
    fn has_failed(&mut self) -> bool {
        let rooms = [Some(&mut self.for_programs), self.for_a_map.as_mut()];
        let mut rooms = rooms.into_iter().flatten();
        rooms.any(|room| room.as_mut().map_or(true, |room| room.has_failed()))
    }

    /// Moves this process into the Cell's namespaces, with what it takes along. Some rooms are left behind.
    pub(super) fn enter(mut self, spec: &CellSpec) -> Result<(Ids, Sources, Vec<Room>), Failure> {
        namespaces::leave_user()?;
        if self.layers != spec.layers || self.has_failed() {
            // First the old ones: there may be only so many.
            drop(self);
            self = Self::build(spec.layers);
        }
        let mut room = self.for_programs?;
        let Some(for_a_map) = self.for_a_map else {
            return enter_with_engine_s_id(spec, room, Ids::Engine);
        };
        match for_a_map.and_then(|for_a_map| with_own_id(spec, &mut room, for_a_map)) {
            Ok((own, sources)) => {
                own.become_it()?;
                namespaces::copy_mounts()?;
                let ids = Ids::Own(own.id());
                let mut rooms = own.into_rooms();
                rooms.push(room);
                Ok((ids, sources, rooms))
            }
            Err(Failure {
                step: Step::Identity | Step::Namespaces,
                text,
                ..
            }) => {
                if room.is_mapped() {
                    drop(room);
                    room = Room::for_programs(spec.layers)?;
                }
                enter_with_engine_s_id(spec, room, Ids::Root { why: text })
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Everything is opened as root, who reaches what the programs' id does not. After a failure nothing has changed but the room.
fn with_own_id(spec: &CellSpec, room: &mut Room, for_a_map: Room) -> Result<(OwnId, Sources), Failure> {
    let mut own = OwnId::new(for_a_map);
    let sources = Sources::collect(spec, Some(&mut own))?;
    own.enter(room)?;
    Ok((own, sources))
}

/// The only one whose meaning outside who is not root can choose.
fn enter_with_engine_s_id(spec: &CellSpec, mut room: Room, ids: Ids) -> Result<(Ids, Sources, Vec<Room>), Failure> {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    room.map(&only(UID, uid.as_raw()), &only(GID, gid.as_raw()))?;
    room.enter()?;
    namespaces::copy_mounts()?;
    Ok((ids, Sources::collect(spec, None)?, vec![room]))
}
