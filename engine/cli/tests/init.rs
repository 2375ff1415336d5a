//! `tidegate init` on projects of several shapes: what it says, what it writes, and that `check` takes it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const MANAGE: &str = "import os, sys\n\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n    \
                      from django.core.management import execute_from_command_line\n    execute_from_command_line(sys.argv)\n";

/// A project in a folder of its own, with a PATH on which only some programs are.
struct Project {
    folder: TempDir,
    root: PathBuf,
}

impl Project {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join(name);
        for (file, text) in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let project = Self { folder, root };
        project.link_python();
        project
    }

    /// Puts this machine's Python on the project's PATH: the program itself, not a version manager's launcher of it.
    fn link_python(&self) {
        let question = "import os, sys; print(os.path.realpath(sys.executable))";
        let output = Command::new("python3")
            .args(["-c", question])
            .output()
            .expect("python3 is needed for this test");
        let python = String::from_utf8(output.stdout).unwrap();
        symlink(python.trim(), self.folder.path().join("bin/python3")).unwrap();
    }

    fn fake_uv(self) -> Self {
        let uv = self.folder.path().join("bin/uv");
        fs::write(&uv, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&uv, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn tidegate(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command
            .args(args)
            .current_dir(&self.root)
            .env_clear()
            .env("PATH", self.folder.path().join("bin"))
            .env("HOME", self.folder.path())
            // Compiled components: once for all tests.
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
        command.output().unwrap()
    }

    fn manifest(&self) -> String {
        fs::read_to_string(self.root.join("tidegate.toml")).unwrap()
    }

    /// What `init` printed and wrote, after `check` took it.
    fn init(&self) -> String {
        let output = self.tidegate(&["init"]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(0), String::new()),
            "{said}"
        );
        assert!(
            said.lines().all(|line| line.chars().count() <= 80),
            "a line is longer than a terminal:\n{said}"
        );
        let check = self.tidegate(&["check"]);
        assert_eq!(
            check.status.code(),
            Some(0),
            "{}{}",
            text(&check.stderr),
            self.manifest()
        );
        assert!(!text(&check.stderr).contains("warning"), "{}", text(&check.stderr));
        self.check_deployment();
        format!("{said}\n---- tidegate.toml\n{}", self.manifest())
    }

    /// Without its marks the deployment is a part of the pipeline, once the host's keys are there.
    fn check_deployment(&self) {
        let manifest = self.manifest();
        let (before, after) = manifest.split_once("\n#[targets.staging]").unwrap();
        let lines: Vec<_> = after
            .lines()
            .map(|line| line.strip_prefix('#').unwrap_or(line))
            .collect();
        fs::write(
            self.root.join("whole.toml"),
            format!("{before}\n[targets.staging]{}", lines.join("\n")),
        )
        .unwrap();
        fs::create_dir_all(self.root.join("deploy")).unwrap();
        let known_hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop/deploy/known_hosts");
        fs::copy(known_hosts, self.root.join("deploy/known_hosts")).unwrap();
        let check = self.tidegate(&["check", "--manifest", "whole.toml"]);
        assert_eq!(check.status.code(), Some(0), "{}{}", text(&check.stderr), manifest);
        fs::remove_file(self.root.join("whole.toml")).unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn as_startproject_makes_it() {
    let settings =
        "BASE_DIR = 1\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3'}}\nSTATIC_URL = 'static/'\n";
    let project = Project::new(
        "site1",
        &[
            ("manage.py", MANAGE),
            ("site1/__init__.py", ""),
            ("site1/settings.py", settings),
            ("requirements.txt", "Django>=5.2,<5.3\n"),
        ],
    );
    insta::assert_snapshot!(project.init());
}

#[test]
fn backend_in_a_folder_with_postgresql_and_variables() {
    let base = "import os\nSECRET_KEY = os.environ['SECRET_KEY']\nALLOWED_HOSTS = os.environ[\"ALLOWED_HOSTS\"].split(',')\n\
                DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}\n\
                STATIC_ROOT = os.path.join(BASE_DIR, 'public', 'static')\n";
    let project = Project::new(
        "shop",
        &[
            (
                "backend/manage.py",
                &MANAGE.replace("site1.settings", "config.settings.local"),
            ),
            ("backend/config/settings/__init__.py", ""),
            ("backend/config/settings/base.py", base),
            ("backend/config/settings/local.py", "from .base import *\n"),
            (
                "backend/pytest.ini",
                "[pytest]\nDJANGO_SETTINGS_MODULE = config.settings.test\n",
            ),
            ("backend/requirements/base.txt", "Django==5.2.1\npsycopg[binary]\n"),
            ("backend/requirements/local.txt", "-r base.txt\npytest-django\n"),
            ("backend/requirements/production.txt", "-r base.txt\ngunicorn\n"),
            ("examples/small/demo/manage.py", MANAGE),
            ("frontend/node_modules/tool/manage.py", MANAGE),
            (".git/HEAD", "ref: refs/heads/fix/login\n"),
            (".git/refs/remotes/origin/HEAD", "ref: refs/remotes/origin/develop\n"),
        ],
    );
    insta::assert_snapshot!(project.init());
}

const LOCKED: [(&str, &str); 5] = [
    ("src/manage.py", MANAGE),
    ("src/site1/settings.py", "STATIC_ROOT = '/var/www/static'\n"),
    (
        "pyproject.toml",
        "[project]\nname = 'site1'\nversion = '1'\ndependencies = ['django']\n[project.optional-dependencies]\ntest = ['coverage']\n\
         [dependency-groups]\ndev = ['pytest-django']\ndocs = ['sphinx']\n[tool.uv]\npackage = false\n\
         [tool.pytest.ini_options]\naddopts = ['-q', '--ds=site1.settings']\n",
    ),
    ("uv.lock", "version = 1\n"),
    (".python-version", "3.99\n"),
];

#[test]
fn locked_by_uv() {
    insta::assert_snapshot!(Project::new("locked", &LOCKED).fake_uv().init());
}

#[test]
fn locked_by_uv_that_is_not_there() {
    insta::assert_snapshot!(Project::new("locked", &LOCKED).init());
}

#[test]
fn nothing_says_what_to_install() {
    let manage = "import django\nfrom tools import settings_for\nsettings_for()\n";
    let poetry = "[tool.poetry.dependencies]\ndjango = '*'\n";
    let files = [
        ("manage.py", manage),
        ("tests/conftest.py", ""),
        ("pyproject.toml", poetry),
    ];
    insta::assert_snapshot!(Project::new("bare", &files).init());
}

#[test]
fn odd_names_stay_texts() {
    let project = Project::new(
        "it's \"odd\"\n",
        &[
            ("my site/manage.py", MANAGE),
            ("my site/requirements.txt", "django\n"),
            (".git/HEAD", "ref: refs/heads/it's\n"),
        ],
    );
    insta::assert_snapshot!(project.init());
}

#[test]
fn a_manifest_that_is_there_is_kept() {
    let project = Project::new("site1", &[("manage.py", MANAGE), ("tidegate.toml", "# mine\n")]);
    let output = project.tidegate(&["init"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "error: tidegate.toml is there already\n\n\
         hint: `tidegate check` reads it; `tidegate init --force` overwrites it\n"
    );
    assert_eq!(project.manifest(), "# mine\n");
    assert_eq!(project.tidegate(&["init", "--force", "--quiet"]).stdout, b"");
    assert!(project.manifest().contains("[stages.env]"));
}

#[test]
fn without_a_django_project() {
    let project = Project::new("empty", &[("tools/manage.py", "print('of something else')\n")]);
    let output = project.tidegate(&["init"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "error: there is no Django project in this folder\n\n\
         hint: it is found by a manage.py that speaks of Django, up to five folders deep\n\
         hint: hidden folders, virtual environments and node_modules are not looked at\n"
    );
    assert!(!project.root.join("tidegate.toml").exists());
}

#[test]
fn the_examples_manifest_could_have_begun_so() {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop");
    let mut files = Vec::new();
    for name in [
        "manage.py",
        "pyproject.toml",
        "requirements.txt",
        "requirements-dev.txt",
        "shop/settings/__init__.py",
    ] {
        files.push((name, fs::read_to_string(shop.join(name)).unwrap()));
    }
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    insta::assert_snapshot!(Project::new("shop", &files).init());
}
