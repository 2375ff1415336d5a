use std::fs;
use std::os::unix::fs::MetadataExt;

use tidegate_confine::Exit;

use crate::project::{Project, run};

const OK: Exit = Exit::Code(0);

#[test]
fn secrets_and_repositories_are_hidden_at_any_depth() {
    let project = Project::new(&[
        ".git/config",
        "lib/.git/HEAD",
        "sub/.git",
        ".env",
        "lib/.env.local",
        ".env.example",
        ".tidegate/state.db",
        "certs/a.pem",
        "b.pem",
        "plain",
    ]);
    let cell = project.start(|spec| spec.hide = vec!["certs/".to_owned(), "*.pem".to_owned()]);
    let hidden = "cat .git/config lib/.git/HEAD .tidegate/state.db certs/a.pem 2>/dev/null; cat sub/.git .env lib/.env.local b.pem";
    assert_eq!(project.shell(&cell, hidden), (OK, String::new()));
    assert_eq!(
        project.shell(&cell, "cat .env.example plain"),
        (OK, ".env.exampleplain".to_owned())
    );
    let (exit, _) = project.shell(
        &cell,
        "echo x > .env || echo x > .git/config || rm -rf .git || mv .env other || umount .env",
    );
    assert_ne!(exit, OK);
}

/// A hidden path that went elsewhere would be in full view of the next run.
#[test]
fn what_is_hidden_under_write_folders_stays_where_it_is() {
    let project = Project::new(&[
        "a/b/.env",
        "a/b/file",
        "keys/key",
        "plain/file",
        ".git/config",
        "far/away/key",
    ]);
    project.link("far/away/key", ".env.link");
    let cell = project.start(|spec| {
        spec.write = vec![".".into()];
        spec.hide = vec!["/keys/key".to_owned()];
    });
    for attempt in [
        "mv a/b/.env x",
        "mv a/b c",
        "mv a c",
        "mv keys c",
        "mv far c",
        "mv far/away far/c",
        "mv .git x",
        "rm -rf .git a/b/.env keys",
        "mv plain/file a/b/.env",
    ] {
        // From one mount to another `mv` copies what it sees, and then can't remove the rest.
        assert_ne!(project.shell(&cell, attempt).0, OK, "{attempt}");
    }
    let (exit, output) = project.shell(&cell, "cat a/b/.env keys/key; ls -A .git; mv plain p && cat p/file");
    assert_eq!((exit, output.as_str()), (OK, "plain/file"));
    for kept in ["a/b/.env", "keys/key", ".git/config"] {
        assert_eq!(fs::read_to_string(project.path(kept)).unwrap(), kept);
    }
}

#[test]
fn a_hidden_link_hides_what_it_leads_to_within_the_workspace() {
    let project = Project::new(&["config/prod", "config/other"]);
    project.link("config/prod", ".env");
    project.link(project.path("config/other"), ".env.absolute");
    project.link("/dev/null", ".env.null");
    let cell = project.start(|_| {});
    assert_eq!(
        project.shell(
            &cell,
            "cat .env config/prod .env.absolute config/other; echo x > /dev/null"
        ),
        (OK, String::new())
    );
}

#[test]
fn writes_are_private_shared_by_commands_and_gone_at_the_end() {
    let project = Project::new(&["kept", "folder/inner"]);
    let cell = project.start(|_| {});
    let (exit, output) = project.shell(
        &cell,
        "echo changed > kept && echo new > new && rm -r folder && mkdir folder && touch folder/x",
    );
    assert_eq!((exit, output.as_str()), (OK, ""));
    assert_eq!(
        project.shell(&cell, "cat kept new; ls folder"),
        (OK, "changed\nnew\nx\n".to_owned())
    );
    assert_eq!(fs::read_to_string(project.path("kept")).unwrap(), "kept");
    assert!(!project.path("new").exists());
    assert!(project.path("folder/inner").exists());
    let other = project.start(|_| {});
    assert_eq!(
        project.shell(&other, "cat kept folder/inner"),
        (OK, "keptfolder/inner".to_owned())
    );
}

#[test]
fn write_folders_are_real_and_made_when_missing() {
    let project = Project::new(&["build/old"]);
    let cell = project.start(|spec| spec.write = vec!["build".into(), "deep/new".into()]);
    let (exit, output) = project.shell(
        &cell,
        "echo 1 > build/made && rm build/old && echo 2 > deep/new/made && echo 3 > deep/lost",
    );
    assert_eq!((exit, output.as_str()), (OK, ""));
    drop(cell);
    assert_eq!(fs::read_to_string(project.path("build/made")).unwrap(), "1\n");
    assert!(!project.path("build/old").exists());
    assert!(!project.path("deep/lost").exists());
    let made = fs::metadata(project.path("deep/new/made")).unwrap();
    let own = fs::metadata(project.workspace.path()).unwrap();
    assert_eq!((made.uid(), made.gid()), (own.uid(), own.gid()));
}

