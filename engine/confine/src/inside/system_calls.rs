//! Which system calls a confined program can make: all but those that reach what no build, test or deployment needs. A call
//! that is filtered fails with an error that programs know; none is killed for trying.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    sock_filter,
};

use super::shared_machine;
use crate::spec::Level;

/// Calls that are newer than this list, of which nobody has looked at what they do; the first is `open_tree_attr`. Since 5.0 they have the same numbers on all
/// architectures; calls of the x32 ABI have larger ones.
const FIRST_UNKNOWN: u32 = 467;

/// Denied too, and the engine is told: these are what some programs are for, and few say which call it was that failed. Where
/// there is a gate they wait for its answer, which is always the same; that way nothing depends on who reads the kernel's log.
const TOLD: &[(i64, &str)] = &[
    // Debuggers, profilers, sanitizers that look for leaks.
    (libc::SYS_ptrace, "ptrace"),
    (libc::SYS_process_vm_readv, "process_vm_readv"),
    (libc::SYS_process_vm_writev, "process_vm_writev"),
    (libc::SYS_perf_event_open, "perf_event_open"),
    // Containers, packagers, tests of both.
    (libc::SYS_unshare, "unshare"),
    (libc::SYS_setns, "setns"),
    (libc::SYS_mount, "mount"),
    (libc::SYS_umount2, "umount2"),
    (libc::SYS_pivot_root, "pivot_root"),
    (libc::SYS_chroot, "chroot"),
    // Kerberos and others that keep tickets there.
    (libc::SYS_add_key, "add_key"),
    (libc::SYS_keyctl, "keyctl"),
];

/// Whatever their arguments are. Most need a capability that no program has; they are here for the day when one does not check.
const DENIED: &[i64] = &[
    // Other processes.
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Mounts.
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    // Keys belong to a user, not to a namespace.
    libc::SYS_request_key,
    // Large parts of the kernel that were holes before.
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // The machine.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ustat,
];

/// Calls without which programs have another way: to them the kernel is an older one.
const MISSING: &[i64] = &[
    // Its flags lie in memory, where no filter sees them; C libraries fall back to `clone`.
    libc::SYS_clone3,
    // It makes sockets and connections past every filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Memory that no limit on files sees, and files to execute that no mount sees.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    // The mode of the file that it makes lies in memory too.
    libc::SYS_openat2,
];

/// `CLONE_NEW…`.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Set-user-id and set-group-id: in a `write` folder the file is there for other users of the machine.
const SET_ID: [libc::mode_t; 2] = [libc::S_ISUID, libc::S_ISGID];

/// Of sockets. Netlink is how C libraries list interfaces.
const FAMILIES: [libc::c_int; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// Of internet sockets: 0 is the type's own. MPTCP and SCTP go past rules about TCP.
const PROTOCOLS: [libc::c_int; 3] = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP];

/// The type of a socket without its flags.
pub(super) const TYPE: u64 = 0xf;

/// Of internet sockets. Others are another protocol's when none is named: SOCK_SEQPACKET is SCTP, SOCK_PACKET a packet socket.
const TYPES: [libc::c_int; 2] = [libc::SOCK_STREAM, libc::SOCK_DGRAM];

/// Connects without `connect`.
const FAST_OPEN: libc::c_int = libc::MSG_FASTOPEN;

/// TIOCSTI and TIOCLINUX, which type into the terminal and into the console.
const TERMINAL: [u64; 2] = [0x5412, 0x541c];

/// `personality(0xffffffff)` asks.
const PERSONALITIES: [u64; 2] = [0, 0xffff_ffff];

/// What the gate denies.
pub(super) fn told() -> impl Iterator<Item = i64> {
    TOLD.iter().map(|(call, _)| *call)
}

/// None for a call that is not the gate's to deny.
pub(super) fn name_of_told(call: i64) -> Option<&'static str> {
    TOLD.iter().find(|(told, _)| *told == call).map(|(_, name)| *name)
}

/// Made once for a Cell and applied in each command.
#[derive(Debug, Clone)]
pub(super) struct SystemCalls(BpfProgram);

