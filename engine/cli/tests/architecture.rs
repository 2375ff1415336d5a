//! ARCHITECTURE.md is true as far as sources can tell: what it names exists, and what it says never happens has no code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const LIBRARIES: [&str; 4] = ["engine/manifest", "engine/sandbox", "engine/confine", "engine/runner"];

/// It is a page to be read, not a book.
const MAX_LINES: usize = 200;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Files and folders of the repository, by their paths in it; build output is left out.
fn everything() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap_or_default();
            if matches!(name, "target" | ".git" | ".venv" | "node_modules" | "__pycache__") {
                continue;
            }
            found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            }
        }
    }
    found
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The Rust sources of some folders, without unit tests.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let is_source = |path: &String| {
        path.ends_with(".rs") && folders.iter().any(|folder| path.starts_with(&format!("{folder}/src/")))
    };
    let all: Vec<(String, String)> = everything()
        .into_iter()
        .filter(is_source)
        .map(|path| (path.clone(), text(&path)))
        .collect();
    let only_tests: BTreeSet<String> = all.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    let code = |text: &str| text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
    all.iter()
        .filter(|(path, _)| !only_tests.contains(path))
        .map(|(path, text)| (path.clone(), code(text)))
        .collect()
}

/// The files of modules that a source declares for tests only.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let beside = match path.rsplit_once('/') {
        Some((folder, "lib.rs" | "main.rs" | "mod.rs")) => folder.to_owned(),
        _ => path.trim_end_matches(".rs").to_owned(),
    };
    text.split("#[cfg(test)]\nmod ")
        .skip(1)
        .filter_map(|rest| rest.split_once(';'))
        .filter(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        .map(|(name, _)| format!("{beside}/{name}.rs"))
        .collect()
}

/// Paths of the sources in which one of the words stands.
fn with(sources: &[(String, String)], words: &[&str]) -> BTreeSet<String> {
    let has = |text: &str| words.iter().any(|word| text.contains(word));
    sources
        .iter()
        .filter(|(_, text)| has(text))
        .map(|(path, _)| path.clone())
        .collect()
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

#[test]
fn what_it_names_exists() {
    let page = text("ARCHITECTURE.md");
    assert!(page.lines().count() <= MAX_LINES);
    let everything = everything();
    let tests: String = everything
        .iter()
        .filter(|path| path.ends_with(".rs"))
        .map(|path| text(path))
        .collect();
    let prose: String = page.split("```").step_by(2).collect();
    let (mut paths, mut names) = (0, 0);
    for word in prose.split('`').skip(1).step_by(2) {
        let is_plain = |extra: &str| {
            word.chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c) || extra.contains(c))
        };
        if is_plain("/") && (word.contains('/') || word.ends_with(".rs") || word.ends_with(".md")) {
            let path = word.trim_end_matches('/');
            let end = format!("/{path}");
            let exists = everything.iter().any(|known| known == path || known.ends_with(&end));
            // Scratch of hosts and kernels is nobody's file here.
            let is_of_repository = !word.starts_with('/') && !word.starts_with(".tidegate");
            assert!(exists || !is_of_repository, "there is no {word}");
            paths += 1;
        } else if is_plain("") && word.matches('_').count() >= 2 {
            assert!(tests.contains(&format!("fn {word}(")), "there is no test {word}");
            names += 1;
        }
    }
    assert!(
        paths > 50 && names > 20,
        "the page is not read: {paths} paths, {names} tests"
    );
}

#[test]
fn libraries_do_not_print() {
    let printing = with(
        &sources(&LIBRARIES),
        &["println!(", "print!(", "dbg!(", "io::stdout(", "io::stderr("],
    );
    let known = [
        // A program of its own.
        "engine/confine/src/bin/confine.rs",
        // The helper's last words, through a pipe to the engine.
        "engine/confine/src/inside/supervisor.rs",
    ];
    assert_eq!(printing, set(&known));
}

#[test]
fn libraries_read_no_environment() {
    let reading = with(
        &sources(&LIBRARIES),
        &[
            "env::var",
            "env::args",
            "env::current_dir",
            "env::temp_dir",
            "env::home_dir",
        ],
    );
    // A program of its own, and the helper, which has to know that it is one.
    let known = [
        "engine/confine/src/bin/confine.rs",
        "engine/confine/src/inside/entry.rs",
    ];
    assert_eq!(reading, set(&known));
}

#[test]
fn nobody_else_starts_programs() {
    let engine: Vec<&str> = LIBRARIES.into_iter().chain(["engine/cli"]).collect();
    let sources = sources(&engine);
    let imports = |line: &str| {
        let names = line
            .split_once("std::process::")
            .or(line.split_once("tokio::process::"));
        names.is_some_and(|(_, names)| names.contains("Command"))
    };
    let by_module = |text: &str| text.contains("use std::process;") && text.contains("process::Command");
    let starting: BTreeSet<String> = sources
        .iter()
        .filter(|(_, text)| text.lines().any(imports) || by_module(text))
        .map(|(path, _)| path.clone())
        .collect();
    let known = [
        // The helper of a Cell.
        "engine/confine/src/helper.rs",
        // Programs of stages where nothing confines them.
        "engine/confine/src/plain/cell.rs",
        // git, and a Python that is asked where it is and which index is its own: always with a list of arguments.
        "engine/runner/src/git/repository.rs",
        "engine/runner/src/program/pip.rs",
        "engine/runner/src/program/python.rs",
        // `--version` of what a person may have to install.
        "engine/cli/src/commands/doctor/tool.rs",
    ];
    assert_eq!(starting, set(&known));
    let executing = with(&sources, &["execv", "posix_spawn", ".exec()", "libc::system"]);
    assert_eq!(executing, set(&["engine/confine/src/inside/program.rs"]));
    for (path, text) in sources.iter().filter(|(path, _)| known.contains(&path.as_str())) {
        assert!(
            !text.contains("\"sh\"") && !text.contains("bash"),
            "{path} names a shell"
        );
    }
}

#[test]
fn only_the_sandbox_knows_wasmtime() {
    let others = ["engine/manifest", "engine/confine", "engine/runner", "engine/cli"];
    // The version is shown by `tidegate --version`.
    let known = with(&sources(&others), &["wasmtime::", "wasmtime_wasi", "use wasmtime"]);
    assert_eq!(known, set(&[]));
}
