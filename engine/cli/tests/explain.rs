//! `tidegate explain`, `doctor` and `completions`; and that the examples on the pages do what the pages say.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn tidegate(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", folder)
        .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
    command.output().unwrap()
}

fn said(args: &[&str]) -> String {
    let output = tidegate(Path::new("/"), args);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_list_of_all_codes() {
    insta::assert_snapshot!(said(&["explain"]));
}

#[test]
fn a_page() {
    insta::assert_snapshot!(said(&["explain", "config/not-one-of"]));
}

#[test]
fn an_outcome_has_its_exit_code() {
    insta::assert_snapshot!(said(&["explain", "outcome/timed-out"]));
}

#[test]
fn a_code_that_is_not_there() {
    let output = tidegate(Path::new("/"), &["explain", "grant/mising"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: there is no page on `grant/mising`\n\n\
         hint: did you mean `grant/missing`?\n\
         hint: `tidegate explain` lists all codes; those of your own stages are not among them\n"
    );
}

#[test]
fn every_page_fits_a_terminal() {
    let list = said(&["explain"]);
    let codes = list.lines().filter_map(|line| {
        line.strip_prefix("  ")?
            .split(' ')
            .next()
            .filter(|code| code.contains('/'))
    });
    let mut pages = 0;
    for code in codes {
        let page = said(&["explain", code]);
        // Examples stay as they are, to be copied.
        for line in page.lines().filter(|line| !line.starts_with("    ")) {
            assert!(line.chars().count() <= 80, "{code}: {line}");
        }
        pages += 1;
    }
    assert!(pages > 100, "{pages} pages");
}

/// `wrong` examples of the runner's pages have that mistake, the right ones have none. The manifest's pages have a test of their
/// own in that crate.
#[test]
fn examples_on_the_pages_are_true() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("requirements.txt"), "django\n").unwrap();
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop");
    fs::create_dir(folder.path().join("deploy")).unwrap();
    fs::copy(
        shop.join("deploy/known_hosts"),
        folder.path().join("deploy/known_hosts"),
    )
    .unwrap();
    let mut checked = 0;
    for (code, _, page) in tidegate_runner::codes() {
        let example = |title: &str| {
            let (_, after) = page.split_once(title)?;
            let (_, block) = after.split_once("```toml\n")?;
            block.split_once("```").map(|(example, _)| example)
        };
        let (Some(wrong), Some(right)) = (example("Wrong:"), example("Right:")) else {
            continue;
        };
        assert_eq!(found(folder.path(), wrong), [*code], "{code}, wrong example");
        assert_eq!(found(folder.path(), right), [""; 0], "{code}, right example");
        checked += 1;
    }
    assert!(checked >= 9, "{checked}");
}

fn found(folder: &Path, manifest: &str) -> Vec<String> {
    fs::write(folder.join("tidegate.toml"), manifest).unwrap();
    let output = tidegate(folder, &["check"]);
    let text = String::from_utf8(output.stderr).unwrap();
    let code = |line: &str| {
        let rest = line.strip_prefix("error[").or_else(|| line.strip_prefix("warning["))?;
        rest.split(']').next().map(str::to_owned)
    };
    let codes: Vec<_> = text.lines().filter_map(code).collect();
    assert_eq!(output.status.success(), !text.contains("error["), "{text}");
    codes
}

#[test]
fn doctor_says_what_it_tried() {
    let folder = tempfile::tempdir().unwrap();
    let output = tidegate(folder.path(), &["doctor", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let full = report["confinement"]
        .as_array()
        .unwrap()
        .iter()
        .all(|finding| finding["state"] != "missing");
    assert_eq!(report["level"] == "full", full);
    assert_eq!(output.status.code(), Some(if full { 0 } else { 1 }));
    assert!(report["not_enforced"].as_array().unwrap().len() >= 2);
    for finding in report["confinement"]
        .as_array()
        .unwrap()
        .iter()
        .chain(report["surroundings"].as_array().unwrap())
    {
        assert!(finding["state"] == "ok" || finding["what"] != "", "{finding}");
    }
    let text = String::from_utf8(tidegate(folder.path(), &["doctor"]).stdout).unwrap();
    assert!(text.contains("Not enforced in this version"));
    assert!(!text.contains('\u{1b}'), "colours in a pipe");
}

/// The shells themselves read what is made for them; one that is not installed is passed over.
#[test]
fn completions_are_scripts() {
    for (shell, arguments) in [
        ("bash", vec!["-n"]),
        ("zsh", vec!["-n"]),
        ("fish", vec!["--no-execute"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        fs::write(&script, said(&["completions", shell])).unwrap();
        let status = Command::new(shell)
            .args(arguments)
            .arg(&script)
            .stdin(Stdio::null())
            .status();
        match status {
            Ok(status) => assert!(status.success(), "{shell}"),
            Err(error) => eprintln!("skipped {shell}: {error}"),
        }
    }
}