impl SystemCalls {
    /// `gate`: whether one follows, which denies the calls that the engine is told of.
    pub(super) fn filtered(level: Level, gate: bool) -> Result<Self, seccompiler::Error> {
        let mut all = vec![
            (denied()?, libc::EPERM),
            (families()?, libc::EAFNOSUPPORT),
            (protocols()?, libc::EPROTONOSUPPORT),
        ];
        if level == Level::Degraded {
            all.push((shared_machine::rules()?, libc::EACCES));
        }
        let mut calls: BTreeMap<i64, Way> = BTreeMap::new();
        calls.extend(
            all.iter()
                .flat_map(|(rules, _)| rules.keys())
                .map(|call| (*call, Way::Rules)),
        );
        calls.extend(MISSING.iter().map(|call| (*call, Way::Missing)));
        calls.extend(DENIED.iter().map(|call| (*call, Way::Denied)));
        if !gate {
            calls.extend(TOLD.iter().map(|(call, _)| (*call, Way::Denied)));
        }
        let programs = all.into_iter().map(|(rules, errno)| filter(rules, errno));
        let programs = programs.collect::<Result<Vec<_>, _>>()?;
        Ok(Self(in_front(&calls, in_turn(programs))))
    }

    /// For this process and all that it starts. It must have no new privileges.
    pub(super) fn apply(&self) -> io::Result<()> {
        seccompiler::apply_filter(&self.0).map_err(io::Error::other)
    }
}

pub(super) type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn filter(rules: Rules, errno: libc::c_int) -> Result<BpfProgram, seccompiler::Error> {
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno.unsigned_abs()),
        std::env::consts::ARCH.try_into()?,
    )?;
    Ok(filter.try_into()?)
}

fn denied() -> Result<Rules, seccompiler::Error> {
    let mut rules = Rules::new();
    let namespaces = NAMESPACES.map(|flag| u64::from(flag.unsigned_abs()));
    rules.insert(libc::SYS_clone, any_bit(0, namespaces)?);
    for (call, argument) in [
        (libc::SYS_fchmod, 1),
        (libc::SYS_fchmodat, 2),
        (libc::SYS_fchmodat2, 2),
        (libc::SYS_mknodat, 2),
        (libc::SYS_mkdirat, 2),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_chmod, 1),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_creat, 1),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_mknod, 1),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_mkdir, 1),
    ] {
        rules.insert(call, any_bit(argument, SET_ID.map(u64::from))?);
    }
    for (call, flags, mode) in [
        (libc::SYS_openat, 2, 3),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_open, 1, 2),
    ] {
        // Without these the mode is whatever the register held.
        let mut rules_of_call = Vec::new();
        for makes in [libc::O_CREAT, libc::O_TMPFILE].map(number) {
            for bit in SET_ID {
                rules_of_call.push(SeccompRule::new(vec![bits(flags, makes)?, bits(mode, bit.into())?])?);
            }
        }
        rules.insert(call, rules_of_call);
    }
    for (call, argument) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
        rules.insert(call, any_bit(argument, [u64::from(FAST_OPEN.unsigned_abs())])?);
    }
    let terminal = TERMINAL.map(|request| SeccompRule::new(vec![is(1, request)?]));
    rules.insert(libc::SYS_ioctl, terminal.into_iter().collect::<Result<_, _>>()?);
    let personality = PERSONALITIES.map(|value| is_not(0, value));
    let personality = SeccompRule::new(personality.into_iter().collect::<Result<_, _>>()?)?;
    rules.insert(libc::SYS_personality, vec![personality]);
    Ok(rules)
}

fn families() -> Result<Rules, seccompiler::Error> {
    let other = FAMILIES.map(|family| is_not(0, number(family)));
    let other = SeccompRule::new(other.into_iter().collect::<Result<_, _>>()?)?;
    // Each datagram may have another address, which neither a filter nor the gate sees.
    let datagrams = SeccompCondition::new(
        1,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(TYPE),
        number(libc::SOCK_DGRAM),
    )?;
    let local_datagrams = SeccompRule::new(vec![is(0, number(libc::AF_UNIX))?, datagrams])?;
    let both = vec![other, local_datagrams];
    Ok(Rules::from([
        (libc::SYS_socket, both.clone()),
        (libc::SYS_socketpair, both),
    ]))
}

fn protocols() -> Result<Rules, seccompiler::Error> {
    let mut rules = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let mut other = vec![is(0, number(family))?];
        for protocol in PROTOCOLS {
            other.push(is_not(2, number(protocol))?);
        }
        rules.push(SeccompRule::new(other)?);
        let known = TYPES.map(number);
        for other in (0..=TYPE).filter(|kind| !known.contains(kind)) {
            let kind = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(TYPE), other)?;
            rules.push(SeccompRule::new(vec![is(0, number(family))?, kind])?);
        }
    }
    let not_routes = vec![
        is(0, number(libc::AF_NETLINK))?,
        is_not(2, number(libc::NETLINK_ROUTE))?,
    ];
    rules.push(SeccompRule::new(not_routes)?);
    Ok(Rules::from([(libc::SYS_socket, rules)]))
}

