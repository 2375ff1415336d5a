//! The graph checks on projects that are written here.

mod folder;

use std::fs;

use django_migrate_check::checks::check;
use django_migrate_check::finding::{Finding, Severity};
use django_migrate_check::reading::read_project;
use folder::Folder;

/// Files with `[dependencies]` and more of the class's body: `("shop/migrations/0001_a.py", "dependencies = []")`.
fn findings(migrations: &[(&str, &str)], files: &[(&str, &str)]) -> Vec<Finding> {
    let workspace = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = workspace.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for (path, body) in migrations {
        let body = body.replace('\n', "\n    ");
        let text =
            format!("from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    {body}\n");
        write(path, &text);
        write(&format!("{}/__init__.py", path.rsplit_once('/').unwrap().0), "");
    }
    for (path, text) in files {
        write(path, text);
    }
    let read = read_project(&Folder::new(workspace.path()), "").unwrap();
    let mut findings = read.findings;
    findings.extend(check(&read.project));
    findings
}

fn errors(migrations: &[(&str, &str)]) -> Vec<String> {
    let found = findings(migrations, &[])
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error);
    found
        .map(|finding| format!("{}: {}", finding.code.as_str(), finding.message))
        .collect()
}

const FIRST: (&str, &str) = ("shop/migrations/0001_initial.py", "initial = True\ndependencies = []");

#[test]
fn two_last_migrations_are_a_conflict_and_both_are_named() {
    let branches = [
        FIRST,
        (
            "shop/migrations/0002_price.py",
            "dependencies = [('shop', '0001_initial')]",
        ),
        (
            "shop/migrations/0002_stock.py",
            "dependencies = [('shop', '0001_initial')]",
        ),
    ];
    let found = findings(&branches, &[]);
    assert_eq!(
        found[0].message,
        "`shop` has 2 last migrations: 0002_price and 0002_stock"
    );
    assert_eq!(found[0].path.as_deref(), Some("shop/migrations/0002_stock.py"));
    assert!(
        found[0]
            .help
            .as_ref()
            .unwrap()
            .contains("python manage.py makemigrations --merge")
    );
    assert_eq!(found[1].severity, Severity::Note);
    assert_eq!(
        found[1].message,
        "`shop` has number 0002 more than once: 0002_price and 0002_stock"
    );

    let mut merged = branches.to_vec();
    merged.push((
        "shop/migrations/0003_merge.py",
        "dependencies = [('shop', '0002_price'), ('shop', '0002_stock')]",
    ));
    assert_eq!(errors(&merged), [""; 0]);
}

#[test]
fn a_missing_parent_is_told_with_its_line_and_the_likely_name() {
    let found = findings(
        &[
            FIRST,
            (
                "shop/migrations/0002_a.py",
                "dependencies = [\n    ('shop', '0001_inital'),\n]",
            ),
        ],
        &[],
    );
    let missing = found
        .iter()
        .find(|finding| finding.code.as_str() == "migrate/missing-parent")
        .unwrap();
    assert_eq!(
        missing.message,
        "shop.0002_a depends on shop.0001_inital, which does not exist"
    );
    assert_eq!(missing.line, Some(6));
    assert!(
        missing
            .help
            .as_ref()
            .unwrap()
            .starts_with("did you mean (\"shop\", \"0001_initial\")?")
    );
}

/// Whoever deletes a migration's file gets the one cause, and no advice to merge.
#[test]
fn a_missing_parent_is_no_conflict() {
    let missing = [
        FIRST,
        ("shop/migrations/0002_a.py", "dependencies = [('shop', '0001_gone')]"),
        ("shop/migrations/0003_b.py", "dependencies = [('shop', '0002_a')]"),
    ];
    assert_eq!(
        errors(&missing),
        ["migrate/missing-parent: shop.0002_a depends on shop.0001_gone, which does not exist"]
    );
    let found = findings(&missing, &[]);
    let told: Vec<_> = found.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(told[..2], ["migrate/missing-parent", "migrate/conflict"]);
    assert_eq!(
        (found[1].severity, found[1].message.as_str()),
        (
            Severity::Warning,
            "`shop` seems to have 2 last migrations: 0001_initial and 0003_b; the one that is missing may join them"
        )
    );
}

#[test]
fn apps_outside_the_workspace_are_not_judged() {
    let outside = "dependencies = [('taggit', '0099_x'), ('auth', '0012_alter_user'), ('gone', '__first__')]";
    assert_eq!(errors(&[("shop/migrations/0001_initial.py", outside)]), [""; 0]);
    // A folder that happens to have the name of one of Django's apps.
    let own = ("accounts/auth/migrations/0001_initial.py", "dependencies = []");
    assert_eq!(errors(&[own, ("shop/migrations/0001_initial.py", outside)]), [""; 0]);
}

#[test]
fn a_circle_is_told_whole() {
    let circle = [
        ("a/migrations/0001_initial.py", "dependencies = [('b', '0001_initial')]"),
        ("b/migrations/0001_initial.py", "dependencies = [('c', '__first__')]"),
        ("c/migrations/0001_initial.py", "dependencies = [('a', '0001_initial')]"),
        ("d/migrations/0001_initial.py", "dependencies = [('a', '0001_initial')]"),
    ];
    assert_eq!(
        errors(&circle),
        ["migrate/cycle: migrations depend on each other in a circle: \
          a.0001_initial -> b.0001_initial -> c.0001_initial -> a.0001_initial"]
    );
}

