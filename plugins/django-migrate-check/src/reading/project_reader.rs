use std::collections::BTreeMap;

use ruff_python_parser::{Parsed, parse_module};
use ruff_text_size::Ranged;

use super::migration_reader::{MigrationFile, read_migration};
use super::{EncodingError, Files, FilesError, SourceText, app_config, nesting};
use crate::finding::{Code, Finding};
use crate::model::{App, Label, Project};

/// No migration that people wrote is larger; data of this size does not belong into a migration.
const MAX_FILE_BYTES: usize = 2 * 1024 * 1024;

/// Folders with code that is not the project's own.
const FOREIGN_FOLDERS: [&str; 3] = ["node_modules", "site-packages", "dist-packages"];

/// A project and what was found wrong while it was read.
#[derive(Debug, Default)]
pub struct ReadProject {
    pub project: Project,
    pub findings: Vec<Finding>,
}

/// Reads all apps with migrations in a folder of the workspace; an empty folder's name is the workspace itself.
///
/// # Errors
/// If the workspace can't be listed. A file that can't be read or parsed is a finding.
pub fn read_project(files: &impl Files, folder: &str) -> Result<ReadProject, FilesError> {
    let prefix = if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    };
    let paths = files.glob(&[format!("{prefix}**/migrations/*.py")])?;
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in paths.iter().filter(|path| is_own(path)) {
        if let Some((folder, file)) = path.rsplit_once('/') {
            folders.entry(folder).or_default().push(file);
        }
    }
    let mut reader = ProjectReader {
        files,
        read: ReadProject::default(),
    };
    for (folder, names) in folders {
        reader.read_app(folder, &names);
    }
    Ok(reader.read)
}

/// True for source of the project: not hidden, not installed, not a template.
pub(crate) fn is_own(path: &str) -> bool {
    path.split('/')
        .all(|part| !part.starts_with('.') && !part.contains("{{") && !FOREIGN_FOLDERS.contains(&part))
}

/// Why a file's content is not known.
struct Unreadable {
    finding: Finding,
    /// True if its text has the class all the same, or its name is that of a migration.
    is_likely: bool,
}

struct ProjectReader<'a, F> {
    files: &'a F,
    read: ReadProject,
}

impl<F: Files> ProjectReader<'_, F> {
    fn read_app(&mut self, folder: &str, names: &[&str]) {
        let path = folder.rsplit_once('/').map_or("", |(app, _)| app);
        let mut app = App {
            label: Label {
                text: String::new(),
                is_certain: true,
            },
            path: path.to_owned(),
            migrations: Vec::new(),
            unreadable: Vec::new(),
        };
        let mut findings = Vec::new();
        let mut without_class = Vec::new();
        let mut is_migrations = false;
        for name in names.iter().filter_map(|file| module_name(file)) {
            let path = format!("{folder}/{name}.py");
            match self.read_file(name, &path) {
                Ok(MigrationFile::Migration(migration)) => {
                    is_migrations = true;
                    app.migrations.push(*migration);
                }
                Ok(MigrationFile::NoMigration) => without_class.push(path),
                Ok(MigrationFile::MadeElsewhere { line }) => {
                    app.unreadable.push(name.to_owned());
                    let message = format!("the class Migration of {name} is made elsewhere, so it was not checked");
                    findings.push(Finding::new(Code::Dynamic, message).at(path, Some(line)));
                }
                Err(unreadable) => {
                    is_migrations |= unreadable.is_likely;
                    app.unreadable.push(name.to_owned());
                    findings.push(unreadable.finding);
                }
            }
        }
        if !is_migrations {
            // Some other folder that has this name.
            return;
        }
        let is_package = names.contains(&"__init__.py");
        app.label = self.label(path);
        findings.extend(without_class.into_iter().map(|path| without_migration(&path)));
        if !is_package {
            findings.push(not_a_package(folder, &app));
        }
        self.read.findings.append(&mut findings);
        self.read.project.apps.push(app);
    }

    fn read_file(&self, name: &str, path: &str) -> Result<MigrationFile, Unreadable> {
        let bytes = self.files.read(path).map_err(|error| Unreadable {
            finding: not_analysed(path, &error.to_string()),
            is_likely: false,
        })?;
        let has_word = contains(&bytes, b"Migration");
        let is_likely = contains(&bytes, b"class Migration(") || is_numbered(name);
        // Parsed also without the word: a file that is no Python is not one that only lacks the class.
        let read = decode(path, bytes).and_then(|source| {
            let module = parse(path, &source)?;
            Ok(read_migration(name, path, &source, module.suite()))
        });
        match read {
            Err(finding) if finding.code == Code::NotAnalysed && !has_word => Ok(MigrationFile::NoMigration),
            read => read.map_err(|finding| Unreadable { finding, is_likely }),
        }
    }

    fn label(&self, path: &str) -> Label {
        let folder = path.rsplit('/').next().unwrap_or(path);
        let by_folder = Label {
            text: folder.to_owned(),
            is_certain: !folder.is_empty(),
        };
        let apps = if path.is_empty() {
            "apps.py".to_owned()
        } else {
            format!("{path}/apps.py")
        };
        let Ok(bytes) = self.files.read(&apps) else {
            return by_folder;
        };
        let uncertain = Label {
            text: folder.to_owned(),
            is_certain: false,
        };
        let Ok(source) = decode(&apps, bytes) else {
            return uncertain;
        };
        let Ok(module) = parse(&apps, &source) else {
            return uncertain;
        };
        app_config::read_label(&source, module.suite(), folder).unwrap_or(by_folder)
    }
}

