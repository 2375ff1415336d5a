//! Whose id programs have on the host when the engine is root, and to whom files belong.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command as HostCommand;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use tidegate_confine::{Cell, Exit, Ids, View};

use crate::project::{HELPER, Project, eventually, helpers, marker, run};

const OK: Exit = Exit::Code(0);
const OWNER: u32 = 1_234;
const THIRD: u32 = 4_321;

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root gives programs another id");
    }
    is_root
}

fn give(path: impl AsRef<Path>, owner: u32, mode: u32) {
    let path = path.as_ref();
    chown(path, Some(owner), Some(owner)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Everything below a folder, with its owner, group and mode.
fn listing(folder: &Path) -> BTreeMap<PathBuf, (u32, u32, u32)> {
    let mut found = BTreeMap::new();
    let mut next = vec![folder.to_owned()];
    while let Some(path) = next.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            next.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.insert(path, (metadata.uid(), metadata.gid(), metadata.mode()));
    }
    found
}

/// The fields of a line of /proc/PID/status of the process that has this argument, as the host sees it.
fn status_on_the_host(marker: &str, name: &str) -> Vec<String> {
    let has_marker = |folder: &Path| {
        let arguments = fs::read(folder.join("cmdline")).unwrap_or_default();
        arguments
            .split(|byte| *byte == 0)
            .any(|argument| argument == marker.as_bytes())
    };
    let mut folders = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let folder = folders.find(|folder| has_marker(folder)).unwrap();
    let status = fs::read_to_string(folder.join("status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().skip(1).map(str::to_owned).collect()
}

fn own(cell: &Cell) -> u32 {
    match cell.ids() {
        Ids::Own(id) => *id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_cell_has_an_id_that_is_nobody_s() {
    if !nix::unistd::geteuid().is_root() {
        assert_eq!(Project::new(&[]).start(|_| {}).ids(), &Ids::Engine);
        return;
    }
    let project = Project::new(&["shared/x"]);
    let cells = [(); 2].map(|()| project.start(|spec| spec.write = vec!["shared".into()]));
    for cell in &cells {
        let marker = marker();
        let _child = cell.spawn(project.command("/bin/sleep", &[&marker])).unwrap();
        eventually("the program runs", || crate::project::is_running(&marker));
        let id = own(cell).to_string();
        assert_eq!(status_on_the_host(&marker, "Uid:"), [id.as_str(); 4]);
        assert_eq!(status_on_the_host(&marker, "Gid:"), [id.as_str(); 4]);
        assert_eq!(status_on_the_host(&marker, "Groups:"), [""; 0]);
    }
    let [one, two] = &cells;
    assert_ne!(own(one), own(two));
    // Both are the owner of what both may write.
    assert_eq!(
        project.shell(one, "umask 077; echo one > shared/made"),
        (OK, String::new())
    );
    assert_eq!(
        project.shell(
            two,
            "cat shared/made; echo two > shared/made; stat -c '%u %g' shared/made"
        ),
        (OK, "one\n1000 1000\n".to_owned())
    );
    let made = fs::metadata(project.path("shared/made")).unwrap();
    assert_eq!((made.uid(), made.gid()), (0, 0));
}

#[test]
fn files_belong_to_the_folder_s_owner_and_nothing_is_chowned() {
    if !is_root() {
        return;
    }
    for owner in [0, OWNER] {
        let project = Project::new(&[
            "private",
            "third/secret",
            "third/public",
            "out/private",
            "out/third",
            "other/x",
        ]);
        let every = listing(project.workspace.path());
        every
            .keys()
            .for_each(|path| chown(path, Some(owner), Some(owner)).unwrap());
        give(project.scratch.path(), owner, 0o700);
        give(project.path("private"), owner, 0o600);
        give(project.path("out/private"), owner, 0o600);
        give(project.path("third/secret"), THIRD, 0o600);
        give(project.path("third/public"), THIRD, 0o644);
        give(project.path("out/third"), THIRD, 0o644);
        // A `write` folder may have an owner of its own.
        give(project.path("other"), THIRD, 0o755);
        let before = listing(project.workspace.path());
        let cell = project.start(|spec| spec.write = vec!["out".into(), "new/deep".into(), "other".into()]);

        let script = "set -e; cat private out/private third/public; echo; cat third/secret out/third 2>&1 || true\n\
            stat -c '%u %g' . private out out/private new/deep other\n\
            for place in here out new/deep other; do mkdir -p $place; (cd $place\n\
              echo 1 > a; chmod 640 a; touch -d 2001-01-01 a; mkdir -p d/e; mv a d/b; echo 2 > index.lock\n\
              echo 3 > index; mv index.lock index; cat index; ln index hard; ln -s index soft; rm hard\n\
            ); done\n\
            echo changed > private; cat private; echo changed >> out/private; chmod 600 out/private; touch out/private\n\
            echo x > $HOME/made; echo x > $TMPDIR/made";
        let (exit, output) = project.shell(&cell, script);
        let expected = format!(
            "privateout/privatethird/public\ncat: third/secret: Permission denied\nout/third{}2\n2\n2\n2\nchanged\n",
            "1000 1000\n".repeat(6)
        );
        assert_eq!((exit, output), (OK, expected), "{owner}");
        for denied in [
            "echo x >> third/public",
            "echo x >> out/third",
            "chmod 666 out/third",
            "touch -d 2001-01-01 out/third",
            "chown 0 out/private",
            "cat other/x > /dev/null && echo x >> other/x",
        ] {
            assert_ne!(project.shell(&cell, denied).0, OK, "{denied} ({owner})");
        }
        drop(cell);

        let after = listing(project.workspace.path());
        for (path, was) in &before {
            assert_eq!(after.get(path), Some(was), "{}", path.display());
        }
        for (path, (uid, gid, _)) in after.iter().filter(|(path, _)| !before.contains_key(*path)) {
            let of = if path.starts_with(project.path("other")) {
                THIRD
            } else {
                owner
            };
            assert_eq!((*uid, *gid), (of, of), "{}", path.display());
        }
        assert!(after.contains_key(&project.path("new/deep/d/b")) && !after.contains_key(&project.path("here")));
        assert_eq!(fs::metadata(project.path("out/d/b")).unwrap().mtime(), 978_307_200);
        for (path, (uid, gid, _)) in listing(project.scratch.path()) {
            assert_eq!((uid, gid), (owner, owner), "{}", path.display());
        }
        assert!(project.scratch.path().join("home/made").exists());
    }
}

#[test]
fn granted_paths_are_read_as_by_their_owner() {
    if !is_root() {
        return;
    }
    let granted = Project::new(&[
        "of-root/own",
        "of-root/other",
        "of-other/own",
        "of-other/root",
        "single",
    ]);
    give(granted.path("of-root/own"), 0, 0o600);
    give(granted.path("of-root/other"), THIRD, 0o600);
    give(granted.path("of-other"), THIRD, 0o700);
    give(granted.path("of-other/own"), THIRD, 0o600);
    give(granted.path("of-other/root"), 0, 0o600);
    give(granted.path("single"), 0, 0o600);
    let project = Project::new(&[]);
    let cell = project.start(|spec| {
        spec.read = vec![granted.path("of-root"), granted.path("of-other")];
        spec.for_programs = vec![granted.path("single")];
    });
    for (path, readable) in [
        ("of-root/own", true),
        ("of-root/other", false),
        ("of-other/own", true),
        ("of-other/root", false),
        ("single", true),
    ] {
        let path = granted.path(path).display().to_string();
        assert_eq!(project.shell(&cell, &format!("cat {path}")).0 == OK, readable, "{path}");
        let (exit, output) = project.shell(&cell, &format!("echo x >> {path} || chmod 666 {path} || rm -f {path}"));
        assert_ne!(exit, OK, "{path}: {output}");
    }
}

/// Whoever listens must not take programs for root.
#[test]
fn a_granted_socket_of_root_can_be_reached_and_sees_who_comes() {
    if !is_root() {
        return;
    }
    let host = Project::new(&[]);
    let socket = host.path("socket");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    give(&socket, 0, 0o600);
    let project = Project::new(&[]);
    let cell = project.start(|spec| spec.for_programs = vec![socket.clone()]);
    let code = format!(
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect({:?}); print(s.recv(9))",
        socket.display().to_string()
    );
    let peer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let peer = getsockopt(&stream, PeerCredentials).unwrap();
        stream.write_all(b"hello").unwrap();
        (peer.uid(), peer.gid())
    });
    let (exit, output) = run(&cell, project.command("/usr/bin/python3", &["-c", &code]));
    assert_eq!((exit, output.as_str()), (OK, "b'hello'\n"));
    assert_eq!(peer.join().unwrap(), (own(&cell), own(&cell)));
}

/// As an interpreter in root's home folder, installed with a strict umask.
#[test]
fn a_toolchain_in_a_folder_that_only_root_enters_works() {
    if !is_root() {
        return;
    }
    let home = Project::new(&["root/tool/bin/greet", "root/tool/lib/text"]);
    fs::write(
        home.path("root/tool/bin/greet"),
        format!("#!/bin/sh\ncat {}\n", home.path("root/tool/lib/text").display()),
    )
    .unwrap();
    for (path, mode) in [
        ("root", 0o700),
        ("root/tool", 0o700),
        ("root/tool/bin/greet", 0o700),
        ("root/tool/lib/text", 0o600),
    ] {
        give(home.path(path), 0, mode);
    }
    let project = Project::new(&[]);
    let cell = project.start(|spec| spec.toolchains = vec![home.path("root/tool")]);
    let greet = home.path("root/tool/bin/greet").display().to_string();
    assert_eq!(
        run(&cell, project.command(&greet, &[])),
        (OK, "root/tool/lib/text".to_owned())
    );
}

#[test]
fn a_virtual_environment_in_the_workspace_works() {
    let project = Project::new(&[]);
    let made = HostCommand::new("/usr/bin/python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(project.path(".venv"))
        .status()
        .unwrap();
    assert!(made.success());
    // Both as the engine shows it.
    for toolchain in [false, true] {
        let cell = project.start(|spec| {
            if toolchain {
                spec.toolchains = vec![project.path(".venv")];
            }
        });
        let python = project.path(".venv/bin/python").display().to_string();
        let (exit, output) = run(
            &cell,
            project.command(&python, &["-B", "-c", "import sys; print(sys.prefix)"]),
        );
        assert_eq!((exit, output), (OK, format!("{}\n", project.path(".venv").display())));
    }
}

#[test]
fn sqlite_works_in_the_overlay_and_in_write_folders() {
    if !is_root() {
        return;
    }
    let project = Project::new(&["out/x"]);
    for path in ["", "out", "out/x"] {
        chown(project.path(path), Some(OWNER), Some(OWNER)).unwrap();
    }
    let cell = project.start(|spec| spec.write = vec!["out".into()]);
    let code = "import sqlite3\n\
        for place in ('', 'out/'):\n \
          for mode in ('delete', 'wal'):\n  \
            db = sqlite3.connect(place + mode + '.sqlite3'); db.execute('pragma journal_mode=' + mode)\n  \
            db.execute('create table t (x)'); db.execute('insert into t values (41)'); db.commit()\n  \
            print(db.execute('select x + 1 from t').fetchone()[0]); db.close()\n";
    let (exit, output) = run(&cell, project.command("/usr/bin/python3", &["-c", code]));
    assert_eq!((exit, output.as_str()), (OK, "42\n42\n42\n42\n"));
    assert_eq!(fs::metadata(project.path("out/wal.sqlite3")).unwrap().uid(), OWNER);
}

/// Root's id has none.
#[test]
fn the_kernel_s_limits_for_a_user_hold() {
    if !is_root() {
        return;
    }
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let code = "import os, resource, signal, time\n\
        resource.setrlimit(resource.RLIMIT_NPROC, (20, 20))\n\
        made = []\n\
        try:\n \
          for _ in range(40):\n  \
            pid = os.fork()\n  \
            if pid == 0: time.sleep(20); os._exit(0)\n  \
            made.append(pid)\n\
        except BlockingIOError: print('refused')\n\
        for pid in made: os.kill(pid, signal.SIGKILL)\n\
        print(5 < len(made) < 20)\n";
    let (exit, output) = run(&cell, project.command("/usr/bin/python3", &["-c", code]));
    assert_eq!((exit, output.as_str()), (OK, "refused\nTrue\n"));
}

/// The read-only mount would answer otherwise: here the kernel looks at whose the file is first.
#[test]
fn settings_of_the_kernel_belong_to_somebody_else() {
    if !is_root() {
        return;
    }
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    for file in ["/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory"] {
        let (exit, output) = project.shell(&cell, &format!("cat {file} > /dev/null && echo 1 >> {file}"));
        assert_ne!(exit, OK);
        assert!(output.contains("Permission denied"), "{file}: {output}");
    }
}

#[test]
fn what_the_engine_makes_belongs_to_the_folder_s_owner() {
    if !is_root() {
        return;
    }
    for owner in [0, OWNER] {
        let project = Project::new(&["out/.env", "out/sub/.env", "out/keys/key", "out/tidegate.toml", "out/x"]);
        project.link("keys/key", "out/.env.link");
        project.link(project.path("out/keys/other"), "out/.env.absolute");
        fs::write(project.path("out/keys/other"), "other").unwrap();
        let every = listing(project.workspace.path());
        every
            .keys()
            .for_each(|path| std::os::unix::fs::lchown(path, Some(owner), Some(owner)).unwrap());
        give(project.scratch.path(), owner, 0o700);
        give(project.path("out/x"), owner, 0o600);
        let mut spec = project.spec();
        spec.write = vec!["out".into()];
        spec.read_only = vec!["out/tidegate.toml".into()];
        let cell = Cell::start(&helpers(), &spec).unwrap();
        let view: &View = cell.view();

        let write = |path: &Path| view.create(path).unwrap().write_all(b"made").unwrap();
        write(Path::new("out/a/made"));
        write(Path::new("out/x"));
        write(&project.scratch.path().join("b/made"));
        // As a library does that is given the folder.
        let (_, folder) = &view.writable()[0];
        let folder = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        fs::create_dir(folder.join("c")).unwrap();
        fs::write(folder.join("c/made"), "made").unwrap();
        for made in ["out/a", "out/a/made", "out/x", "out/c", "out/c/made"]
            .map(|path| project.path(path))
            .into_iter()
            .chain(["b", "b/made"].map(|path| project.scratch.path().join(path)))
        {
            let metadata = fs::metadata(&made).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (owner, owner), "{}", made.display());
        }
        // Programs go on with it.
        let (exit, output) = project.shell(
            &cell,
            "cat out/c/made out/x; echo more >> out/a/made; echo > $HOME/../b/made; rm -r out/c",
        );
        assert_eq!((exit, output.as_str()), (OK, "mademade"), "{owner}");
        assert_eq!(fs::read_to_string(folder.join("a/made")).unwrap(), "mademore\n");

        for hidden in [".env", "sub/.env", "keys/key", "keys/other"] {
            assert_eq!(fs::read_to_string(folder.join(hidden)).unwrap(), "", "{hidden}");
            assert!(fs::write(folder.join(hidden), "x").is_err(), "{hidden}");
        }
        assert!(fs::write(folder.join("tidegate.toml"), "x").is_err());
    }
}

#[test]
fn scratch_and_grants_inside_the_workspace_work() {
    let project = Project::new(&["out/x", "scratch/y", "out/tools/z"]);
    for write in [vec!["out".into()], vec![".".into()], Vec::new()] {
        let mut spec = project.spec();
        spec.scratch = project.path("scratch");
        spec.toolchains = vec![project.path("out/tools")];
        let is_real = !write.is_empty();
        spec.write = write;
        let cell = Cell::start(&helpers(), &spec).unwrap();
        let script = "cat scratch/y out/tools/z && echo 1 > scratch/made && echo 2 > out/made && ! touch out/tools/no 2>/dev/null";
        assert_eq!(project.shell(&cell, script), (OK, "scratch/yout/tools/z".to_owned()));
        assert_eq!(fs::read_to_string(project.path("scratch/made")).unwrap(), "1\n");
        assert_eq!(project.path("out/made").exists(), is_real);
        assert!(cell.view().open(Path::new("scratch/made")).is_ok());
        assert!(cell.view().open(Path::new("out/tools/z")).is_ok());
        drop(cell);
        let _ = fs::remove_file(project.path("out/made"));
    }
}

#[test]
fn the_standard_streams_can_be_opened_again() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let (exit, output) = project.shell(
        &cell,
        "echo out > /dev/stdout; echo err > /dev/stderr; cat < /dev/stdin",
    );
    assert_eq!((exit, output.as_str()), (OK, "out\nerr\n"));
}

/// Runs `confine` as root after some mounts that nobody else sees.
fn confine_after(mounts: &str, project: &Project, folder: &str, args: &str) -> (String, String) {
    let output = HostCommand::new("unshare")
        .args(["--mount", "--propagation", "private", "/bin/sh", "-ec"])
        .arg(format!("{mounts}\ncd \"{folder}\"\nexec {HELPER} {args}"))
        .env_clear()
        .env("TMPDIR", project.scratch.path())
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .current_dir(project.workspace.path())
        .output()
        .unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn what_only_root_reads_of_the_system_is_not_read_unless_it_is_granted() {
    if !is_root() {
        return;
    }
    let project = Project::new(&[]);
    let (stdout, stderr) = confine_after(
        "mount -t tmpfs none /usr/local; cd /usr/local; echo open > open; umask 077; echo shut > shut; echo granted > granted; cat shut",
        &project,
        project.workspace.path().to_str().unwrap(),
        "--read /usr/local/granted -- /bin/sh -c 'cat /usr/local/open /usr/local/granted /usr/local/shut'",
    );
    assert_eq!(stdout, "shut\nopen\ngranted\n");
    assert_eq!(stderr, "cat: /usr/local/shut: Permission denied\n");
}

/// As on most machines. A mount on a copy of a shared mount shows on the original.
#[test]
fn shared_mounts_of_the_host_stay_as_they_are() {
    if !is_root() {
        return;
    }
    let project = Project::new(&[".env", "out/sub/.env", "out/tidegate.toml"]);
    let (stdout, stderr) = confine_after(
        "mount --bind . . && cd \"$PWD\" && mount --make-rshared / && cat /proc/self/mountinfo > \"$TMPDIR/before\"\n\
         (while ! test -e out/ready; do sleep 0.01; done; cat /proc/self/mountinfo > out/during; touch out/go) &",
        &project,
        ".",
        "--write out --read-only out/tidegate.toml -- /bin/sh -c 'cat .env; touch out/ready; for i in $(seq 1000); do test -e out/go && exit; sleep 0.01; done'",
    );
    assert_eq!((stdout.as_str(), stderr.as_str()), ("", ""));
    let mounts = fs::read_to_string(project.scratch.path().join("before")).unwrap();
    assert!(mounts.contains("shared:"));
    assert_eq!(fs::read_to_string(project.path("out/during")).unwrap(), mounts);
}

/// As in a container that may do less.
#[test]
fn root_that_may_not_mount_gets_a_cell_and_is_told() {
    if !is_root() {
        return;
    }
    let project = Project::new(&["file"]);
    let output = HostCommand::new("setpriv")
        .args([
            "--bounding-set",
            "-sys_admin",
            HELPER,
            "--",
            "/bin/sh",
            "-c",
            "id -u; cat file",
        ])
        .env_clear()
        .env("TMPDIR", project.scratch.path())
        .env("PATH", "/usr/bin:/bin")
        .current_dir(project.workspace.path())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "confine: note: PROGRAM runs with root's id, since no other can be given: can't bind `{}`: \
             Operation not permitted (os error 1)\n",
            project.workspace.path().display()
        )
    );
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1000\nfile");
}

/// As in a container whose image is an overlay.
#[test]
fn where_ids_can_not_be_mapped_that_is_said_and_everything_else_holds() {
    if !is_root() {
        return;
    }
    let project = Project::new(&["lower/file", "lower/.env", "memory/x", "merged/x"]);
    let (stdout, stderr) = confine_after(
        "mount -t tmpfs none memory; mkdir memory/upper memory/work\n\
         mount -t overlay -o lowerdir=lower,upperdir=memory/upper,workdir=memory/work none merged",
        &project,
        "merged",
        "--write out -- /bin/sh -c 'id -u; cat file .env; echo 1 > out/made; cat out/made; grep CapEff /proc/self/status'",
    );
    assert_eq!(
        stderr,
        format!(
            "confine: note: PROGRAM runs with root's id, since no other can be given: the file system of `{}` can't map ids\n",
            project.path("merged").display()
        )
    );
    assert_eq!(stdout, "1000\nlower/file1\nCapEff:\t0000000000000000\n");
}

#[test]
fn a_workspace_with_another_file_system_inside_is_refused() {
    if !is_root() {
        return;
    }
    let project = Project::new(&["a b/inside/x"]);
    let (stdout, stderr) = confine_after("mount -t tmpfs none 'a b/inside'", &project, "a b", "-- /bin/true");
    assert_eq!(stdout, "");
    assert_eq!(
        stderr,
        format!(
            "confine: another file system is mounted inside the workspace, at `{}`; an overlay can't include it: unmount it, or \
             make it a `read` path outside the workspace\n",
            project.path("a b/inside").display()
        )
    );
    // What is real shows what is there.
    let (stdout, stderr) = confine_after(
        "mount -t tmpfs none 'a b/inside'; echo tmpfs > 'a b/inside/x'",
        &project,
        "a b",
        "--write . -- /bin/cat inside/x",
    );
    assert_eq!((stdout.as_str(), stderr.as_str()), ("tmpfs\n", ""));
}
