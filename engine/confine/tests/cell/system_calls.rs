//! Calls to the kernel that no build, test or deployment needs.

use std::collections::BTreeMap;

use tidegate_confine::{Exit, Level};

use crate::project::{Project, run};

/// Python makes each call and prints its name and the number of its error, 0 for none. A call that forks or changes the process
/// is made in a child.
const SCRIPT: &str = r#"
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
path = os.path.join(os.getcwd(), 'made').encode()
open(path, 'w').close()
def call(name, number, *arguments):
    child = os.fork()
    if child == 0:
        result = libc.syscall(ctypes.c_long(number), *[a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments])
        print(name, ctypes.get_errno() if result == -1 else 0, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"#;

struct Call {
    name: &'static str,
    number: i64,
    arguments: &'static str,
    errno: i32,
}

const fn call(name: &'static str, number: i64, arguments: &'static str, errno: i32) -> Call {
    Call {
        name,
        number,
        arguments,
        errno,
    }
}

/// Without the filter each has another result, as root and as an ordinary user, and none does harm.
const FILTERED: &[Call] = &[
    call("ptrace", libc::SYS_ptrace, "0, 0, 0, 0", libc::EPERM),
    call(
        "process_vm_readv",
        libc::SYS_process_vm_readv,
        "os.getpid(), 0, 0, 0, 0, 0",
        libc::EPERM,
    ),
    call("kcmp", libc::SYS_kcmp, "os.getpid(), os.getpid(), 0, 0, 0", libc::EPERM),
    call("setns", libc::SYS_setns, "-1, 0", libc::EPERM),
    call("open_tree", libc::SYS_open_tree, "-100, b'/', 0", libc::EPERM),
    call("keyctl", libc::SYS_keyctl, "0, -2, 1", libc::EPERM),
    call("add_key", libc::SYS_add_key, "b'user', b'x', b'y', 1, -2", libc::EPERM),
    call(
        "request_key",
        libc::SYS_request_key,
        "b'user', b'nothing', 0, 0",
        libc::EPERM,
    ),
    call(
        "perf_event_open",
        libc::SYS_perf_event_open,
        "0, 0, -1, -1, 0",
        libc::EPERM,
    ),
    call(
        "clone with a user namespace",
        libc::SYS_clone,
        "0x10000011, 0, 0, 0, 0",
        libc::EPERM,
    ),
    call("personality", libc::SYS_personality, "0x0400000", libc::EPERM),
    call(
        "set-user-id by chmod",
        libc::SYS_fchmodat,
        "-100, path, 0o4755",
        libc::EPERM,
    ),
    call(
        "set-group-id by chmod",
        libc::SYS_fchmodat,
        "-100, path, 0o2755",
        libc::EPERM,
    ),
    call(
        "set-user-id by open",
        libc::SYS_openat,
        "-100, path + b'2', 0o102, 0o4755",
        libc::EPERM,
    ),
    call(
        "set-user-id by a file without a name",
        libc::SYS_openat,
        "-100, b'.', 0o20200002, 0o4755",
        libc::EPERM,
    ),
    call(
        "set-group-id by mkdir",
        libc::SYS_mkdirat,
        "-100, path + b'3', 0o2755",
        libc::EPERM,
    ),
    call(
        "typing into the terminal",
        libc::SYS_ioctl,
        "0, 0x5412, b'x'",
        libc::EPERM,
    ),
    call(
        "typing, upper half set",
        libc::SYS_ioctl,
        "0, 0x100005412, b'x'",
        libc::EPERM,
    ),
    call("clone3", libc::SYS_clone3, "0, 0", libc::ENOSYS),
    call("io_uring_setup", libc::SYS_io_uring_setup, "1, 0", libc::ENOSYS),
    call("memfd_create", libc::SYS_memfd_create, "b'x', 0", libc::ENOSYS),
    call("openat2", libc::SYS_openat2, "-100, b'/', 0, 0", libc::ENOSYS),
    call(
        "a netlink socket for audit",
        libc::SYS_socket,
        "16, 3, 9",
        libc::EPROTONOSUPPORT,
    ),
    call(
        "a netlink socket for netfilter",
        libc::SYS_socket,
        "16, 3, 12",
        libc::EPROTONOSUPPORT,
    ),
    call("multipath TCP", libc::SYS_socket, "2, 1, 262", libc::EPROTONOSUPPORT),
    call(
        "multipath TCP on IPv6",
        libc::SYS_socket,
        "10, 1, 262",
        libc::EPROTONOSUPPORT,
    ),
    call("UDP-Lite", libc::SYS_socket, "2, 2, 136", libc::EPROTONOSUPPORT),
    call(
        "fast open",
        libc::SYS_sendto,
        "0, b'x', 1, 0x20000000, 0, 0",
        libc::EPERM,
    ),
];

/// These fail the same way on some machines without the filter: the kernel lacks them, or the user may not. They are never made
/// outside of a full Cell.
const ALSO_FILTERED: &[Call] = &[
    call("bpf", libc::SYS_bpf, "-1, 0, 0", libc::EPERM),
    call("adjtimex", libc::SYS_adjtimex, "0", libc::EPERM),
    call("unshare", libc::SYS_unshare, "0x10000000", libc::EPERM),
    call("mount", libc::SYS_mount, "b'x', b'/nowhere', b'x', 0, 0", libc::EPERM),
    call("userfaultfd", libc::SYS_userfaultfd, "0", libc::EPERM),
    call("pidfd_getfd", libc::SYS_pidfd_getfd, "-1, 0, 0", libc::EPERM),
    call("a packet socket", libc::SYS_socket, "17, 3, 0", libc::EAFNOSUPPORT),
    call(
        "a socket of the kernel's cryptography",
        libc::SYS_socket,
        "38, 5, 0",
        libc::EAFNOSUPPORT,
    ),
    call(
        "a socket to the virtual machine's host",
        libc::SYS_socket,
        "40, 1, 0",
        libc::EAFNOSUPPORT,
    ),
    call("a raw socket", libc::SYS_socket, "2, 3, 6", libc::EPROTONOSUPPORT),
    call(
        "a packet socket, the old way",
        libc::SYS_socket,
        "2, 10, 0",
        libc::EPROTONOSUPPORT,
    ),
    call(
        "SCTP without naming it",
        libc::SYS_socket,
        "2, 5, 0",
        libc::EPROTONOSUPPORT,
    ),
    call("open_tree_attr", 467, "-100, b'/', 1, 0, 0", libc::ENOSYS),
    call("a ping socket", libc::SYS_socket, "2, 2, 1", libc::EPROTONOSUPPORT),
    call("SCTP", libc::SYS_socket, "2, 1, 132", libc::EPROTONOSUPPORT),
    call("a call that nobody knows", 5_000, "0", libc::ENOSYS),
];

fn results(level: Level, calls: &[&[Call]]) -> BTreeMap<String, i32> {
    let project = Project::new(&[]);
    let cell = project.start(|spec| {
        spec.level = level;
        spec.write = vec![".".into()];
    });
    let mut script = SCRIPT.to_owned();
    for call in calls.iter().copied().flatten() {
        script.push_str(&format!("call({:?}, {}, {})\n", call.name, call.number, call.arguments));
    }
    let (exit, output) = run(&cell, project.command("/usr/bin/python3", &["-c", &script]));
    assert_eq!(exit, Exit::Code(0), "{output}");
    let results = output.lines().map(|line| {
        let (name, errno) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), errno.parse().unwrap())
    });
    results.collect()
}

