//! The level for machines that deny namespaces.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use tidegate_confine::{Cell, Exit, Level, View};

use crate::project::{Project, helpers, run};

const OK: Exit = Exit::Code(0);

fn start(project: &Project, change: impl FnOnce(&mut tidegate_confine::CellSpec)) -> Cell {
    project.start(|spec| {
        spec.level = Level::Degraded;
        change(spec);
    })
}

#[test]
fn what_is_hidden_can_not_be_opened() {
    let project = Project::new(&[
        ".git/config",
        "lib/.git/HEAD",
        ".env",
        "lib/.env.local",
        ".env.example",
        "certs/a.pem",
        "config/prod",
        "config/other",
        "plain",
        "lib/plain",
        "free/plain",
    ]);
    project.link("config/prod", ".env.linked");
    project.link("/etc/shadow", "out");
    let cell = start(&project, |spec| spec.hide = vec!["*.pem".to_owned()]);
    for hidden in [
        "cat .env",
        "ls .git",
        "cat .git/config",
        "ls lib/.git",
        "cat lib/.git/HEAD",
        "cat lib/.env.local",
        "cat certs/a.pem",
        "cat .env.linked",
        "cat config/prod",
        "cat out",
        "cat lib/../.env",
        "echo x > .env",
        "echo x > .git/new",
        "mv .env other",
        "mv .git other",
        "ln .env other",
        "rm -r .git",
    ] {
        let (exit, output) = project.shell(&cell, hidden);
        assert_ne!(exit, OK, "{hidden}");
        assert!(
            output.contains("ermission denied") || output.contains("annot create"),
            "{hidden}: {output}"
        );
    }
    assert_eq!(
        project.shell(
            &cell,
            "cat .env.example config/other plain lib/plain free/plain; ls free"
        ),
        (OK, ".env.exampleconfig/otherplainlib/plainfree/plainplain\n".to_owned())
    );
    assert!(project.path(".git/config").exists());
}

#[test]
fn writing_is_for_write_folders_and_scratch() {
    let project = Project::new(&["out/x", "out/deep/.env", "out/deep/x", "out/tidegate.toml", "plain"]);
    let cell = start(&project, |spec| {
        spec.write = vec!["out".into(), "new/er".into()];
        spec.read_only = vec!["out/tidegate.toml".into()];
    });
    for refused in [
        "echo x > plain",
        "rm plain",
        "echo x > made",
        "mkdir made",
        "echo x > out/tidegate.toml",
        "rm out/tidegate.toml",
        "mv out/tidegate.toml out/x",
        "echo x > out/deep/.env",
        // Nothing can be made in a folder that holds something hidden or read-only: the right would hold for that, too.
        "echo x > out/made",
        "mv out elsewhere",
        "mv out/deep elsewhere",
        "mv out/deep/.env out/deep/x",
        "ln out/deep/.env new/er/x",
        "truncate -s 0 plain",
        "echo x > /tmp/tidegate-degraded",
    ] {
        assert_ne!(project.shell(&cell, refused).0, OK, "{refused}");
    }
    let allowed = "echo 1 > out/x && echo 2 > out/deep/x && echo 3 > new/er/made && echo 4 > $HOME/made && \
        mkdir new/er/a new/er/b && echo 5 > new/er/a/x && mv new/er/a/x new/er/b && mv $HOME/made new/er/from-home && cat new/er/b/x";
    assert_eq!(project.shell(&cell, allowed), (OK, "5\n".to_owned()));
    for (path, content) in [
        ("out/x", "1\n"),
        ("out/deep/x", "2\n"),
        ("new/er/made", "3\n"),
        ("new/er/from-home", "4\n"),
        ("plain", "plain"),
        ("out/tidegate.toml", "out/tidegate.toml"),
        ("out/deep/.env", "out/deep/.env"),
    ] {
        assert_eq!(fs::read_to_string(project.path(path)).unwrap(), content, "{path}");
    }
}

#[test]
fn the_rest_of_the_host_can_not_be_opened() {
    let other = Project::new(&["shared/file", "secret"]);
    let project = Project::new(&[]);
    let cell = start(&project, |spec| spec.read = vec![other.path("shared")]);
    let (shared, secret) = (other.path("shared"), other.path("secret"));
    let reads = [
        format!("cat {}", secret.display()),
        format!("ls {}", other.workspace.path().display()),
        format!("echo x > {}/file", shared.display()),
        "ls /".to_owned(),
        "ls /tmp".to_owned(),
        "ls /proc".to_owned(),
        "cat /proc/self/environ".to_owned(),
        format!("cat /proc/{}/cmdline", std::process::id()),
        "ls /dev/shm".to_owned(),
        "cat /etc/shells".to_owned(),
    ];
    for read in reads {
        assert_ne!(project.shell(&cell, &read).0, OK, "{read}");
    }
    let (exit, output) = project.shell(&cell, &format!("cat {}/file; echo x > /dev/null", shared.display()));
    assert_eq!((exit, output.as_str()), (OK, "shared/file"));
}

