use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use tidegate_confine::Exit;

use crate::project::{Project, run};

const OK: Exit = Exit::Code(0);

#[test]
fn programs_are_nobody_of_this_machine() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let (exit, output) = project.shell(
        &cell,
        "id -un && id -u && id -g && hostname && echo ~ && cat /etc/hostname",
    );
    let home = project.spec().home();
    assert_eq!(
        (exit, output),
        (
            OK,
            format!("tidegate\n1000\n1000\ntidegate\n{}\ntidegate\n", home.display())
        )
    );
}

#[test]
fn the_environment_is_exactly_what_was_given() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let mut command = project.command("/usr/bin/env", &[]);
    command.env = vec![("ONLY".into(), "this".into())];
    assert_eq!(run(&cell, command), (OK, "ONLY=this\n".to_owned()));
    let (_, first) = project.shell(&cell, "cat /proc/1/environ");
    assert!(first.contains("Permission denied"), "{first}");
}

#[test]
fn no_privileges_are_left() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let (_, output) = project.shell(
        &cell,
        "grep -E '^(Cap|NoNewPrivs|SigBlk)' /proc/self/status; ulimit -c; ulimit -Hc",
    );
    let values: Vec<_> = output.split_whitespace().filter(|word| !word.ends_with(':')).collect();
    let none = "0000000000000000";
    assert_eq!(values, [none, none, none, none, none, none, "1", "0", "0"]);
    // A broken pipe ends a program, as everywhere.
    let (_, output) = project.shell(&cell, "(yes; echo $? >&2) | head -n 1");
    assert!(output.contains("141\n"), "{output}");
    let (exit, output) = project.shell(&cell, "unshare -U true");
    assert_ne!(exit, OK, "{output}");
}

#[test]
fn settings_of_the_kernel_can_not_be_changed() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    for file in [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sysrq-trigger",
        "/proc/self/oom_score_adj",
    ] {
        let (exit, output) = project.shell(&cell, &format!("echo 1 > {file}"));
        assert_ne!(exit, OK, "{file}: {output}");
    }
    let (exit, _) = project.shell(
        &cell,
        "mount -t tmpfs none /tmp || umount /proc || mount -o remount,rw /usr",
    );
    assert_ne!(exit, OK);
}

#[test]
fn only_the_own_processes_are_visible() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let other = cell.spawn(project.command("/bin/sleep", &["60"])).unwrap();
    let (exit, output) = project.shell(&cell, "echo /proc/[0-9]*; kill -9 -1 2>/dev/null || exit 0");
    assert_eq!(output, "/proc/1 /proc/2\n");
    assert_eq!(exit, OK);
    assert_eq!(other.try_wait(), None);
}

#[test]
fn no_descriptor_is_inherited() {
    // As careless code has it: open across `exec`.
    let leaked = std::fs::File::open("/etc/passwd").unwrap();
    fcntl(&leaked, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    // The fourth is the listing's own.
    let (exit, output) = project.shell(&cell, "ls /proc/self/fd");
    assert_eq!((exit, output.as_str()), (OK, "0\n1\n2\n3\n"));
}

/// Keys of file systems and Kerberos tickets stand there, and namespaces don't keep them from children.
#[test]
fn keys_of_the_session_can_not_be_read() {
    let Some(key) = add_session_key() else {
        eprintln!("skipped: this machine lets nobody use keyrings");
        return;
    };
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let script = format!(
        "import ctypes; print(ctypes.CDLL(None).syscall({}, {}, {key}, None, 0))",
        libc::SYS_keyctl,
        libc::KEYCTL_READ
    );
    let (exit, output) = crate::project::run(&cell, project.command("/usr/bin/python3", &["-c", &script]));
    assert_eq!((exit, output.as_str()), (OK, "-1\n"));
}

#[expect(unsafe_code, reason = "no safe interface offers keyrings")]
fn add_session_key() -> Option<i64> {
    // SAFETY: the kernel reads C strings and one byte that outlive the calls. The keyring is this thread's alone.
    let key = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            libc::KEYCTL_JOIN_SESSION_KEYRING,
            std::ptr::null::<u8>(),
        );
        libc::syscall(
            libc::SYS_add_key,
            c"user".as_ptr(),
            c"tidegate-test-key".as_ptr(),
            c"x".as_ptr(),
            1,
            libc::KEY_SPEC_SESSION_KEYRING,
        )
    };
    (key > 0).then_some(key)
}