#[test]
fn read_only_files_stay_so_where_everything_is_writable() {
    let project = Project::new(&["tidegate.toml", "stages/a.wasm", "free"]);
    let cell = project.start(|spec| {
        spec.write = vec![".".into()];
        spec.read_only = vec!["tidegate.toml".into(), "stages/a.wasm".into(), "missing.lock".into()];
    });
    for attempt in [
        "echo x > tidegate.toml",
        "rm tidegate.toml",
        "mv free tidegate.toml",
        "rm -f stages/a.wasm",
        "mv stages elsewhere",
        "chmod 777 tidegate.toml",
    ] {
        assert_ne!(project.shell(&cell, attempt).0, OK, "{attempt}");
    }
    assert_eq!(
        project.shell(&cell, "echo x > free; cat tidegate.toml"),
        (OK, "tidegate.toml".to_owned())
    );
    assert_eq!(fs::read_to_string(project.path("free")).unwrap(), "x\n");
    assert_eq!(
        fs::read_to_string(project.path("tidegate.toml")).unwrap(),
        "tidegate.toml"
    );
}

#[test]
fn nothing_else_of_the_host_is_there() {
    let other = Project::new(&["secret"]);
    let project = Project::new(&[]);
    let secret = other.path("secret").display().to_string();
    let cell = project.start(|_| {});
    let (_, output) = project.shell(&cell, "ls -A /");
    assert_eq!(
        output
            .split_whitespace()
            .filter(|name| !name.starts_with("lib"))
            .collect::<Vec<_>>(),
        ["bin", "dev", "etc", "proc", "sbin", "tmp", "usr"]
    );
    assert_ne!(project.shell(&cell, &format!("cat {secret}")).0, OK);
    assert_ne!(
        project
            .shell(&cell, "touch /usr/x || touch /etc/x || touch /x || touch /dev/x")
            .0,
        OK
    );
    let granted = project.start(|spec| spec.read = vec![other.path("secret")]);
    assert_eq!(
        project.shell(&granted, &format!("cat {secret}")),
        (OK, "secret".to_owned())
    );
    assert_ne!(project.shell(&granted, &format!("echo x > {secret}")).0, OK);
}

#[test]
fn tmp_is_private_and_scratch_is_real() {
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let name = format!("tidegate-{}", std::process::id());
    let (exit, output) = project.shell(
        &cell,
        &format!("echo x > /tmp/{name} && echo y > $HOME/file && mktemp >/dev/null && echo z > /dev/shm/{name}"),
    );
    assert_eq!((exit, output.as_str()), (OK, ""));
    assert!(!std::path::Path::new("/tmp").join(&name).exists());
    assert!(!std::path::Path::new("/dev/shm").join(&name).exists());
    assert_eq!(
        fs::read_to_string(project.scratch.path().join("home/file")).unwrap(),
        "y\n"
    );
}

#[test]
fn python_and_sqlite_work_in_the_overlay() {
    let project = Project::new(&["app/__init__.py"]);
    fs::write(project.path("app/__init__.py"), "").unwrap();
    let cell = project.start(|_| {});
    let code = "import sqlite3, app, os, shutil, multiprocessing\n\
        db = sqlite3.connect('db.sqlite3'); db.execute('pragma journal_mode=wal')\n\
        db.execute('create table t (x)'); db.execute('insert into t values (41)'); db.commit()\n\
        print(db.execute('select x + 1 from t').fetchone()[0])\n\
        shutil.move('app', 'moved'); print(os.listdir('moved'), multiprocessing.Lock() is not None)\n";
    let (exit, output) = run(&cell, project.command("/usr/bin/python3", &["-B", "-c", code]));
    assert_eq!((exit, output.as_str()), (OK, "42\n['__init__.py'] True\n"));
    assert!(project.path("app/__init__.py").exists());
}

#[test]
fn a_workspace_with_an_odd_name_works() {
    let outer = Project::new(&["a, b:c\\d e/file"]);
    let mut spec = outer.spec();
    spec.workspace = outer.path("a, b:c\\d e");
    let cell = tidegate_confine::Cell::start(&crate::project::helpers(), &spec).unwrap();
    let mut command = outer.command("/bin/cat", &["file"]);
    command.cwd = spec.workspace.clone();
    assert_eq!(run(&cell, command), (OK, "a, b:c\\d e/file".to_owned()));
}

#[test]
fn a_workspace_below_folders_that_only_the_owner_enters_works() {
    use std::os::unix::fs::PermissionsExt;
    let outer = Project::new(&["private/project/file"]);
    fs::set_permissions(outer.path("private"), fs::Permissions::from_mode(0o700)).unwrap();
    let mut spec = outer.spec();
    spec.workspace = outer.path("private/project");
    let cell = tidegate_confine::Cell::start(&crate::project::helpers(), &spec).unwrap();
    let mut command = outer.command("/bin/sh", &["-c", "cat file && echo x > file && ls ../.."]);
    command.cwd = spec.workspace.clone();
    assert_eq!(run(&cell, command), (OK, "private/project/fileprivate\n".to_owned()));
}

#[test]
fn the_host_keeps_its_mounts() {
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap();
    let before = mounts();
    let project = Project::new(&[".env"]);
    let cell = project.start(|spec| spec.write = vec!["out".into()]);
    project.shell(&cell, "true");
    assert_eq!(mounts(), before);
    drop(cell);
    assert_eq!(mounts(), before);
    assert_eq!(fs::read_to_string(project.path(".env")).unwrap(), ".env");
}

#[test]
fn hidden_links_that_lead_nowhere_stop_nothing() {
    let project = Project::new(&["file"]);
    project.link(".env", ".env");
    project.link("file/inside", ".env.through-a-file");
    project.link("missing", ".env.missing");
    let cell = project.start(|_| {});
    assert_eq!(project.shell(&cell, "cat file"), (OK, "file".to_owned()));
}