#[test]
fn run_before_points_the_other_way() {
    let circle = [
        (
            "a/migrations/0001_initial.py",
            "dependencies = [('b', '0001_initial')]\nrun_before = [('b', '0001_initial')]",
        ),
        ("b/migrations/0001_initial.py", "dependencies = []"),
    ];
    assert_eq!(errors(&circle).len(), 1);
    assert!(errors(&circle)[0].starts_with("migrate/cycle"));
}

#[test]
fn a_squashed_migration_stands_for_what_it_replaces() {
    let squashed = (
        "shop/migrations/0001_squashed_0002.py",
        "replaces = [('shop', '0001_initial'), ('shop', '0002_a')]\ndependencies = []",
    );
    let second = ("shop/migrations/0002_a.py", "dependencies = [('shop', '0001_initial')]");
    let third = ("shop/migrations/0003_b.py", "dependencies = [('shop', '0002_a')]");
    let other = (
        "cart/migrations/0001_initial.py",
        "dependencies = [('shop', '0001_initial')]",
    );
    assert_eq!(errors(&[FIRST, second, third, squashed, other]), [""; 0]);
    // The replaced files are gone: what depended on them now depends on the squashed one.
    assert_eq!(errors(&[third, squashed, other]), [""; 0]);
    // Without the squashed one they are missed.
    assert_eq!(errors(&[third]).len(), 1);
}

#[test]
fn a_squashed_migration_may_be_squashed_again() {
    let twice = [
        (
            "shop/migrations/0001_squashed_0002.py",
            "replaces = [('shop', '0001_initial'), ('shop', '0002_a')]",
        ),
        (
            "shop/migrations/0001_again.py",
            "replaces = [('shop', '0001_squashed_0002'), ('shop', '0003_b')]",
        ),
        ("shop/migrations/0003_b.py", "dependencies = [('shop', '0002_a')]"),
        ("shop/migrations/0004_c.py", "dependencies = [('shop', '0003_b')]"),
    ];
    assert_eq!(errors(&twice), [""; 0]);
}

#[test]
fn what_only_shows_at_run_time_is_a_note_and_never_an_error() {
    let dynamic = [
        FIRST,
        ("shop/migrations/0002_a.py", "dependencies = [('shop', '0001_initial')]"),
        ("shop/migrations/0002_b.py", "dependencies = [('shop', '0001_initial')]"),
        ("shop/migrations/0003_c.py", "dependencies = make_dependencies()"),
        (
            "shop/migrations/0004_d.py",
            "dependencies = []\nif True:\n    dependencies.append(('shop', '0009_x'))",
        ),
    ];
    assert_eq!(errors(&dynamic), [""; 0]);
    let found = findings(&dynamic, &[]);
    let notes = found
        .iter()
        .filter(|finding| finding.code.as_str() == "migrate/dynamic");
    let places: Vec<_> = notes
        .map(|finding| (finding.path.clone().unwrap(), finding.line.unwrap()))
        .collect();
    assert_eq!(
        places,
        [
            ("shop/migrations/0003_c.py".into(), 5),
            ("shop/migrations/0004_d.py".into(), 6)
        ]
    );
}

#[test]
fn a_file_that_is_broken_is_told_and_its_app_not_blamed_for_more() {
    let broken = (
        "shop/migrations/0002_a.py",
        "from x import Migration\n\nclass Migration(:\n",
    );
    let found = findings(
        &[
            FIRST,
            ("shop/migrations/0003_b.py", "dependencies = [('shop', '0002_a')]"),
        ],
        &[broken, ("shop/migrations/0004_latin.py", "x = Migration\n")],
    );
    let errors: Vec<_> = found
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    assert_eq!(errors.len(), 1, "{found:?}");
    assert_eq!((errors[0].code.as_str(), errors[0].line), ("migrate/syntax", Some(3)));
}

#[test]
fn a_helper_among_migrations_stops_django() {
    let found = findings(
        &[FIRST],
        &[
            ("shop/migrations/tools.py", "x = 1\n"),
            ("shop/migrations/_tools.py", "x = 1\n"),
        ],
    );
    let codes: Vec<_> = found
        .iter()
        .map(|finding| (finding.code.as_str(), finding.path.as_deref().unwrap()))
        .collect();
    assert_eq!(codes, [("migrate/no-migration-class", "shop/migrations/tools.py")]);
}

#[test]
fn a_folder_without_migrations_is_some_other_folder() {
    let found = findings(
        &[],
        &[("tests/migrations/test_commands.py", "class MigrationTests:\n    pass\n")],
    );
    assert_eq!(found, []);
}

#[test]
fn labels_come_from_the_configuration() {
    let config = "class StoreConfig(AppConfig):\n    name = 'x.shop'\n    label = 'store'\n";
    let migrations = [
        FIRST,
        (
            "cart/migrations/0001_initial.py",
            "dependencies = [('store', '0001_typo')]",
        ),
    ];
    let found = findings(&migrations, &[("shop/apps.py", config)]);
    assert_eq!(
        found[0].message,
        "cart.0001_initial depends on store.0001_typo, which does not exist"
    );
}
