use std::collections::BTreeMap;

use thiserror::Error;
use tidegate_sdk::{Failure, failure, files};

use crate::workspace::{Workspace, folder, join};

/// More files than any project has; includes that multiply must come to an end.
const FILES: usize = 200;

/// Requirements files with everything that they include.
#[derive(Debug, Default)]
pub(crate) struct Requirements {
    /// Path and text, each once.
    pub(crate) files: BTreeMap<String, String>,
    /// Folders of local projects, `-e ./lib` or `./lib`, relative to the workspace.
    pub(crate) local: Vec<String>,
}

/// How installers name a place in a requirements file: pip by its line, uv by the byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Line { path: String, line: u32 },
    Offset { path: String, bytes: usize },
}

#[derive(Debug, PartialEq, Error)]
pub(crate) enum RequirementsError {
    #[error("{0}: no such file")]
    Missing(String),
    #[error("{by}:{line} includes {path}, and there is no such file")]
    MissingInclude { path: String, by: String, line: u32 },
    #[error("the requirements include more than {FILES} files")]
    TooMany,
    #[error(transparent)]
    Unreadable(#[from] files::Error),
}

impl From<RequirementsError> for Failure {
    fn from(error: RequirementsError) -> Self {
        match error {
            RequirementsError::Unreadable(error) => error.into(),
            error => failure::misconfigured(error.to_string()),
        }
    }
}

impl Requirements {
    pub(crate) fn read(roots: &[String], workspace: &impl Workspace) -> Result<Self, RequirementsError> {
        let mut found = Self::default();
        let mut waiting: Vec<(String, Option<(String, u32)>)> =
            roots.iter().rev().map(|path| (join("", path), None)).collect();
        while let Some((path, included)) = waiting.pop() {
            if found.files.contains_key(&path) {
                continue;
            }
            if found.files.len() == FILES {
                return Err(RequirementsError::TooMany);
            }
            let text = workspace.read(&path)?.ok_or_else(|| match included {
                Some((by, line)) => RequirementsError::MissingInclude {
                    path: path.clone(),
                    by,
                    line,
                },
                None => RequirementsError::Missing(path.clone()),
            })?;
            let base = folder(&path).to_owned();
            for (line, text) in lines(&text) {
                match kind(&text) {
                    Line::Include(target) if is_local(target) => {
                        waiting.push((join(&base, target), Some((path.clone(), line))));
                    }
                    Line::Local(target) => found.local.push(join(&base, target)),
                    Line::Include(_) | Line::Other => {}
                }
            }
            found.files.insert(path, text);
        }
        Ok(found)
    }

    /// The file and line that ask for `requirement`: by its whole text, else the first by the package's name.
    pub(crate) fn place(&self, requirement: &str) -> Option<(&str, u32)> {
        let bare = |text: &str| text.replace(char::is_whitespace, "");
        let whole = bare(requirement);
        let wanted = normalized(name(requirement));
        self.find(|line| bare(line.split(';').next().unwrap_or(line)) == whole)
            .or_else(|| self.find(|line| normalized(name(line)) == wanted))
    }

    fn find(&self, is_it: impl Fn(&str) -> bool) -> Option<(&str, u32)> {
        self.files.iter().find_map(|(path, text)| {
            let (line, _) = lines(text).into_iter().find(|(_, line)| is_it(line))?;
            Some((path.as_str(), line))
        })
    }

