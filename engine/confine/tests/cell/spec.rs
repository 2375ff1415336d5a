use tidegate_confine::{Cell, CellSpec, Helpers, StartError, probe};

use crate::project::{Project, helpers};

fn refused(project: &Project, change: impl FnOnce(&mut CellSpec)) -> String {
    let mut spec = project.spec();
    change(&mut spec);
    match Cell::start(&helpers(), &spec) {
        Err(StartError::Spec(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_specification_that_can_not_be_met_says_which_path_is_wrong() {
    let project = Project::new(&["file", ".git/config"]);
    project.link("/etc", "out");
    for system in ["/", "/usr/share", "/proc/1", "/dev"] {
        let text = refused(&project, |spec| spec.workspace = system.into());
        assert_eq!(
            text,
            format!(
                "`{system}` can't be a workspace: it belongs to the system; move the project to a folder of its own"
            )
        );
    }
    let text = refused(&project, |spec| spec.read = vec!["/opt/missing".into()]);
    assert_eq!(
        text,
        "can't bind `/opt/missing`: No such file or directory (os error 2)"
    );
    let text = refused(&project, |spec| spec.write = vec!["out/x".into()]);
    assert_eq!(
        text,
        "`write` folder `out/x` leads through a symbolic link; name the real folder"
    );
    let text = refused(&project, |spec| spec.write = vec!["../x".into()]);
    assert_eq!(text, "`../x` is not a path within the workspace");
    let text = refused(&project, |spec| spec.write = vec![".git/hooks".into()]);
    assert_eq!(text, "`write` folder `.git/hooks` is hidden from stages (`.git`)");
    let text = refused(&project, |spec| spec.hide = vec!["[z-a]".to_owned()]);
    assert!(text.starts_with("`hide` pattern `[z-a]` is not valid: "), "{text}");
    let text = refused(&project, |spec| spec.workspace = "/tmp/../root".into());
    assert_eq!(text, "`/tmp/../root` is not an absolute path without `..`");
}

#[test]
fn too_many_hidden_paths_are_an_error_and_not_a_gap() {
    let project = Project::new(&[]);
    for number in 0..4_097 {
        std::fs::write(project.path(&format!(".env.{number}")), "").unwrap();
    }
    let text = refused(&project, |_| {});
    assert!(text.contains("has more than 4096 hidden paths"), "{text}");
}

#[test]
fn a_helper_that_is_none_is_reported() {
    let project = Project::new(&[]);
    for program in ["/bin/false", "/missing"] {
        assert!(
            matches!(
                Cell::start(&Helpers::of(program), &project.spec()),
                Err(StartError::Helper(_))
            ),
            "{program}"
        );
    }
}

#[test]
fn this_machine_offers_the_full_level() {
    let project = Project::new(&[]);
    let machine = probe(&helpers(), project.workspace.path(), project.scratch.path());
    assert_eq!(machine.full(), Ok(()));
    assert!(machine.kernel.starts_with(|first: char| first.is_ascii_digit()));
}

#[test]
fn a_workspace_whose_name_is_not_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let project = Project::new(&[]);
    let odd = project.workspace.path().join(std::ffi::OsStr::from_bytes(b"odd\xff"));
    std::fs::create_dir(&odd).unwrap();
    let spec = CellSpec::new(odd, project.scratch.path());
    let error = Cell::start(&helpers(), &spec).unwrap_err();
    assert!(
        matches!(&error, StartError::Spec(text) if text.contains("is not text")),
        "{error:?}"
    );
}
