//! Other machines than this one, as far as their kernels deny calls.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

pub(crate) type Denied = BTreeMap<i64, Vec<SeccompRule>>;

/// How the gate gets at a program's socket.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// The same one.
    Shared,
    /// A new one in its place, as where Docker's default profile denies the other way. There is no asking for listeners either.
    Instead,
}

impl Way {
    pub(crate) const BOTH: [Self; 2] = [Self::Shared, Self::Instead];

    pub(crate) fn filter(self) -> Denied {
        match self {
            Self::Shared => Denied::new(),
            Self::Instead => {
                let netlink = u64::from(libc::AF_NETLINK.unsigned_abs());
                Denied::from([
                    (libc::SYS_pidfd_getfd, Vec::new()),
                    (libc::SYS_socket, vec![rule(0, SeccompCmpOp::Eq, netlink)]),
                ])
            }
        }
    }
}

/// Docker's default profile and AppArmor on Ubuntu 24.04: no namespaces and no mounts.
pub(crate) fn without_namespaces() -> Denied {
    let mut denied = Denied::from(
        [
            libc::SYS_unshare,
            libc::SYS_setns,
            libc::SYS_mount,
            libc::SYS_umount2,
            libc::SYS_pivot_root,
            libc::SYS_fsopen,
            libc::SYS_fsmount,
            libc::SYS_open_tree,
            libc::SYS_move_mount,
            libc::SYS_mount_setattr,
            libc::SYS_keyctl,
            libc::SYS_pidfd_getfd,
        ]
        .map(|call| (call, Vec::new())),
    );
    let new = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
    ];
    let new = new.map(|flag| u64::from(flag.unsigned_abs()));
    denied.insert(
        libc::SYS_clone,
        new.map(|flag| rule(0, SeccompCmpOp::MaskedEq(flag), flag)).into(),
    );
    denied
}

fn rule(argument: u8, comparison: SeccompCmpOp, value: u64) -> SeccompRule {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, comparison, value).unwrap();
    SeccompRule::new(vec![condition]).unwrap()
}

/// Runs in a thread to which, and to all that it starts, these calls are denied with EPERM.
pub(crate) fn on_machine<T: Send>(denied: Denied, run: impl FnOnce() -> T + Send) -> T {
    let filter = SeccompFilter::new(
        denied,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    let thread = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            seccompiler::apply_filter(&program).unwrap();
            run()
        });
        thread.join()
    });
    thread.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
