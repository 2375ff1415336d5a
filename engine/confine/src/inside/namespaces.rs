//! The namespaces that all commands of a Cell share.

use std::fs;

use nix::sched::CloneFlags;
use rustix::mount::MountPropagationFlags;

use super::identity::HOSTNAME;
use super::{fork, loopback};
use crate::failure::{During, Failure, Step};
use crate::layers::{Layer, Layers};

fn may_leave_groups() -> bool {
    fs::read_to_string("/proc/self/setgroups").is_ok_and(|rule| rule.trim() == "allow")
}

/// Lets go of what this process has of the user besides the id.
pub(super) fn leave_user() -> Result<(), Failure> {
    if rustix::process::geteuid().is_root() && may_leave_groups() {
        // Groups of the user who became root would reach into the Cell. An ordinary user can't leave groups, nor can the root
        // of a user namespace that such a user has made; inside they appear as nobody's.
        rustix::thread::set_thread_groups(&[]).during(Step::Identity, "can't leave the supplementary groups")?;
    }
    // Before the user namespace, so that the keyring's owner is the user and not someone whom nobody knows.
    fork::leave_session_keyring().during(Step::Identity, "can't leave the session's keyring")
}

/// Those that can be made before it is known what the Cell is to see.
pub(super) fn shared(layers: Layers) -> CloneFlags {
    let those = [
        (Layer::IpcNamespace, CloneFlags::CLONE_NEWIPC),
        (Layer::UtsNamespace, CloneFlags::CLONE_NEWUTS),
        (Layer::NetworkNamespace, CloneFlags::CLONE_NEWNET),
    ];
    let those = those
        .into_iter()
        .filter(|(layer, _)| layers.has(*layer))
        .map(|(_, flag)| flag);
    those.fold(CloneFlags::CLONE_NEWUSER, CloneFlags::union)
}

/// What they are to be like, said by a process inside.
pub(super) fn furnish(layers: Layers) -> Result<(), Failure> {
    // A program that makes a user namespace of its own gets at parts of the kernel that are meant for root.
    fs::write("/proc/sys/user/max_user_namespaces", "0")
        .during(Step::Identity, "can't write /proc/sys/user/max_user_namespaces")?;

    if layers.has(Layer::UtsNamespace) {
        rustix::system::sethostname(HOSTNAME.as_bytes()).during(Step::Identity, "can't set the host's name")?;
    }
    if layers.has(Layer::NetworkNamespace) {
        loopback::bring_up().during(Step::Network, "can't bring up the loopback interface")?;
    }
    Ok(())
}

/// The host's mounts as they are now, with changes that stay in here.
pub(super) fn copy_mounts() -> Result<(), Failure> {
    nix::sched::unshare(CloneFlags::CLONE_NEWNS).during(Step::Namespaces, "can't make a mount namespace")?;
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .during(Step::Mounts, "can't make the mounts private")
}