/// As makemigrations names files: `0001_initial`.
fn is_numbered(name: &str) -> bool {
    name.split_once('_')
        .is_some_and(|(number, _)| number.len() >= 4 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    memchr::memmem::find(bytes, text).is_some()
}

fn decode(path: &str, bytes: Vec<u8>) -> Result<SourceText, Finding> {
    if bytes.len() > MAX_FILE_BYTES {
        let limit = MAX_FILE_BYTES / (1024 * 1024);
        return Err(not_analysed(path, &format!("it is larger than {limit} MiB")));
    }
    SourceText::decode(bytes).map_err(|error| match error {
        EncodingError::NotUtf8 { line } => Finding::new(Code::Encoding, format!("the file is {error}"))
            .at(path, Some(line))
            .help("save it as UTF-8, or declare its encoding in the first line: # -*- coding: latin-1 -*-"),
        EncodingError::Unknown { .. } => not_analysed(path, &error.to_string()),
    })
}

fn parse(path: &str, source: &SourceText) -> Result<Parsed<ruff_python_ast::ModModule>, Finding> {
    if !nesting::is_shallow(source.as_str()) {
        return Err(not_analysed(path, "its expressions are nested too deeply"));
    }
    parse_module(source.as_str()).map_err(|error| {
        let line = source.line_at(error.range().start());
        Finding::new(
            Code::Syntax,
            format!("Python can't parse this: {}", lower_first(&error.error.to_string())),
        )
        .at(path, Some(line))
    })
}

/// The migration that a file is to Django: not `__init__`, nor a private or hidden one.
fn module_name(file: &str) -> Option<&str> {
    let name = file.strip_suffix(".py")?;
    (!name.starts_with(['_', '~']) && !name.contains('.')).then_some(name)
}

fn not_analysed(path: &str, why: &str) -> Finding {
    Finding::new(Code::NotAnalysed, format!("the file was not checked: {why}")).at(path, None)
}

fn without_migration(path: &str) -> Finding {
    Finding::new(
        Code::NoMigrationClass,
        "the file has no class Migration, so Django refuses to load the app's migrations",
    )
    .at(path, None)
    .help("move it out of the migrations folder, or let its name start with an underscore")
}

fn not_a_package(folder: &str, app: &App) -> Finding {
    let first = app.migrations.first().map(|migration| migration.path.clone());
    let message = format!("{folder} has no __init__.py, so Django ignores its migrations");
    Finding::new(Code::NotAPackage, message)
        .at(first.unwrap_or_else(|| folder.to_owned()), None)
        .help(format!("add an empty file {folder}/__init__.py"))
}

fn lower_first(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .map(|first| first.to_lowercase().chain(rest).collect())
        .unwrap_or_default()
}