    /// A place as an installer names it, if the file is one of these.
    pub(crate) fn told(&self, place: &Told) -> Option<(&str, u32)> {
        let (Told::Line { path, .. } | Told::Offset { path, .. }) = place;
        let path = join("", path);
        let is_it = |known: &str| path == known || path.ends_with(&format!("/{known}"));
        let (path, text) = self.files.iter().find(|(known, _)| is_it(known))?;
        let line = match place {
            Told::Line { line, .. } => *line,
            Told::Offset { bytes, .. } => {
                let before = text.as_bytes().get(..*bytes)?;
                u32::try_from(before.iter().filter(|byte| **byte == b'\n').count() + 1).ok()?
            }
        };
        Some((path.as_str(), line))
    }
}

/// A package's name at the start of a requirement: `Django[argon2]>=5` is about `Django`.
pub(crate) fn name(requirement: &str) -> &str {
    let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    &requirement[..end.unwrap_or(requirement.len())]
}

/// Names are compared as the index does: <https://packaging.python.org/en/latest/specifications/name-normalization/>
pub(crate) fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

enum Line<'a> {
    Include(&'a str),
    Local(&'a str),
    Other,
}

fn kind(line: &str) -> Line<'_> {
    for option in ["-r", "-c", "--requirement", "--constraint"] {
        if let Some(target) = value(line, option) {
            return Line::Include(target);
        }
    }
    let target = value(line, "-e").or_else(|| value(line, "--editable")).unwrap_or(line);
    let path = target.split(['[', ';']).next().unwrap_or_default().trim_end();
    if (path == "." || path.starts_with("./") || path.starts_with("../")) && !path.ends_with(".whl") {
        Line::Local(path)
    } else {
        Line::Other
    }
}

/// The value of an option: `-r base.txt`, `-rbase.txt`, `--requirement=base.txt`.
fn value<'a>(line: &'a str, option: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(option)?;
    let value = rest.trim_start_matches([' ', '\t', '=']);
    let separated = value.len() < rest.len() || !option.starts_with("--");
    (separated && !value.is_empty()).then_some(value)
}

fn is_local(path: &str) -> bool {
    !path.contains("://")
}

/// Logical lines with the number of their first one: without comments, continued lines joined.
fn lines(text: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    let mut rest = (1..).zip(text.lines());
    while let Some((number, line)) = rest.next() {
        let mut whole = without_comment(line).to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            match rest.next() {
                Some((_, next)) => whole.push_str(without_comment(next)),
                None => break,
            }
        }
        let whole = whole.trim();
        if !whole.is_empty() {
            found.push((number, whole.to_owned()));
        }
    }
    found
}

/// A `#` begins a comment at a line's start and behind white space; in a URL it does not.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    match line.find(" #").or_else(|| line.find("\t#")) {
        Some(at) => line[..at].trim_end(),
        None => line.trim_end(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_followed_from_where_they_stand() {
        let workspace = BTreeMap::from([
            (
                "req/dev.txt",
                "-r base.txt # all\n--constraint=../limits.txt\npytest\n-e ../lib[x]\n",
            ),
            (
                "req/base.txt",
                "-r dev.txt\nDjango[argon2]>=5 ; python_version > '3'\nhttps://x/y.whl#egg=a\n",
            ),
            ("limits.txt", "sql_parse==1 \\\n  --hash=sha256:00\n"),
        ]);
        let found = Requirements::read(&["req/dev.txt".into()], &workspace).unwrap();
        assert_eq!(
            found.files.keys().collect::<Vec<_>>(),
            ["limits.txt", "req/base.txt", "req/dev.txt"]
        );
        assert_eq!(found.local, ["lib"]);
        assert_eq!(found.place("django"), Some(("req/base.txt", 2)));
        assert_eq!(found.place("Sql-Parse"), Some(("limits.txt", 1)));
        assert_eq!(found.place("sql"), None);
    }

    #[test]
    fn of_two_lines_about_a_package_the_one_that_is_meant_is_found() {
        let workspace = BTreeMap::from([(
            "r.txt",
            "django==4.2\n\nDjango == 5.1 ; python_version > '3'\ndjango==5.1\n",
        )]);
        let found = Requirements::read(&["r.txt".into()], &workspace).unwrap();
        assert_eq!(found.place("django==5.1"), Some(("r.txt", 4)));
        assert_eq!(found.place("Django==5.1"), Some(("r.txt", 3)));
        assert_eq!(found.place("django==6"), Some(("r.txt", 1)));
        let told = |bytes| Told::Offset {
            path: "./r.txt".into(),
            bytes,
        };
        assert_eq!(found.told(&told(0)), Some(("r.txt", 1)));
        assert_eq!(found.told(&told(13)), Some(("r.txt", 3)));
        assert_eq!(found.told(&told(9_999)), None);
    }

    #[test]
    fn a_missing_file_names_who_includes_it() {
        let workspace = BTreeMap::from([("a.txt", "# first\n-r gone.txt\n")]);
        let error = Requirements::read(&["a.txt".into()], &workspace).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.txt:2 includes gone.txt, and there is no such file"
        );
        let error = Requirements::read(&["b.txt".into()], &workspace).unwrap_err();
        assert_eq!(error, RequirementsError::Missing("b.txt".into()));
    }
}
