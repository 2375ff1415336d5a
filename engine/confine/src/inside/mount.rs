//! Mounts by descriptor: no path is looked up twice, so nobody can change what it means in between.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

/// A copy of a shared mount of the host's is shared with it: what is mounted on the copy would show on the host.
const PRIVATE: u64 = libc::MS_PRIVATE;

/// What a mount forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forbid(u64);

impl Forbid {
    /// Set-id bits and device nodes mean nothing: on every mount of a Cell.
    pub(super) const PRIVILEGE: Self = Self(libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV);
    pub(super) const WRITING: Self = Self(Self::PRIVILEGE.0 | libc::MOUNT_ATTR_RDONLY);
    /// For single device nodes, which must stay usable. Read-only means their owner, mode and times: devices are written all the
    /// same, and as root programs would own the host's.
    pub(super) const CHANGES_OF_NODES: Self =
        Self(libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC | libc::MOUNT_ATTR_RDONLY);
}

/// A mount, with everything mounted below it, that may not be attached anywhere yet.
#[derive(Debug)]
pub(super) struct Tree(OwnedFd);

impl Tree {
    /// A copy of the mounts from this file or folder downwards.
    pub(super) fn clone_of(source: impl AsFd) -> io::Result<Self> {
        clone(source, OpenTreeFlags::AT_RECURSIVE)
    }

    /// The same without what is mounted below.
    pub(super) fn clone_of_one(source: impl AsFd) -> io::Result<Self> {
        clone(source, OpenTreeFlags::empty())
    }

    /// An empty file system in memory. `options` are those of tmpfs.
    pub(super) fn tmpfs(options: &[(&str, &str)]) -> io::Result<Self> {
        let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        for (name, value) in options {
            fsconfig_set_string(context.as_fd(), *name, *value)?;
        }
        finish(
            &context,
            MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV,
        )
    }

    /// The processes of this process's own pid namespace, read-only: without that a program of uid 0's could change settings of
    /// the host under /proc/sys, which only file modes protect.
    pub(super) fn proc() -> io::Result<Self> {
        let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
        finish(
            &context,
            MountAttrFlags::MOUNT_ATTR_NOSUID
                | MountAttrFlags::MOUNT_ATTR_NODEV
                | MountAttrFlags::MOUNT_ATTR_NOEXEC
                | MountAttrFlags::MOUNT_ATTR_RDONLY,
        )
    }

    /// Writes go to `upper`, everything else comes from the current folder, which so needs no quoting whatever its name is.
    pub(super) fn overlay_of_current_folder(upper: BorrowedFd<'_>, work: BorrowedFd<'_>) -> io::Result<Self> {
        let by_descriptor = |folder: BorrowedFd<'_>| format!("/proc/self/fd/{}", folder.as_raw_fd());
        let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        let context_fd = context.as_fd();
        fsconfig_set_string(context_fd, "source", "overlay")?;
        fsconfig_set_string(context_fd, "lowerdir", ".")?;
        fsconfig_set_string(context_fd, "upperdir", by_descriptor(upper))?;
        fsconfig_set_string(context_fd, "workdir", by_descriptor(work))?;
        // A user namespace may not write trusted.* attributes, where the overlay keeps its notes otherwise.
        fsconfig_set_flag(context_fd, "userxattr")?;
        finish(
            &context,
            MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV,
        )
    }

    /// Applies to the whole tree.
    pub(super) fn forbid(&self, what: Forbid) -> io::Result<()> {
        set_attributes(self.as_fd(), what, libc::AT_RECURSIVE)
    }

    /// Applies to this mount and not to those below it.
    pub(super) fn forbid_here(&self, what: Forbid) -> io::Result<()> {
        set_attributes(self.as_fd(), what, 0)
    }

    /// Shows the owners of files as `map` says, and takes them the other way round. Only before it is attached, and only for who
    /// rules the file systems of the whole tree.
    pub(super) fn map_ids(&self, map: impl AsFd) -> io::Result<()> {
        let attributes = libc::mount_attr {
            attr_set: libc::MOUNT_ATTR_IDMAP,
            attr_clr: 0,
            propagation: PRIVATE,
            // A descriptor is not negative.
            userns_fd: u64::from(map.as_fd().as_raw_fd().unsigned_abs()),
        };
        set(self.as_fd(), &attributes, libc::AT_RECURSIVE)
    }

    /// Covers the file or folder that `target` was opened on.
    pub(super) fn attach(&self, target: impl AsFd) -> io::Result<()> {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        Ok(move_mount(self.as_fd(), "", target, "", flags)?)
    }

    /// Another descriptor of it.
    pub(super) fn same(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    pub(super) fn into_fd(self) -> OwnedFd {
        self.0
    }
}

impl AsFd for Tree {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn clone(source: impl AsFd, depth: OpenTreeFlags) -> io::Result<Tree> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    Ok(Tree(open_tree(source, "", flags | depth)?))
}

fn finish(context: &OwnedFd, attributes: MountAttrFlags) -> io::Result<Tree> {
    fsconfig_create(context.as_fd())?;
    Ok(Tree(fsmount(
        context.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        attributes,
    )?))
}

fn set_attributes(mount: BorrowedFd<'_>, forbid: Forbid, flags: libc::c_int) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: forbid.0,
        attr_clr: 0,
        propagation: PRIVATE,
        userns_fd: 0,
    };
    set(mount, &attributes, flags)
}

#[expect(unsafe_code, reason = "mount_setattr has no safe interface")]
fn set(mount: BorrowedFd<'_>, attributes: &libc::mount_attr, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: the kernel reads an empty C string and one mount_attr of the given size; both outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | flags,
            std::ptr::from_ref(attributes),
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
