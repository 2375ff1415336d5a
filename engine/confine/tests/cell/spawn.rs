use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tidegate_confine::{Command, Exit, SpawnError, Stdio};

use crate::project::Project;

#[test]
fn each_reason_not_to_start_has_its_error() {
    let project = Project::new(&["plain", "script", "binary"]);
    for file in ["script", "binary"] {
        fs::set_permissions(project.path(file), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(project.path("script"), "#!/opt/missing/python\n").unwrap();
    let cell = project.start(|_| {});
    let spawn = |program: &str, cwd: &str| cell.spawn(Command::new(program, cwd)).map(|_| ()).unwrap_err();
    let here = project.workspace.path().to_str().unwrap();
    let inside = |name: &str| project.path(name).display().to_string();

    assert_eq!(
        spawn("/usr/bin/missing", here),
        SpawnError::NotFound("/usr/bin/missing".into())
    );
    assert_eq!(
        spawn(env!("CARGO_BIN_EXE_confine"), here),
        SpawnError::NotFound(env!("CARGO_BIN_EXE_confine").into())
    );
    assert!(matches!(
        spawn(&inside("plain"), here),
        SpawnError::NotExecutable { .. }
    ));
    let SpawnError::NotExecutable { reason, .. } = spawn(&inside("script"), here) else {
        panic!()
    };
    assert_eq!(
        reason,
        "the interpreter or loader that it names does not exist inside the cell"
    );
    assert!(matches!(
        spawn(&inside("binary"), here),
        SpawnError::NotExecutable { .. }
    ));
    assert!(matches!(spawn("/bin/true", "/root"), SpawnError::BadCwd { .. }));
    // The Cell goes on.
    assert_eq!(
        cell.spawn(Command::new("/bin/true", here)).unwrap().wait(),
        Exit::Code(0)
    );
}

#[test]
fn the_descriptor_is_readable_at_the_end_and_not_before() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let (input, mut to_program) = std::io::pipe().unwrap();
    let (mut from_program, output) = std::io::pipe().unwrap();
    let mut command = project.command("/bin/cat", &[]);
    command.stdin = Stdio::Fd(input.into());
    command.stdout = Stdio::Fd(output.into());
    let child = cell.spawn(command).unwrap();
    let is_readable = |milliseconds: u16| {
        poll(
            &mut [PollFd::new(child.as_fd(), PollFlags::POLLIN)],
            PollTimeout::from(milliseconds),
        )
        .unwrap()
            == 1
    };
    to_program.write_all(b"through").unwrap();
    assert!(!is_readable(50));
    assert_eq!(child.try_wait(), None);
    drop(to_program);
    let mut text = String::new();
    from_program.read_to_string(&mut text).unwrap();
    assert_eq!(text, "through");
    assert!(is_readable(10_000));
    assert_eq!(child.try_wait(), Some(Exit::Code(0)));
    assert_eq!(child.wait(), Exit::Code(0));
}

#[test]
fn a_closed_output_is_seen_while_the_program_goes_on() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let (mut from_program, output) = std::io::pipe().unwrap();
    let mut command = project.command("/bin/sh", &["-c", "echo done; exec >&-; sleep 1000"]);
    command.stdout = Stdio::Fd(output.into());
    let child = cell.spawn(command).unwrap();
    let mut text = String::new();
    from_program.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), child.try_wait()), ("done\n", None));
}

#[test]
fn many_commands_at_once_each_get_their_own_answer() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    std::thread::scope(|scope| {
        for code in 0..24 {
            let (project, cell) = (&project, &cell);
            scope.spawn(move || {
                assert_eq!(project.shell(cell, &format!("exit {code}")).0, Exit::Code(code));
            });
        }
    });
}

#[test]
fn orphans_are_reaped_while_the_program_runs() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let script =
        "for i in 1 2 3 4 5; do (sleep 0 &) ; done; sleep 0.3; grep -l '^State:.Z' /proc/[0-9]*/status | wc -l";
    assert_eq!(project.shell(&cell, script), (Exit::Code(0), "0\n".to_owned()));
}

#[test]
fn large_arguments_and_environments_arrive_whole() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let mut command = project.command("/bin/sh", &["-c", "echo ${#BIG} ${#1}", "sh"]);
    command.env.push(("BIG".into(), "x".repeat(100_000).into()));
    command.args.push("y".repeat(120_000).into());
    assert_eq!(
        crate::project::run(&cell, command),
        (Exit::Code(0), "100000 120000\n".to_owned())
    );
}
