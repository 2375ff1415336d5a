//! The same as an ordinary user. Run as root this starts `confine` as one; run as an ordinary user every other test is that.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;

use crate::project::{HELPER, Project};

const NOBODY: u32 = 65_534;

#[test]
fn an_ordinary_user_gets_the_same_cell() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: these tests run as an ordinary user already");
        return;
    }
    let project = Project::new(&["file", ".env", "private/.git/config", "out/x"]);
    // The target folder may be out of that user's reach.
    let helper = project.scratch.path().join("confine");
    fs::copy(HELPER, &helper).unwrap();
    for folder in [project.workspace.path(), project.scratch.path()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    for path in [
        "file",
        ".env",
        "private",
        "private/.git",
        "private/.git/config",
        "out",
        "out/x",
    ] {
        chown(project.path(path), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    fs::set_permissions(project.path("private"), fs::Permissions::from_mode(0o700)).unwrap();
    let script = "set -e; id -u; id -un; cat .env; ls -A private/.git; echo 1 > out/made; echo 2 > lost; rm file; mkdir new; rmdir new;\n\
        mkdir d1; touch d1/x; mv d1 d2; cat lost out/made; grep NoNewPrivs /proc/self/status; ls /proc | grep -c '^[0-9]'; test ! -e /root";
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&helper)
        .args(["--write", "out", "--", "/bin/sh", "-c", script])
        .env_clear()
        .env("TMPDIR", project.scratch.path())
        .env("PATH", "/usr/bin:/bin")
        .current_dir(project.workspace.path())
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(
        (stdout.as_ref(), stderr.as_ref(), output.status.code()),
        ("1000\ntidegate\n2\n1\nNoNewPrivs:\t1\n4\n", "", Some(0))
    );
    assert_eq!(fs::metadata(project.path("out/made")).unwrap().uid(), NOBODY);
    assert!(project.path("file").exists());
    assert!(!project.path("lost").exists());
}

#[test]
fn an_ordinary_user_gets_the_same_degraded_cell() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: these tests run as an ordinary user already");
        return;
    }
    let project = Project::new(&["file", ".env", "out/x", "lib/.git/config", "lib/file"]);
    let helper = project.scratch.path().join("confine");
    fs::copy(HELPER, &helper).unwrap();
    for folder in [project.workspace.path(), project.scratch.path()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    for path in [
        "file",
        ".env",
        "out",
        "out/x",
        "lib",
        "lib/.git",
        "lib/.git/config",
        "lib/file",
    ] {
        chown(project.path(path), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let host = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = host.local_addr().unwrap().port();
    let script = format!(
        "import os, socket\n\
        print(os.getuid(), sorted(os.listdir('.')), sorted(os.listdir('lib')))\n\
        for path in ('.env', 'lib/.git/config', '/proc/1/environ', '/etc/shadow'):\n\
        \x20   try: open(path); print('opened')\n\
        \x20   except PermissionError: pass\n\
        for path in ('file', 'new'):\n\
        \x20   try: open(path, 'w'); print('written')\n\
        \x20   except PermissionError: pass\n\
        open('out/made', 'w').close(); print(open('lib/file').read())\n\
        own = socket.create_server(('127.0.0.1', 0)); socket.create_connection(own.getsockname()).close()\n\
        try: socket.create_connection(('127.0.0.1', {})); print('connected')\n\
        except ConnectionRefusedError: print('refused')",
        port
    );
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&helper)
        .args(["--degraded", "--write", "out", "--", "/usr/bin/python3", "-c", &script])
        .env_clear()
        .env("TMPDIR", project.scratch.path())
        .env("PATH", "/usr/bin:/bin")
        .current_dir(project.workspace.path())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!("confine: host-loopback:{port} is not granted\n")
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "65534 ['.env', 'file', 'lib', 'out'] ['.git', 'file']\nlib/file\nrefused\n"
    );
    assert_eq!(fs::metadata(project.path("out/made")).unwrap().uid(), NOBODY);
}

/// As in a container that an ordinary user started.
#[test]
fn root_of_a_user_namespace_gets_the_same_cell() {
    let project = Project::new(&["file"]);
    let output = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            HELPER,
            "--",
            "/bin/sh",
            "-c",
            "id -un; cat file",
        ])
        .env_clear()
        .env("TMPDIR", project.scratch.path())
        .env("PATH", "/usr/bin:/bin")
        .current_dir(project.workspace.path())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "confine: note: PROGRAM runs with root's id, since no other can be given: \
         can't map ids: Operation not permitted (os error 1)\n"
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), "tidegate\nfile");
}