const LOAD_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Steps with which each program of the library begins: they end a call of another architecture.
const ARCHITECTURE: usize = 3;

/// What becomes of a call, as the number of the step for it behind the table of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Missing = 1,
    Denied = 3,
    /// It depends on the arguments.
    Rules = 4,
}

/// A table of the calls that are not simply allowed. All others go past the rules: when a filter is installed the kernel translates
/// it and tries it for each number, which every program that starts has to wait for. It also ends calls that are not known, which
/// the library can't.
fn in_front(calls: &BTreeMap<i64, Way>, rules: BpfProgram) -> BpfProgram {
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let errno = |errno: libc::c_int| step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | errno.unsigned_abs());
    let mut whole = rules[..ARCHITECTURE].to_vec();
    whole.push(step(LOAD_NUMBER, 0, 0, 0));
    for (index, (call, way)) in calls.iter().enumerate() {
        // There are some hundred, and a jump reaches 255 steps.
        let past = calls.len() - index - 1 + *way as usize;
        whole.push(step(JUMP_IF_EQUAL, past as u8, 0, *call as u32));
    }
    whole.extend([
        step(JUMP_IF_AT_LEAST, 0, 1, FIRST_UNKNOWN),
        errno(libc::ENOSYS),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
        errno(libc::EPERM),
    ]);
    whole.extend(rules);
    whole
}

/// One program of several, since each costs every call of every program: what one of them would allow is left to the next.
fn in_turn(programs: Vec<BpfProgram>) -> BpfProgram {
    let mut whole = BpfProgram::new();
    let count = programs.len();
    for (number, mut program) in programs.into_iter().enumerate() {
        let length = program.len();
        if number + 1 < count {
            for (at, step) in program.iter_mut().enumerate() {
                if step.code == RETURN && step.k == libc::SECCOMP_RET_ALLOW {
                    // Past the end of this one, counted from the next step. A program has at most 4,096 (BPF_MAXINSNS).
                    step.code = JUMP;
                    step.k = (length - at - 1) as u32;
                }
            }
        }
        whole.append(&mut program);
    }
    whole
}

/// One rule for each bit: they are alternatives.
fn any_bit<const N: usize>(argument: u8, flags: [u64; N]) -> Result<Vec<SeccompRule>, seccompiler::Error> {
    let rules = flags.map(|flag| Ok(SeccompRule::new(vec![bits(argument, flag)?])?));
    rules.into_iter().collect()
}

fn bits(argument: u8, bits: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bits), bits)
}

/// The lower half: the kernel reads no more of these arguments, and a program could fill the upper one.
pub(super) fn is(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

pub(super) fn is_not(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}

pub(super) fn number(value: libc::c_int) -> u64 {
    u64::from(value.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_front_fits_and_begins_with_the_architecture() {
        const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
        for (level, gate) in [(Level::Full, true), (Level::Full, false), (Level::Degraded, true)] {
            let program = SystemCalls::filtered(level, gate).unwrap().0;
            // The architecture's place in `seccomp_data`, and the end of others.
            assert_eq!((program[0].code, program[0].k), (LOAD_NUMBER, 4));
            assert_eq!(
                (program[ARCHITECTURE - 1].code, program[ARCHITECTURE - 1].k),
                (RETURN, KILL)
            );
            let table = program[ARCHITECTURE + 1..]
                .iter()
                .take_while(|step| step.code == JUMP_IF_EQUAL);
            let count = table.clone().count();
            assert!(count > 60 && count < 250, "{count}");
            let is_told = |call| name_of_told(call).is_some();
            let told = table.clone().filter(|entry| is_told(i64::from(entry.k))).count();
            assert_eq!(told, if gate { 0 } else { TOLD.len() });
            for (index, entry) in table.enumerate() {
                let behind = usize::from(entry.jt) + index + 1 - count;
                let call = i64::from(entry.k);
                let expected = match () {
                    () if DENIED.contains(&call) || is_told(call) => Way::Denied,
                    () if MISSING.contains(&call) => Way::Missing,
                    () => Way::Rules,
                };
                assert_eq!(behind, expected as usize, "{call}");
            }
        }
    }
}