#[test]
fn they_fail_and_nothing_is_killed() {
    let confined = results(Level::Full, &[FILTERED, ALSO_FILTERED]);
    for call in FILTERED.iter().chain(ALSO_FILTERED) {
        assert_eq!(confined.get(call.name), Some(&call.errno), "{}", call.name);
    }
}

#[test]
fn without_the_filter_they_would_do_something_else() {
    let plain = results(Level::Unconfined, &[FILTERED]);
    for call in FILTERED {
        let result = plain.get(call.name);
        assert!(
            result.is_some_and(|errno| *errno != call.errno),
            "{}: {result:?}",
            call.name
        );
    }
}

/// Of the calls that the engine is told of, and of one that it is not, by another thread and again and again; nothing waits.
#[test]
fn what_somebody_may_miss_is_told() {
    let told = [
        ("ptrace", libc::SYS_ptrace),
        ("process_vm_readv", libc::SYS_process_vm_readv),
        ("process_vm_writev", libc::SYS_process_vm_writev),
        ("perf_event_open", libc::SYS_perf_event_open),
        ("unshare", libc::SYS_unshare),
        ("setns", libc::SYS_setns),
        ("mount", libc::SYS_mount),
        ("umount2", libc::SYS_umount2),
        ("pivot_root", libc::SYS_pivot_root),
        ("chroot", libc::SYS_chroot),
        ("add_key", libc::SYS_add_key),
        ("keyctl", libc::SYS_keyctl),
    ];
    let numbers = told.map(|(_, number)| number);
    let script = format!(
        "import ctypes, threading\n\
        libc = ctypes.CDLL(None, use_errno=True)\n\
        def call(number):\n\
        \x20   assert libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6) == -1\n\
        \x20   assert ctypes.get_errno() == 1, (number, ctypes.get_errno())\n\
        def all():\n\
        \x20   for number in {numbers:?} * 20 + [{}]: call(number)\n\
        thread = threading.Thread(target=all); thread.start(); all(); thread.join()\n\
        print('denied')",
        libc::SYS_kcmp
    );
    let mut expected = told.map(|(name, _)| name);
    expected.sort_unstable();
    for level in [Level::Full, Level::Degraded] {
        let project = Project::new(&[]);
        let cell = project.start(|spec| spec.level = level);
        let mut command = project.command("/usr/bin/python3", &["-c", &script]);
        let (reader, writer) = std::io::pipe().unwrap();
        command.stdout = tidegate_confine::Stdio::Fd(writer.into());
        let child = cell.spawn(command).unwrap();
        assert_eq!(std::io::read_to_string(reader).unwrap(), "denied\n", "{level:?}");
        assert_eq!(child.wait(), Exit::Code(0));
        let mut told = child.denied_calls();
        told.sort_unstable();
        assert_eq!(told, expected, "{level:?}");
    }
}

