//! `init [FOLDER]`: a manifest for the Django project that is there. It shows what it found and asks nothing.

mod account;
mod branch;
mod deployment;
mod django;
mod manifest_text;
mod packages;
mod programs;
mod pyproject;
mod python_text;
mod stage_table;
mod survey;
mod test_runner;
mod tree;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::args::InitArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::machine;
use crate::project::MANIFEST;
use manifest_text::ManifestText;
use survey::Survey;

pub(crate) fn run(args: InitArgs, console: &Console) -> Result<u8, Failure> {
    let root = args
        .folder
        .canonicalize()
        .map_err(|error| Failure::usage(format!("{}: {error}", args.folder.display())))?;
    let file = root.join(MANIFEST);
    if !args.force && file.symlink_metadata().is_ok() {
        return Err(exists(&args.folder));
    }
    let host = machine::host();
    let survey = Survey::of(&root, host.var("PATH").unwrap_or_default()).ok_or_else(|| no_project(&args.folder))?;
    let folder_name = root
        .file_name()
        .map_or_else(|| "site".into(), |name| name.to_string_lossy());
    let name = stage_table::one_line(&folder_name);
    let manifest = ManifestText {
        survey: &survey,
        name: &name,
    };
    write(&file, &manifest.text(), args.force).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(&args.folder),
        _ => Failure::usage(format!(
            "failed to write {}: {error}",
            args.folder.join(MANIFEST).display()
        )),
    })?;
    if !console.quiet {
        let mut out = console.stdout();
        for (name, found) in account::lines(&survey) {
            writeln!(out, "{name:<13} {}", stage_table::one_line(&found))?;
        }
        let stages = manifest.stages().join(", ");
        writeln!(
            out,
            "\nWrote {} with the stages {stages}",
            shown(&args.folder.join(MANIFEST))
        )?;
        writeln!(
            out,
            "\nhint: `tidegate plan` shows what each stage may do, `tidegate run` runs them"
        )?;
    }
    Ok(0)
}

/// Without `force` a file that came about meanwhile is kept.
fn write(file: &Path, text: &str, force: bool) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    options.open(file)?.write_all(text.as_bytes())
}

fn exists(folder: &Path) -> Failure {
    Failure::usage(format!("{} is there already", shown(&folder.join(MANIFEST))))
        .hint("`tidegate check` reads it; `tidegate init --force` overwrites it")
}

fn no_project(folder: &Path) -> Failure {
    let place = if folder == Path::new(".") {
        "this folder".into()
    } else {
        folder.display().to_string()
    };
    Failure::usage(format!("there is no Django project in {place}"))
        .hint("it is found by a manage.py that speaks of Django, up to five folders deep")
        .hint("hidden folders, virtual environments and node_modules are not looked at")
}

/// Without the `./` of the default.
fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}
