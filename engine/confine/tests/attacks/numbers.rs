//! The numbers of system calls, which differ between architectures.

use std::collections::BTreeMap;

use serde_json::{Value, json};

macro_rules! numbered {
    ($($name:literal = $call:ident),* $(,)?) => {
        json!(BTreeMap::from([$(($name, libc::$call)),*]))
    };
}

pub(crate) fn numbers() -> Value {
    numbered!(
        "add_key" = SYS_add_key,
        "bpf" = SYS_bpf,
        "capset" = SYS_capset,
        "chroot" = SYS_chroot,
        "clone" = SYS_clone,
        "clone3" = SYS_clone3,
        "fanotify_init" = SYS_fanotify_init,
        "fchmodat" = SYS_fchmodat,
        "fchmodat2" = SYS_fchmodat2,
        "finit_module" = SYS_finit_module,
        "fsopen" = SYS_fsopen,
        "io_uring_setup" = SYS_io_uring_setup,
        "kcmp" = SYS_kcmp,
        "keyctl" = SYS_keyctl,
        "memfd_create" = SYS_memfd_create,
        "memfd_secret" = SYS_memfd_secret,
        "mkdirat" = SYS_mkdirat,
        "mount" = SYS_mount,
        "mount_setattr" = SYS_mount_setattr,
        "move_mount" = SYS_move_mount,
        "mq_open" = SYS_mq_open,
        "mq_unlink" = SYS_mq_unlink,
        "name_to_handle_at" = SYS_name_to_handle_at,
        "open_by_handle_at" = SYS_open_by_handle_at,
        "open_tree" = SYS_open_tree,
        "openat" = SYS_openat,
        "openat2" = SYS_openat2,
        "perf_event_open" = SYS_perf_event_open,
        "personality" = SYS_personality,
        "pidfd_getfd" = SYS_pidfd_getfd,
        "pidfd_open" = SYS_pidfd_open,
        "pivot_root" = SYS_pivot_root,
        "process_vm_readv" = SYS_process_vm_readv,
        "process_vm_writev" = SYS_process_vm_writev,
        "ptrace" = SYS_ptrace,
        "reboot" = SYS_reboot,
        "renameat2" = SYS_renameat2,
        "setdomainname" = SYS_setdomainname,
        "sethostname" = SYS_sethostname,
        "setns" = SYS_setns,
        "swapoff" = SYS_swapoff,
        "syslog" = SYS_syslog,
        "tgkill" = SYS_tgkill,
        "umount2" = SYS_umount2,
        "unshare" = SYS_unshare,
        "userfaultfd" = SYS_userfaultfd,
    )
}
