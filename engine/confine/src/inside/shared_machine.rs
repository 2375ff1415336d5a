//! Calls to the kernel that only namespaces make harmless: they reach other processes of the same user, or send where no filter
//! sees it. At the degraded level they fail.

use std::collections::BTreeMap;

use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

use super::system_calls::{Rules, TYPE, is, is_not, number};

/// Shared memory, semaphores and queues belong to a user and have names that can be guessed.
const SHARED: [i64; 13] = [
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
];

/// With another process in the first argument they change how it runs.
const SCHEDULING: [i64; 4] = [
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
];

/// Each with the kind of its first argument that means all processes of a user.
const PRIORITIES: [(i64, libc::c_int); 2] = [
    (libc::SYS_setpriority, libc::PRIO_USER as libc::c_int),
    // IOPRIO_WHO_USER.
    (libc::SYS_ioprio_set, 3),
];

/// Options, with their levels, by which packets go elsewhere than the address says, or before anybody connects.
const ROUTES: [(libc::c_int, libc::c_int); 16] = [
    (libc::SOL_SOCKET, libc::SO_BINDTODEVICE),
    // SO_BINDTOIFINDEX.
    (libc::SOL_SOCKET, 62),
    (libc::SOL_SOCKET, libc::SO_MARK),
    (libc::IPPROTO_IP, libc::IP_OPTIONS),
    // IP_UNICAST_IF.
    (libc::IPPROTO_IP, 50),
    (libc::IPPROTO_IP, libc::IP_TRANSPARENT),
    (libc::IPPROTO_IP, libc::IP_PKTINFO),
    // IPV6_2292RTHDR and IPV6_2292PKTOPTIONS.
    (libc::IPPROTO_IPV6, 5),
    (libc::IPPROTO_IPV6, 6),
    (libc::IPPROTO_IPV6, libc::IPV6_HOPOPTS),
    (libc::IPPROTO_IPV6, libc::IPV6_RTHDRDSTOPTS),
    (libc::IPPROTO_IPV6, libc::IPV6_RTHDR),
    (libc::IPPROTO_IPV6, libc::IPV6_DSTOPTS),
    (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO),
    // IPV6_UNICAST_IF.
    (libc::IPPROTO_IPV6, 76),
    // TCP_FASTOPEN_CONNECT.
    (libc::IPPROTO_TCP, 30),
];

pub(super) fn rules() -> Result<Rules, seccompiler::Error> {
    let mut rules: Rules = SHARED.iter().map(|call| (*call, Vec::new())).collect();
    for call in SCHEDULING {
        rules.insert(call, vec![SeccompRule::new(vec![is_not(0, 0)?])?]);
    }
    for (call, user) in PRIORITIES {
        let other = SeccompRule::new(vec![is_not(1, 0)?])?;
        let all = SeccompRule::new(vec![is(0, number(user))?])?;
        rules.insert(call, vec![other, all]);
    }
    // A limit of no processor time is a kill. Asking, which needs no new limit, is not.
    let limits = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
    rules.insert(
        libc::SYS_prlimit64,
        vec![SeccompRule::new(vec![is_not(0, 0)?, limits])?],
    );
    let routes = ROUTES.map(|(level, option)| SeccompRule::new(vec![is(1, number(level))?, is(2, number(option))?]));
    rules.insert(libc::SYS_setsockopt, routes.into_iter().collect::<Result<_, _>>()?);
    rules.extend(datagrams()?);
    Ok(rules)
}

/// Only sockets that are connected before they send: to each datagram another address may be given.
fn datagrams() -> Result<Rules, seccompiler::Error> {
    let streams = [libc::SOCK_STREAM];
    let local = [libc::SOCK_STREAM, libc::SOCK_SEQPACKET];
    let mut sockets = Vec::new();
    for (family, allowed) in [
        (libc::AF_INET, &streams[..]),
        (libc::AF_INET6, &streams),
        (libc::AF_UNIX, &local),
    ] {
        for kind in (0..=TYPE).filter(|kind| !allowed.iter().any(|allowed| number(*allowed) == *kind)) {
            let kind = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(TYPE), kind)?;
            sockets.push(SeccompRule::new(vec![is(0, number(family))?, kind])?);
        }
    }
    let pairs = sockets.clone();
    Ok(BTreeMap::from([
        (libc::SYS_socket, sockets),
        (libc::SYS_socketpair, pairs),
    ]))
}
