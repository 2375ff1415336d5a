//! The migrations of Django and of packages that many projects use: all of them are right, so nothing may be called wrong.

mod folder;

use std::path::{Path, PathBuf};
use std::process::Command;

use django_migrate_check::checks::check;
use django_migrate_check::finding::Severity;
use django_migrate_check::model::{Operation, OperationKind, Project};
use django_migrate_check::reading::read_project;
use folder::Folder;

/// Pinned, so that a test fails for what changed here and not there.
const PACKAGES: [&str; 19] = [
    "django==5.2.8",
    "wagtail==7.2",
    "django-allauth==65.13.0",
    "django-axes==8.0.0",
    "django-celery-beat==2.8.1",
    "django-celery-results==2.6.0",
    "django-cms==5.0.4",
    "django-constance==4.3.2",
    "django-filer==3.3.2",
    "django-guardian==3.2.0",
    "django-oauth-toolkit==3.1.0",
    "django-otp==1.6.1",
    "django-reversion==6.0.0",
    "django-simple-history==3.10.1",
    "django-taggit==6.1.0",
    "django-waffle==5.0.0",
    "djangorestframework==3.16.1",
    "easy-thumbnails==2.10.1",
    "social-auth-app-django==5.6.0",
];

/// Installs the packages once per target folder, without what they need.
fn packages() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("migrations-of-packages-1");
    if !folder.exists() {
        let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--disable-pip-version-check",
            "--target",
        ];
        let status = Command::new("python3")
            .args(pip)
            .arg(fresh.path())
            .args(PACKAGES)
            .status()
            .unwrap();
        assert!(
            status.success(),
            "pip could not install the packages whose migrations this test reads"
        );
        // Another test process may have been faster; its folder is as good.
        let _ = std::fs::rename(fresh.keep(), &folder);
    }
    folder
}

fn read() -> (Project, Vec<String>) {
    let read = read_project(&Folder::new(packages()), "").unwrap();
    let mut findings = read.findings;
    findings.extend(check(&read.project));
    let bad = findings.into_iter().filter(|finding| finding.severity > Severity::Note);
    let bad = bad.map(|finding| format!("{:?} {}: {}", finding.path, finding.code.as_str(), finding.message));
    (read.project, bad.collect())
}

#[test]
fn nothing_is_called_wrong() {
    let (project, bad) = read();
    assert_eq!(bad, [""; 0]);
    assert!(project.migration_count() > 500, "{}", project.migration_count());
    let labels: Vec<&str> = project.apps.iter().map(|app| app.label.text.as_str()).collect();
    for label in [
        "auth",
        "wagtailcore",
        "wagtailimages",
        "account",
        "taggit",
        "oauth2_provider",
        "authtoken",
        "filer",
    ] {
        assert!(labels.contains(&label), "{label} is not among {labels:?}");
    }
}

#[test]
fn nearly_every_operation_is_understood() {
    let (project, _) = read();
    let migrations = project.apps.iter().flat_map(|app| &app.migrations);
    let operations: Vec<&Operation> = migrations.flat_map(|migration| &migration.operations).collect();
    let unknown =
        |operation: &&&Operation| matches!(operation.kind, OperationKind::Unreadable(_) | OperationKind::Custom(_));
    let unknown: Vec<_> = operations.iter().filter(unknown).collect();
    assert!(operations.len() > 1_200, "{}", operations.len());
    assert!(
        unknown.len() * 100 < operations.len(),
        "{} of {}: {unknown:#?}",
        unknown.len(),
        operations.len()
    );
}
