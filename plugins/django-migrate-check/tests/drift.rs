//! `drift.py` in a real Python, on a real Django project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use django_migrate_check::drift::{Answer, SCRIPT, Verdict};
use django_migrate_check::finding::Severity;
use tempfile::TempDir;

const MANAGE: &str = "import os, sys
def main():
    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
if __name__ == '__main__':
    main()
";

const SETTINGS: &str = "INSTALLED_APPS = ['shop']
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '/nonexistent/folder/db.sqlite3'}}
DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'
SECRET_KEY = 'only for tests'
";

const MODELS: &str = "from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=20)
";

const MIGRATION: &str = "from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name='Product',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=20)),
            ],
        ),
    ]
";

/// A Python with Django, made once per target folder.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("django-5.2-for-drift");
        let python = venv.join("bin/python");
        // Written last: a venv whose making was interrupted is made again.
        let ready = venv.join("ready");
        if !ready.exists() {
            let run = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "django==5.2.8"]));
            fs::write(ready, "").unwrap();
        }
        python
    })
}

struct Project {
    folder: TempDir,
    has_manage: bool,
    settings: &'static str,
    path: Vec<PathBuf>,
    flags: &'static [&'static str],
}

impl Project {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let project = Self {
            folder,
            has_manage: true,
            settings: "",
            path: Vec::new(),
            flags: &[],
        };
        project
            .with("manage.py", MANAGE)
            .with("mysite/__init__.py", "")
            .with("mysite/settings.py", SETTINGS)
            .with("shop/__init__.py", "")
            .with("shop/models.py", MODELS)
            .with("shop/migrations/__init__.py", "")
            .with("shop/migrations/0001_initial.py", MIGRATION)
    }

    fn with(self, path: &str, text: &str) -> Self {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn answer(&self) -> Answer {
        let output = Command::new(python())
            .args(self.flags)
            .args([
                "-c",
                SCRIPT,
                if self.has_manage { "manage.py" } else { "" },
                self.settings,
            ])
            .current_dir(self.folder.path())
            .env_remove("DJANGO_SETTINGS_MODULE")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONPATH", std::env::join_paths(&self.path).unwrap())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Answer::parse(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
        })
    }

    fn verdict(&self) -> Verdict {
        Verdict::new(
            &self.answer(),
            self.folder.path().canonicalize().unwrap().to_str().unwrap(),
        )
    }

    /// The text of a verdict that says the project has to be changed first, without its hint.
    fn misconfigured(&self) -> String {
        match self.verdict() {
            Verdict::Misconfigured { text, .. } => text.split("\n\n").next().unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    fn missing(&self) -> Vec<String> {
        match self.verdict() {
            Verdict::Compared(findings) => findings.into_iter().map(|finding| finding.message).collect(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_clean_project_needs_no_database() {
    let Answer::Checked { django, apps, missing } = Project::new().answer() else {
        panic!("checked")
    };
    assert_eq!((django.as_str(), apps, missing.len()), ("5.2.8", 1, 0));
}

#[test]
fn missing_operations_are_told_one_by_one_with_the_model_s_place() {
    let models = format!("{MODELS}    price = models.IntegerField()\n\n\nclass Cart(models.Model):\n    pass\n");
    let Verdict::Compared(findings) = Project::new().with("shop/models.py", &models).verdict() else {
        panic!("compared")
    };
    let told: Vec<_> = findings
        .iter()
        .map(|f| (f.message.as_str(), f.path.as_deref(), f.line))
        .collect();
    let path = Some("shop/models.py");
    assert_eq!(
        told,
        [
            ("`shop` has no migration for: Create model Cart", path, Some(9)),
            ("`shop` has no migration for: Add field price to product", path, Some(4)),
        ]
    );
    assert!(findings.iter().all(|finding| finding.severity == Severity::Error));
}

#[test]
fn what_the_project_prints_does_not_get_into_the_answer() {
    let project = Project::new().with(
        "shop/__init__.py",
        "import os\nprint('hello')\nos.system('echo there')\n",
    );
    assert_eq!(project.missing(), [""; 0]);
}

#[test]
fn broken_settings_are_told_with_their_line() {
    let missing = format!("import os\n{SETTINGS}KEY = os.environ['SHOP_KEY']\n");
    let project = Project::new().with("mysite/settings.py", &missing);
    assert_eq!(
        project.misconfigured(),
        "the settings can't be imported: KeyError: 'SHOP_KEY' (mysite/settings.py:6)"
    );

    let project = Project::new().with("mysite/settings.py", "A = 1\nB = (\n");
    assert_eq!(
        project.misconfigured(),
        "the settings can't be imported: SyntaxError: '(' was never closed (mysite/settings.py:2)"
    );

    let project = Project {
        settings: "mysite.typo",
        ..Project::new()
    };
    assert_eq!(
        project.misconfigured(),
        "the settings can't be imported: ModuleNotFoundError: No module named 'mysite.typo'"
    );

    let project = Project::new().with("mysite/settings.py", "import sys\nsys.exit('no SHOP_KEY')\n");
    assert_eq!(
        project.misconfigured(),
        "the project ended Python while it was loaded: SystemExit: no SHOP_KEY (mysite/settings.py:2)"
    );
}

#[test]
fn a_module_that_the_settings_lack_is_told_with_its_line_and_what_to_add() {
    let settings = format!("{SETTINGS}import absent_package.part\n");
    let verdict = Project::new().with("mysite/settings.py", &settings).verdict();
    let Verdict::Misconfigured { text, finding } = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(
        text,
        "the settings can't be imported: ModuleNotFoundError: No module named 'absent_package' (mysite/settings.py:5)\n\n\
         hint: if `absent_package` comes from a package, add that to the requirements of the environment"
    );
    let finding = finding.unwrap();
    assert_eq!(
        (finding.code.as_str(), finding.path.as_deref(), finding.line),
        ("migrate/not-importable", Some("mysite/settings.py"), Some(5))
    );
}

#[test]
fn a_database_driver_that_is_not_there_is_a_matter_of_the_settings() {
    let project = Project::new().with("mysite/settings.py", &SETTINGS.replace("sqlite3'", "postgresql'"));
    let text = project.misconfigured();
    assert!(
        text.starts_with(
            "the apps can't be loaded: django.core.exceptions.ImproperlyConfigured: Error loading psycopg"
        )
    );
}

#[test]
fn an_import_error_in_models_is_told_with_its_line() {
    let project = Project::new().with("shop/models.py", "import django\nimport stripe\n");
    assert_eq!(
        project.misconfigured(),
        "the apps can't be loaded: ModuleNotFoundError: No module named 'stripe' (shop/models.py:2)"
    );
}

#[test]
fn a_python_without_django_is_named() {
    let project = Project {
        flags: &["-S"],
        ..Project::new()
    };
    let text = project.misconfigured();
    assert!(
        text.starts_with(&format!("Django is not installed in {}", python().display())),
        "{text}"
    );
}

#[test]
fn a_project_without_manage_py_needs_its_settings_named() {
    let project = Project {
        has_manage: false,
        ..Project::new()
    };
    assert_eq!(project.misconfigured(), "no settings module is known");
    let project = Project {
        has_manage: false,
        settings: "mysite.settings",
        ..Project::new()
    };
    assert_eq!(project.missing(), [""; 0]);
}

#[test]
fn what_manage_py_sets_up_is_there() {
    let manage = MANAGE.replace(
        "import os, sys\n",
        "import os, sys\nsys.path.insert(0, 'apps')\nos.environ['A'] = 'b'\n",
    );
    let project = Project::new()
        .with("manage.py", &manage)
        .with("apps/cart/__init__.py", "");
    let settings = SETTINGS.replace("['shop']", "['shop', 'cart']");
    let project = project.with(
        "mysite/settings.py",
        &format!("import os\nA = os.environ['A']\n{settings}"),
    );
    assert_eq!(project.missing(), [""; 0]);
}

#[test]
fn a_migration_that_does_not_load_is_wrong() {
    let project = Project::new().with("shop/migrations/0002_a.py", "import nothing_like_this\n");
    let Verdict::NotLoadable(finding) = project.verdict() else {
        panic!("not loadable")
    };
    assert_eq!(
        finding.message,
        "Django can't load the migrations: ModuleNotFoundError: No module named 'nothing_like_this'"
    );
    assert_eq!(
        (finding.path.as_deref(), finding.line),
        (Some("shop/migrations/0002_a.py"), Some(1))
    );
}

#[test]
fn a_database_that_does_not_answer_matters_only_if_it_is_asked() {
    let asking =
        format!("{MODELS}\n\nfrom django.db import connection\nconnection.cursor().execute('select * from shop')\n");
    let project = Project::new().with("shop/models.py", &asking);
    let Verdict::Unavailable(text) = project.verdict() else {
        panic!("unavailable")
    };
    assert_eq!(
        text,
        "the database does not answer, and the project asks it while it starts: \
         django.db.utils.OperationalError: unable to open database file (shop/models.py:9)"
    );
    let in_memory = SETTINGS.replace("/nonexistent/folder/db.sqlite3", ":memory:");
    let text = project.with("mysite/settings.py", &in_memory).misconfigured();
    assert!(
        text.starts_with("the project asks for data while it is imported, before there are tables: "),
        "{text}"
    );
}

#[test]
fn an_installed_app_s_drift_is_only_a_warning() {
    let installed = TempDir::new().unwrap();
    let app = installed.path().join("tags");
    fs::create_dir_all(app.join("migrations")).unwrap();
    for file in ["__init__.py", "migrations/__init__.py"] {
        fs::write(app.join(file), "").unwrap();
    }
    fs::write(app.join("models.py"), MODELS).unwrap();
    fs::write(
        app.join("migrations/0001_initial.py"),
        MIGRATION.replace("BigAutoField", "AutoField"),
    )
    .unwrap();
    let settings = SETTINGS.replace("['shop']", "['shop', 'tags']");
    let path = vec![installed.path().to_owned()];
    let project = Project {
        path,
        ..Project::new().with("mysite/settings.py", &settings)
    };
    let Verdict::Compared(findings) = project.verdict() else {
        panic!("compared")
    };
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(
        findings[0].message,
        "the installed app `tags` has 1 model change that none of its migrations has"
    );
    assert_eq!(findings[0].severity, Severity::Warning);
}