/// They have no file, so no mount hides them; they belong to a network.
#[test]
fn abstract_sockets_of_the_host_are_out_of_reach() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};

    let name = format!("tidegate-test-{}", std::process::id());
    let _listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let script =
        format!("import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0{name}')\nprint('connected')");
    let project = Project::new(&[]);
    for (level, expected) in [
        (Level::Full, "ConnectionRefusedError"),
        (Level::Unconfined, "connected"),
    ] {
        let cell = project.start(|spec| spec.level = level);
        let (_, output) = run(&cell, project.command("/usr/bin/python3", &["-c", &script]));
        assert!(output.contains(expected), "{level:?}: {output}");
    }
}

#[test]
fn what_test_suites_do_goes_on_working() {
    let script = "import multiprocessing, socket, sqlite3, tempfile, threading, os, shutil, subprocess, mmap\n\
        from multiprocessing import shared_memory\n\
        if __name__ == '__main__':\n\
        \x20   with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]\n\
        \x20   memory = shared_memory.SharedMemory(create=True, size=10); memory.close(); memory.unlink()\n\
        \x20   thread = threading.Thread(target=os.getpid); thread.start(); thread.join()\n\
        \x20   socket.getaddrinfo('localhost', 80); socket.if_nameindex()\n\
        \x20   one, two = socket.socketpair(); one.send(b'x'); assert two.recv(1) == b'x'\n\
        \x20   socket.create_server(('127.0.0.1', 0)).close(); socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()\n\
        \x20   os.mkdir('a'); os.mkdir('b'); open('a/x', 'w').close(); os.rename('a/x', 'b/x'); os.link('b/x', 'a/y')\n\
        \x20   os.chmod('b/x', 0o755); os.symlink('x', 'b/l'); shutil.copytree('b', 'c'); os.truncate('b/x', 0)\n\
        \x20   open('/dev/null', 'w').close(); mmap.mmap(-1, 10).close()\n\
        \x20   sqlite3.connect(tempfile.mktemp()).execute('create table t (x)')\n\
        \x20   subprocess.run(['sh', '-c', 'sleep 0 & wait'], check=True)\n\
        \x20   print('all of it')\n";
    let project = Project::new(&["suite.py"]);
    std::fs::write(project.path("suite.py"), script).unwrap();
    let cell = project.start(|_| {});
    let result = run(&cell, project.command("/usr/bin/python3", &["suite.py"]));
    assert_eq!(result, (Exit::Code(0), "all of it\n".to_owned()));
}
