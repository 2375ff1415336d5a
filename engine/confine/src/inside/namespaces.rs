//! The namespaces that all commands of a Cell share.

use std::fs;
use std::io;

use nix::sched::CloneFlags;
use rustix::mount::MountPropagationFlags;

use super::fork;
use super::identity::{GID, HOSTNAME, UID};
use crate::failure::{During, Failure, Step};
use crate::spec::Network;

fn may_leave_groups() -> bool {
    fs::read_to_string("/proc/self/setgroups").is_ok_and(|rule| rule.trim() == "allow")
}

/// What a process inherits whatever its namespaces are.
pub(super) fn leave_groups_and_keyring() -> Result<(), Failure> {
    if rustix::process::geteuid().is_root() && may_leave_groups() {
        // Groups of the user who became root would reach into the Cell. An ordinary user can't leave groups, nor can the root
        // of a user namespace that such a user has made; inside they appear as nobody's.
        rustix::thread::set_thread_groups(&[]).during(Step::Identity, "can't leave the supplementary groups")?;
    }
    // Before the user namespace, so that the keyring's owner is the user and not someone whom nobody knows.
    fork::leave_session_keyring().during(Step::Identity, "can't leave the session's keyring")
}

/// Moves this process into new namespaces. It has every capability there, and none outside.
pub(super) fn enter(network: Network) -> Result<(), Failure> {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    leave_groups_and_keyring()?;
    let mut flags =
        CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    if network == Network::None {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    nix::sched::unshare(flags)
        .map_err(io::Error::from)
        .during(Step::Namespaces, "can't make user namespaces")?;

    let map = |file: &str, content: String| {
        fs::write(file, content).during(Step::Identity, format_args!("can't write {file}"))
    };
    // The kernel wants this before an unprivileged process may map its group.
    map("/proc/self/setgroups", "deny".to_owned())?;
    map("/proc/self/uid_map", format!("{UID} {uid} 1"))?;
    map("/proc/self/gid_map", format!("{GID} {gid} 1"))?;
    // A program that makes a user namespace of its own gets at parts of the kernel that are meant for root.
    map("/proc/sys/user/max_user_namespaces", "0".to_owned())?;

    rustix::system::sethostname(HOSTNAME.as_bytes()).during(Step::Identity, "can't set the host's name")?;
    if network == Network::None {
        fork::bring_loopback_up().during(Step::Network, "can't bring up the loopback interface")?;
    }
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .during(Step::Mounts, "can't make the mounts private")
}
