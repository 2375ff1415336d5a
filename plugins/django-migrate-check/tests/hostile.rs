//! Files that nobody wrote in good faith, or that an old editor wrote: each ends in a finding or in a migration.

mod folder;

use std::fs;

use django_migrate_check::checks::check;
use django_migrate_check::reading::read_project;
use folder::Folder;

const MIGRATION: &str = "class Migration(migrations.Migration):\n    dependencies = []\n    operations = []\n";

/// Codes and lines of what is found in a project with this one migration, and how many migrations were read.
fn read(content: impl AsRef<[u8]>) -> (Vec<(&'static str, Option<u32>)>, usize) {
    let workspace = tempfile::tempdir().unwrap();
    let folder = workspace.path().join("shop/migrations");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("__init__.py"), "").unwrap();
    fs::write(folder.join("0001_initial.py"), content).unwrap();
    let read = read_project(&Folder::new(workspace.path()), "").unwrap();
    let mut findings = read.findings;
    findings.extend(check(&read.project));
    let found = findings
        .iter()
        .map(|finding| (finding.code.as_str(), finding.line))
        .collect();
    (found, read.project.apps.iter().map(|app| app.migrations.len()).sum())
}

#[test]
fn deep_nesting_is_not_parsed() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{0: ", "}"),
        ("f(", ")"),
        ("f'{", "}'"),
        ("not ", ""),
        ("1 + ", ""),
    ] {
        let source = format!("{MIGRATION}x = {}1{}\n", open.repeat(200_000), close.repeat(200_000));
        assert_eq!(read(source).0, [("migrate/not-analysed", None)], "{open}");
    }
}

#[test]
fn nesting_below_the_limit_is_read_on_a_small_stack() {
    let source = format!("{MIGRATION}x = {}1{}\n", "f(a=".repeat(70), ")".repeat(70));
    let read = std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(|| read(source))
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(read, (vec![], 1));
}

#[test]
fn a_huge_file_is_not_parsed() {
    let source = format!("{MIGRATION}x = '{}'\n", "x".repeat(3 * 1024 * 1024));
    assert_eq!(read(source).0, [("migrate/not-analysed", None)]);
}

#[test]
fn a_long_file_is_read() {
    let fields =
        "            ('f', models.CharField(max_length=20, choices=[('a', 'b'), ('c', 'd')])),\n".repeat(10_000);
    let source = format!(
        "class Migration(migrations.Migration):\n    operations = [\n        migrations.CreateModel('A', [\n{fields}        ]),\n    ]\n"
    );
    assert_eq!(read(source), (vec![], 1));
}

#[test]
fn other_encodings_are_told_or_read() {
    assert_eq!(read([b"\xef\xbb\xbf", MIGRATION.as_bytes()].concat()), (vec![], 1));
    assert_eq!(read(MIGRATION.replace('\n', "\r\n")), (vec![], 1));
    assert_eq!(
        read([b"# caf\xe9\n", MIGRATION.as_bytes()].concat()).0,
        [("migrate/encoding", Some(1))]
    );
    assert_eq!(
        read([b"# coding: latin-1\n# caf\xe9\n", MIGRATION.as_bytes()].concat()),
        (vec![], 1)
    );
    assert_eq!(
        read([MIGRATION.as_bytes(), b"x = 1\0\n"].concat()).0,
        [("migrate/syntax", Some(4))]
    );
    let wide: Vec<u8> = MIGRATION.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(wide), (vec![("migrate/syntax", Some(1))], 0));
}

/// Also where the text `class Migration` is not in the file: what can't be read may have had it.
#[test]
fn what_is_no_python_is_not_said_to_lack_a_class() {
    assert_eq!(read("x = (\n"), (vec![("migrate/syntax", Some(2))], 0));
    assert_eq!(read("import os\nclass (:\n"), (vec![("migrate/syntax", Some(2))], 0));
    assert_eq!(read(b"\xff\xfe\0"), (vec![("migrate/encoding", Some(1))], 0));
}

#[test]
fn a_list_that_holds_itself_ends() {
    let source = "operations = [*operations]\n\n\nclass Migration(migrations.Migration):\n    operations = operations + operations\n";
    let (found, migrations) = read(source);
    assert_eq!(migrations, 1);
    assert!(found.iter().all(|(code, _)| *code == "migrate/dynamic"), "{found:?}");
}

#[test]
fn names_that_multiply_stay_small() {
    // Each name holds the one before eight times: 8^20 operations if every way were walked.
    let mut source = "a0 = [RunSQL('')]\n".to_owned();
    for level in 1..=20 {
        source += &format!("a{level} = [{}]\n", format!("*a{}, ", level - 1).repeat(8));
    }
    source += "class Migration(migrations.Migration):\n    operations = [*a20]\n";
    assert_eq!(read(source), (vec![("migrate/dynamic", Some(15))], 1));

    let mut source = "a0 = [RunSQL('')]\n".to_owned();
    for level in 1..=20 {
        let below = level - 1;
        let both = format!("migrations.SeparateDatabaseAndState(a{below}, a{below}), ");
        source += &format!("a{level} = [{}]\n", both.repeat(8));
    }
    source += "class Migration(migrations.Migration):\n    operations = [*a20]\n";
    assert_eq!(read(source), (vec![("migrate/dynamic", Some(21))], 1));
}