/// A granted folder around the workspace shows no more of it.
#[test]
fn a_granted_folder_around_the_workspace_does_not_uncover_it() {
    let outer = Project::new(&["beside", "project/.env", "project/file", "project/lib/file"]);
    let mut spec = outer.spec();
    spec.level = Level::Degraded;
    spec.workspace = outer.path("project");
    spec.read = vec![outer.workspace.path().to_owned()];
    let cell = Cell::start(&helpers(), &spec).unwrap();
    let mut command = outer.command("/bin/sh", &["-c", "cat ../beside file lib/file; cat .env && echo seen"]);
    command.cwd = spec.workspace.clone();
    let (exit, output) = run(&cell, command);
    assert_ne!(exit, OK);
    assert!(output.starts_with("besideproject/fileproject/lib/file"), "{output}");
    assert!(!output.contains("seen") && !output.contains("project/.env"), "{output}");
}

fn read(view: &View, path: impl AsRef<Path>) -> Result<String, ErrorKind> {
    let mut text = String::new();
    let mut file = view.open(path.as_ref()).map_err(|error| error.kind())?;
    file.read_to_string(&mut text).unwrap();
    Ok(text)
}

#[test]
fn the_view_refuses_what_is_hidden_by_the_name_it_has_now() {
    let project = Project::new(&[
        ".env",
        ".git/config",
        "lib/keys/a",
        "config/prod",
        "plain",
        "out/x",
        "out/tidegate.toml",
    ]);
    project.link("../.env", "lib/link");
    project.link("../.git", "lib/repository");
    project.link(project.path(".env"), "absolute");
    project.link("config/prod", ".env.linked");
    project.link("tidegate.toml", "out/manifest");
    let mut spec = project.spec();
    spec.level = Level::Degraded;
    spec.hide = vec!["keys/".to_owned()];
    spec.write = vec!["out".into()];
    spec.read_only = vec!["out/tidegate.toml".into()];
    let view = View::build(&helpers(), &spec).unwrap();
    fs::create_dir(project.path("late")).unwrap();
    fs::write(project.path("late/.env"), "late").unwrap();
    for hidden in [
        ".env",
        ".git/config",
        "lib/keys/a",
        "lib/link",
        "lib/repository/config",
        "absolute",
        ".env.linked",
        "config/prod",
        "late/.env",
    ] {
        assert_eq!(read(&view, hidden), Err(ErrorKind::PermissionDenied), "{hidden}");
        assert!(view.open_dir_or_file(Path::new(hidden)).is_err(), "{hidden}");
    }
    assert_eq!(read(&view, "plain").unwrap(), "plain");
    assert_eq!(read(&view, "out/x").unwrap(), "out/x");
    view.create(Path::new("out/deep/new"))
        .unwrap()
        .write_all(b"new")
        .unwrap();
    assert_eq!(fs::read_to_string(project.path("out/deep/new")).unwrap(), "new");
    for refused in [
        "plain",
        "out/.env",
        "out/.git/config",
        "out/tidegate.toml",
        "out/manifest",
    ] {
        let error = view.create(Path::new(refused)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{refused}");
    }
    assert!(!project.path("out/.git").exists() && !project.path("out/.env").exists());
    assert_eq!(
        fs::read_to_string(project.path("out/tidegate.toml")).unwrap(),
        "out/tidegate.toml"
    );
}

#[test]
fn the_view_hands_out_folders_that_hold_nothing_hidden() {
    let project = Project::new(&[
        "free/x",
        "mixed/.env",
        "mixed/free/x",
        "out/x",
        "build/.env",
        "build/free/x",
    ]);
    let mut spec = project.spec();
    let names = |folders: &[(std::path::PathBuf, std::os::fd::OwnedFd)]| {
        let mut names: Vec<_> = folders.iter().map(|(path, _)| path.display().to_string()).collect();
        names.sort();
        names
    };
    spec.write = vec!["out".into(), "build".into()];
    let full = View::build(&helpers(), &spec).unwrap();
    assert_eq!(names(full.readable()), [""]);
    assert_eq!(names(full.writable()), ["build", "out"]);
    spec.level = Level::Degraded;
    let degraded = View::build(&helpers(), &spec).unwrap();
    assert_eq!(names(degraded.readable()), ["build/free", "free", "mixed/free", "out"]);
    assert_eq!(names(degraded.writable()), ["build/free", "out"]);
}

/// By these packets would go elsewhere than the address says that the gate has looked at.
#[test]
fn no_option_of_a_socket_leads_packets_elsewhere() {
    let script = "import errno, socket\n\
        six, four = socket.socket(socket.AF_INET6), socket.socket()\n\
        for s, level, option in [(six, 41, 57), (six, 41, 5), (six, 41, 50), (four, 0, 4), (four, 1, 25), (four, 1, 62), (four, 6, 30)]:\n\
        \x20   try: s.setsockopt(level, option, b'\\0' * 8); print('set')\n\
        \x20   except OSError as error: print(errno.errorcode[error.errno])\n\
        four.setsockopt(6, 1, 1); four.setsockopt(1, 9, 1); print('others are set')";
    let project = Project::new(&[]);
    let cell = project.start(|spec| spec.level = Level::Degraded);
    let (_, output) = run(&cell, project.command("/usr/bin/python3", &["-c", script]));
    assert_eq!(output, "EACCES\n".repeat(7) + "others are set\n");
}
