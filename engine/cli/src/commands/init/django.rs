//! The Django project: its manage.py and its settings.

use super::python_text::{assigned, first_literal, is_module, literals, required_variables};
use super::tree::{Tree, folder_of, join};

/// Where the settings module is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) module: String,
    /// The file that names it.
    pub(super) named_in: String,
}

/// The folder that `collectstatic` writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StaticFiles {
    /// Relative to the root.
    pub(super) folder: String,
    pub(super) named_in: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Django {
    /// Where manage.py is, relative to the root; empty for the root itself.
    pub(super) folder: String,
    /// Other files of that name, farther from the root.
    pub(super) others: Vec<String>,
    pub(super) settings: Option<Settings>,
    pub(super) static_files: Option<StaticFiles>,
    /// Variables that the settings read and that have no default.
    pub(super) required: Vec<String>,
    /// The settings speak of a database server, and not of SQLite alone.
    pub(super) database_server: Option<&'static str>,
}

/// Words in settings by which a database server shows.
const SERVERS: [(&str, &str); 5] = [
    ("backends.postgresql", "PostgreSQL"),
    ("postgis", "PostgreSQL"),
    ("postgres://", "PostgreSQL"),
    ("backends.mysql", "MySQL"),
    ("mysql://", "MySQL"),
];

impl Django {
    /// The manage.py nearest to the root; the first by name of several that are equally near. `None` without one.
    pub(super) fn find(tree: &Tree) -> Option<Self> {
        let mut all: Vec<_> = tree.files().filter(|path| is_manage(tree, path)).collect();
        all.sort_by_key(|path| path.matches('/').count());
        let (first, others) = all.split_first()?;
        let folder = folder_of(first).to_owned();
        let settings = settings_of(&tree.text(first)?).map(|module| Settings {
            module,
            named_in: (*first).to_owned(),
        });
        let files = settings
            .as_ref()
            .map(|settings| settings_files(tree, &folder, &settings.module))
            .unwrap_or_default();
        let texts: Vec<_> = files
            .iter()
            .filter_map(|path| Some((path.as_str(), tree.text(path)?)))
            .collect();
        let mut required: Vec<String> = Vec::new();
        for (_, text) in &texts {
            for name in required_variables(text) {
                if !required.iter().any(|known| known == name) {
                    required.push(name.to_owned());
                }
            }
        }
        let server = SERVERS
            .iter()
            .find(|(word, _)| texts.iter().any(|(_, text)| text.contains(word)));
        Some(Self {
            static_files: texts.iter().find_map(|(path, text)| static_files(text, path, &folder)),
            others: others.iter().map(ToString::to_string).collect(),
            database_server: server.map(|(_, name)| *name),
            folder,
            settings,
            required,
        })
    }

    pub(super) fn manage(&self) -> String {
        join(&self.folder, "manage.py")
    }
}

/// Other tools have a manage.py as well.
fn is_manage(tree: &Tree, path: &str) -> bool {
    let is_named_so = path == "manage.py" || path.ends_with("/manage.py");
    is_named_so
        && tree
            .text(path)
            .is_some_and(|text| text.contains("django") || text.contains("DJANGO"))
}

/// The module in `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")`, or in an assignment.
pub(super) fn settings_of(text: &str) -> Option<String> {
    text.match_indices("DJANGO_SETTINGS_MODULE").find_map(|(at, name)| {
        let after = &text[at + name.len()..];
        // The quote that closes the variable's name is no opening one.
        let after = after.strip_prefix(['"', '\'']).unwrap_or(after);
        let module = first_literal(after.split('\n').take(2).collect::<String>().as_str())?.to_owned();
        is_module(&module).then_some(module)
    })
}

/// The file of the module, then those beside it that it imports from.
fn settings_files(tree: &Tree, folder: &str, module: &str) -> Vec<String> {
    let path = join(folder, &module.replace('.', "/"));
    let own = [format!("{path}.py"), format!("{path}/__init__.py")];
    let Some(own) = own.into_iter().find(|path| tree.has(path)) else {
        return Vec::new();
    };
    let text = tree.text(&own).unwrap_or_default();
    let beside = folder_of(&own).to_owned();
    let imported = text.lines().filter_map(|line| {
        let module = line.trim_start().strip_prefix("from ")?.split_whitespace().next()?;
        let last = module.rsplit('.').next().filter(|last| !last.is_empty())?;
        let path = join(&beside, &format!("{last}.py"));
        tree.has(&path).then_some(path)
    });
    let mut files = vec![own.clone()];
    files.extend(imported.filter(|path| *path != own));
    files
}

/// Only where the text tells the whole folder: below BASE_DIR, which usually is the folder of manage.py.
fn static_files(text: &str, path: &str, folder: &str) -> Option<StaticFiles> {
    let value = assigned(text, "STATIC_ROOT")?;
    let odd = ["environ", "env(", "config(", ".parent", "dirname", "f\"", "f'"];
    if odd.iter().any(|word| value.contains(word)) {
        return None;
    }
    let name = literals(value).join("/");
    let name = name.trim_end_matches('/');
    let is_plain = !name.is_empty()
        && name
            .split('/')
            .all(|part| !matches!(part, "" | "." | "..") && !part.starts_with(['~', '$']))
        && !name.contains(['{', '\\']);
    is_plain.then(|| StaticFiles {
        folder: join(folder, name),
        named_in: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_in_every_usual_form() {
        let found = |text: &str| settings_of(text);
        assert_eq!(
            found("os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')").as_deref(),
            Some("shop.settings")
        );
        assert_eq!(
            found("os.environ.setdefault(\n    \"DJANGO_SETTINGS_MODULE\", \"a.b.c\"\n)").as_deref(),
            Some("a.b.c")
        );
        assert_eq!(
            found("setdefault(\n  \"DJANGO_SETTINGS_MODULE\",\n  \"a.settings\")").as_deref(),
            Some("a.settings")
        );
        assert_eq!(
            found("os.environ[\"DJANGO_SETTINGS_MODULE\"] = \"x.y\"").as_deref(),
            Some("x.y")
        );
        assert_eq!(found("setdefault(\"DJANGO_SETTINGS_MODULE\", f\"shop.{name}\")"), None);
        assert_eq!(found("print('hello')"), None);
    }

    #[test]
    fn only_a_folder_that_the_text_tells_whole_is_taken() {
        let folder =
            |value: &str| static_files(&format!("STATIC_ROOT = {value}\n"), "s.py", "src").map(|found| found.folder);
        assert_eq!(folder("BASE_DIR / \"staticfiles\"").as_deref(), Some("src/staticfiles"));
        assert_eq!(
            folder("os.path.join(BASE_DIR, 'public', 'static/')").as_deref(),
            Some("src/public/static")
        );
        for other in [
            "'/var/www/static'",
            "env('STATIC_ROOT')",
            "BASE_DIR.parent / 'static'",
            "BASE_DIR / '..' / 'x'",
            "ROOT",
        ] {
            assert_eq!(folder(other), None, "{other}");
        }
    }
}
