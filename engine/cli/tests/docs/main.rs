//! README and docs are true: their commands do what they say, their tables are the components' own, their links lead
//! somewhere.

mod page;
mod session;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use page::{Block, Page, pages, root};
use serde_json::{Map, Value};
use session::SESSION;

fn tidegate(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_command_ends_as_its_page_says() {
    let wrong: Vec<String> = SESSION
        .iter()
        .filter(|ran| ran.code != Some(ran.typed.exits))
        .map(|ran| {
            format!(
                "{}:{}: {}\nends with {:?}, not {}\n{}{}",
                ran.page, ran.typed.line, ran.typed.command, ran.code, ran.typed.exits, ran.stdout, ran.stderr
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let of_tidegate = SESSION.iter().filter(|ran| ran.typed.command.starts_with("tidegate "));
    assert!(of_tidegate.count() > 20, "the pages have lost their commands");
}

/// A block that nobody runs can be false: each needs its reason, and a look when there is one more.
#[test]
fn few_blocks_are_not_run() {
    let mut reasons = BTreeMap::new();
    for page in pages() {
        for block in page.console_blocks() {
            if let Block::NotRun(reason) = block {
                *reasons.entry((page.name.clone(), reason)).or_insert(0) += 1;
            }
        }
    }
    let expected = [
        ("README.md", "an optimised build takes minutes", 1),
        ("README.md", "these are the test itself, and what runs it", 1),
        ("docs/tutorial.md", "an optimised build takes minutes", 1),
        ("docs/tutorial.md", "it needs a host", 2),
        (
            "docs/writing-a-stage.md",
            "it builds a crate that is not in this repository",
            1,
        ),
        (
            "docs/writing-a-stage.md",
            "the component of this page is not in this repository",
            1,
        ),
    ];
    let expected = expected.map(|(page, reason, count)| ((page.to_owned(), reason.to_owned()), count));
    assert_eq!(reasons, BTreeMap::from(expected));
}

#[test]
fn the_events_page_has_the_fields_of_a_real_run() {
    let page = Page::read("docs/events.md");
    let keys = |event: &Map<String, Value>| event.keys().cloned().collect::<BTreeSet<_>>();
    let mut real: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let runs = SESSION.iter().filter(|ran| ran.typed.command.contains("--format json"));
    for line in runs.flat_map(|ran| ran.stdout.lines()) {
        assert!(line.starts_with("{\"event\":\""), "{line}");
        let event: Map<String, Value> = serde_json::from_str(line).unwrap();
        real.insert(event["event"].as_str().unwrap().into(), event);
    }
    assert!(real.len() >= 9, "too few kinds of events: {:?}", real.keys());
    for (kind, event) in &real {
        let section = page.section(kind);
        let shown = &Page::blocks(section, "json")[0];
        let shown: Map<String, Value> = serde_json::from_str(shown).unwrap();
        assert_eq!(keys(&shown), keys(event), "the line of {kind}");
        let mut told: BTreeSet<String> = Page::table(section, "field")
            .iter()
            .map(|row| row[0].trim_matches('`').to_owned())
            .collect();
        told.extend(["event".to_owned(), "time".to_owned()]);
        assert_eq!(told, keys(event), "the table of {kind}");
    }
}

#[test]
fn the_readme_shows_the_plan_of_the_example() {
    let manifest = root().join("examples/shop/tidegate.toml");
    let plan = tidegate(&["plan", "--manifest", manifest.to_str().unwrap()]);
    let plan = without_digests(&plan);
    let tour = Page::read("README.md");
    let shown = &Page::blocks(tour.section("A short tour"), "text")[0];
    for line in without_digests(shown).lines() {
        assert!(
            plan.lines().any(|real| real == line),
            "the plan has no line\n{line}\n\n{plan}"
        );
    }
}

/// The tutorial makes this very mistake.
#[test]
fn the_readme_shows_the_error_of_a_missing_grant() {
    let tour = Page::read("README.md");
    let shown = &Page::blocks(tour.section("A short tour"), "text")[1];
    let refused = SESSION.iter().find(|ran| ran.typed.exits == 3).unwrap();
    assert_eq!(refused.stderr.trim(), shown.trim());
}

/// Each build of a stage may have another one.
fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, rest| {
        text + rest.trim_start_matches(|c: char| c.is_ascii_hexdigit())
    })
}

#[test]
fn the_tables_of_the_standard_stages_are_their_schemas() {
    let page = Page::read("docs/stages.md");
    let listing = tidegate(&["list", "--standard"]);
    let stages = listing.lines().filter(|line| !line.starts_with(' '));
    for stage in stages.filter_map(|line| line.split_whitespace().next()) {
        let inspected = tidegate(&["inspect", stage]);
        // One line for each key: its further lines begin below the description.
        let keys = inspected.split("\n  with\n").nth(1).unwrap().replace("\n     ", " ");
        let of_schema: BTreeSet<(&str, bool)> = keys
            .lines()
            .map(|line| (line.split_whitespace().next().unwrap(), line.ends_with("(required)")))
            .collect();
        let section = page.section(stage);
        let table = Page::table(section, "key");
        let of_page: BTreeSet<(&str, bool)> = table
            .iter()
            .map(|row| (row[0].trim_matches('`'), row[2] == "required"))
            .collect();
        assert_eq!(of_page, of_schema, "{stage}");
    }
}

#[test]
fn the_codes_of_the_standard_stages_are_explained() {
    let page = Page::read("docs/stages.md");
    let families = ["migrate/", "pytest/", "python-env/"];
    let is_code = |word: &&str| families.iter().any(|family| word.starts_with(family));
    let explained = tidegate(&["explain"]);
    let explained: BTreeSet<&str> = explained.split_whitespace().filter(is_code).collect();
    let told: BTreeSet<&str> = page.text.split('`').filter(is_code).collect();
    assert_eq!(told, explained);
}

#[test]
fn links_lead_somewhere() {
    let mut pages = pages();
    pages.push(Page::read("ARCHITECTURE.md"));
    for page in &pages {
        let root = root();
        let folder = root.join(&page.name).parent().unwrap().to_path_buf();
        for link in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            let is_local = !link.contains("://") && !path.is_empty();
            assert!(!is_local || folder.join(path).exists(), "{}: {link}", page.name);
        }
    }
}
