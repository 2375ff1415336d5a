//! The reference pages are true: docs/cli.md is what `--help` says, and the examples of docs/manifest.md are manifests.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tidegate_manifest::{Source, json_schema, parse, parse_user_config};

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

fn help(command: &[&str]) -> String {
    let mut tidegate = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    let output = tidegate
        .args(command)
        .arg("--help")
        .env_clear()
        .env("COLUMNS", "80")
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

fn commands(help: &str) -> Vec<&str> {
    let lines = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    // A line that goes on with a description has more than two spaces before it.
    let names = lines
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").collect()
}

fn cli_reference() -> String {
    let main = help(&[]);
    let mut text = format!(
        "# The command line\n\n\
         What `tidegate --help` and `tidegate COMMAND --help` say; a test keeps this page current.\n\n\
         ```text\n{main}\n```\n"
    );
    for command in commands(&main) {
        let _ = write!(
            text,
            "\n## `tidegate {command}`\n\n```text\n{}\n```\n",
            help(&[command])
        );
    }
    text
}

#[test]
fn the_command_line_is_documented_as_it_is() {
    let path = docs("cli.md");
    let current = cli_reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == current,
        "docs/cli.md is not what `--help` says; write it anew: UPDATE_DOCS=1 cargo test -p tidegate"
    );
}

#[test]
fn every_command_is_in_the_list() {
    assert_eq!(commands(&help(&[])).len(), 12);
}

#[test]
fn help_fits_a_terminal() {
    for line in cli_reference().lines().filter(|line| !line.starts_with("What ")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn examples_of_the_manifest_page_are_valid() {
    let page = std::fs::read_to_string(docs("manifest.md")).unwrap();
    let mut examples = 0;
    for block in page.split("```toml\n").skip(1) {
        let example = block.split("```").next().unwrap();
        let source = Source::new("example", example);
        let problems = match example.starts_with("[secrets.") {
            true => parse_user_config(&source).err().unwrap_or_default(),
            false => parse(&source).map_or_else(|problems| problems, |parsed| parsed.warnings),
        };
        let problems: Vec<_> = problems.iter().map(|problem| &problem.message).collect();
        assert_eq!(problems, [""; 0], "{example}");
        examples += 1;
    }
    assert!(examples >= 10);
}

#[test]
fn every_key_of_the_manifest_has_a_place_on_its_page() {
    let page = std::fs::read_to_string(docs("manifest.md")).unwrap();
    let mut keys = BTreeSet::new();
    collect_keys(&serde_json::from_str(&json_schema().to_string()).unwrap(), &mut keys);
    assert!(keys.contains("stop-grace"));
    for key in keys {
        let is_there = page.contains(&format!("`{key}`"))
            || page.contains(&format!("[{key}]"))
            || page.contains(&format!("{key} = "));
        assert!(is_there, "docs/manifest.md says nothing about `{key}`");
    }
}

fn collect_keys(schema: &serde_json::Value, keys: &mut BTreeSet<String>) {
    if let Some(properties) = schema.get("properties").and_then(serde_json::Value::as_object) {
        keys.extend(properties.keys().cloned());
    }
    for inner in schema
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::values)
        .filter(|value| value.is_object())
    {
        collect_keys(inner, keys);
    }
}
