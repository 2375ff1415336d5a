use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use tidegate_confine::View;

use crate::project::{Project, helpers};

fn read(view: &View, path: impl AsRef<Path>) -> Result<String, ErrorKind> {
    let mut text = String::new();
    view.open(path.as_ref())
        .map_err(|error| error.kind())?
        .read_to_string(&mut text)
        .unwrap();
    Ok(text)
}

#[test]
fn masks_hold_after_the_cell_has_ended() {
    let project = Project::new(&[".env", ".git/config", "out/.env", "out/x", "plain"]);
    let view = {
        let cell = project.start(|spec| spec.write = vec!["out".into()]);
        project.shell(&cell, "echo new > made");
        cell.view().clone()
    };
    assert_eq!(read(&view, "plain").unwrap(), "plain");
    assert_eq!(read(&view, "made").unwrap(), "new\n");
    assert_eq!(read(&view, ".env").unwrap(), "");
    assert_eq!(read(&view, ".git/config"), Err(ErrorKind::NotFound));
    // What a library does that is given the path.
    let root = view.root_path();
    assert_eq!(fs::read_to_string(root.join(".env")).unwrap(), "");
    assert_eq!(fs::read_dir(root.join(".git")).unwrap().count(), 0);
    assert_eq!(
        fs::write(root.join("plain"), "x").unwrap_err().kind(),
        ErrorKind::ReadOnlyFilesystem
    );
    assert_eq!(
        fs::write(root.join("out/x"), "x").unwrap_err().kind(),
        ErrorKind::ReadOnlyFilesystem
    );
    let (name, folder) = &view.writable()[0];
    assert_eq!(name, Path::new("out"));
    let folder = format!("/proc/self/fd/{}", folder.as_raw_fd());
    assert_eq!(fs::read_to_string(format!("{folder}/.env")).unwrap(), "");
    fs::write(format!("{folder}/x"), "changed").unwrap();
    assert_eq!(fs::read_to_string(project.path("out/x")).unwrap(), "changed");
}

#[test]
fn links_are_followed_inside_and_refused_when_they_lead_out() {
    let project = Project::new(&["folder/file", ".env"]);
    let scratch_file = project.scratch.path().join("log");
    fs::write(&scratch_file, "log").unwrap();
    project.link("folder/file", "inside");
    project.link(project.path("folder/file"), "absolute");
    project.link(project.workspace.path(), "folder/self");
    project.link(&scratch_file, "to-scratch");
    project.link("../../../../../../etc/passwd", "folder/up");
    project.link("/etc/passwd", "out");
    project.link("loop", "loop");
    project.link("/proc/self/environ", "environ");
    let view = View::build(&helpers(), &project.spec()).unwrap();
    assert_eq!(read(&view, "inside").unwrap(), "folder/file");
    assert_eq!(read(&view, "absolute").unwrap(), "folder/file");
    assert_eq!(read(&view, "folder/self/folder/self/inside").unwrap(), "folder/file");
    assert_eq!(read(&view, "folder/self/.env").unwrap(), "");
    assert_eq!(read(&view, "to-scratch").unwrap(), "log");
    for path in ["folder/up", "out", "environ", "../x", "/etc/passwd", "folder/../../x"] {
        assert_eq!(read(&view, path), Err(ErrorKind::PermissionDenied), "{path}");
    }
    assert!(view.open(Path::new("loop")).is_err());
    assert_eq!(read(&view, project.path("folder/file")).unwrap(), "folder/file");
    assert_eq!(read(&view, &scratch_file).unwrap(), "log");
}

#[test]
fn granted_paths_are_read_and_others_are_not() {
    let other = Project::new(&["shared/file", "single", "secret"]);
    let project = Project::new(&[]);
    let mut spec = project.spec();
    spec.read = vec![other.path("shared"), other.path("single")];
    let view = View::build(&helpers(), &spec).unwrap();
    assert_eq!(read(&view, other.path("shared/file")).unwrap(), "shared/file");
    assert_eq!(read(&view, other.path("single")).unwrap(), "single");
    assert_eq!(read(&view, other.path("secret")), Err(ErrorKind::PermissionDenied));
    assert_eq!(
        view.create(&other.path("shared/new")).unwrap_err().kind(),
        ErrorKind::PermissionDenied
    );
}

#[test]
fn files_are_created_beneath_writable_folders_only() {
    let project = Project::new(&["out/old", "plain", "out/tidegate.toml"]);
    let elsewhere = Project::new(&["target"]);
    project.link(elsewhere.workspace.path(), "out/away");
    project.link("/etc", "out/etc");
    let mut spec = project.spec();
    spec.write = vec!["out".into()];
    spec.read_only = vec!["out/tidegate.toml".into()];
    let view = View::build(&helpers(), &spec).unwrap();
    view.create(Path::new("out/a/b/new"))
        .unwrap()
        .write_all(b"new")
        .unwrap();
    assert_eq!(fs::read_to_string(project.path("out/a/b/new")).unwrap(), "new");
    view.create(Path::new("out/old")).unwrap();
    assert_eq!(fs::read_to_string(project.path("out/old")).unwrap(), "");
    view.create(&project.scratch.path().join("x/y")).unwrap();
    assert!(project.scratch.path().join("x/y").exists());
    for path in ["plain", "new", "out", "out/../plain", "/etc/x"] {
        assert_eq!(
            view.create(Path::new(path)).unwrap_err().kind(),
            ErrorKind::PermissionDenied,
            "{path}"
        );
    }
    for path in ["out/away/target", "out/away/new/x", "out/etc/new"] {
        assert_eq!(
            view.create(Path::new(path)).unwrap_err().kind(),
            ErrorKind::CrossesDevices,
            "{path}"
        );
    }
    assert_eq!(fs::read_to_string(elsewhere.path("target")).unwrap(), "target");
    assert!(view.create(Path::new("out/tidegate.toml")).is_err());
    assert_eq!(
        fs::read_to_string(project.path("out/tidegate.toml")).unwrap(),
        "out/tidegate.toml"
    );
}

#[test]
fn a_pipe_left_by_a_program_does_not_block_the_engine() {
    let project = Project::new(&["folder/x"]);
    let cell = project.start(|_| {});
    project.shell(&cell, "mkfifo report.xml");
    assert_eq!(read(cell.view(), "report.xml"), Err(ErrorKind::InvalidInput));
    assert_eq!(read(cell.view(), "folder"), Err(ErrorKind::InvalidInput));
    assert!(cell.view().open_dir_or_file(Path::new("folder")).is_ok());
}
