//! Runs that are none, or that broke off: each has its own answer, and never a pass.

use super::ran::{MIDDLE, NEW, NONE, Ran, pytest};

#[test]
fn a_test_that_ends_the_process_is_named() {
    let text = "import os, signal\ndef test_a(): pass\ndef test_b(): os._exit(0)\ndef test_c(): pass\n";
    let ran = pytest(NEW, "{}", &[("test_a.py", text)]);
    assert_eq!(
        ran.failed(),
        "pytest ended with exit code 0, but its session did not reach its end after 1 of 3 tests"
    );

    let text = "import os, signal\ndef test_b(): os.kill(os.getpid(), signal.SIGKILL)\n";
    let ran = pytest(NEW, "{}", &[("test_a.py", text)]);
    assert_eq!(
        ran.failed(),
        "pytest was killed by signal 9 (SIGKILL) while it ran test_a.py::test_b"
    );

    let ran = pytest(NEW, r#"{"args": ["-n", "1"]}"#, &[("test_a.py", text)]);
    assert_eq!(ran.failed(), "1 errored of 1 tests");
    let message = &ran.session.bad_tests[0].problems[0].error.message;
    assert_eq!(message, "worker 'gw0' crashed while running 'test_a.py::test_b'");
}

#[test]
fn an_exit_that_a_test_asks_for_is_no_pass() {
    let text = "import pytest\ndef test_a(): pytest.exit('enough', returncode=0)\n";
    let ran = pytest(NEW, "{}", &[("test_a.py", text)]);
    assert_eq!(
        ran.failed(),
        "the test run was interrupted: _pytest.outcomes.Exit: enough after 0 of 1 tests"
    );
    let text = "def test_a(): pass\ndef test_b(): raise KeyboardInterrupt\n";
    let ran = pytest(NEW, "{}", &[("test_a.py", text)]);
    assert_eq!(
        ran.failed(),
        "the test run was interrupted: KeyboardInterrupt after 1 of 2 tests"
    );
}

#[test]
fn a_broken_test_file_fails_and_a_missing_package_is_misconfigured() {
    let fine = ("test_fine.py", "def test_a(): pass\n");
    let ran = pytest(NEW, "{}", &[fine, ("test_bad.py", "\nx = undefined\n")]);
    assert_eq!(
        ran.failed(),
        "test_bad.py can't be collected: NameError: name 'undefined' is not defined (test_bad.py:2)"
    );
    let ran = pytest(NEW, "{}", &[fine, ("test_bad.py", "def f(:\n")]);
    assert!(
        ran.failed()
            .starts_with("test_bad.py can't be collected: SyntaxError: invalid syntax"),
        "{}",
        ran.failed()
    );

    let missing = "import absent_package.part\n";
    for config in ["{}", r#"{"args": ["-n", "1"]}"#] {
        let ran = pytest(NEW, config, &[fine, ("test_bad.py", missing)]);
        let text = ran.misconfigured();
        assert!(
            text.starts_with("test_bad.py can't be collected: ModuleNotFoundError: No module named "),
            "{text}"
        );
        assert!(
            text.contains("\n\nhint: if `absent_package` comes from a package, "),
            "{text}"
        );
    }

    let ran = pytest(NEW, "{}", &[fine, ("conftest.py", "1/0\n")]);
    assert_eq!(
        ran.failed(),
        "conftest.py can't be loaded: ZeroDivisionError: division by zero (conftest.py:1)"
    );
    let ran = pytest(NEW, "{}", &[fine, ("conftest.py", missing)]);
    assert!(
        ran.misconfigured()
            .starts_with("pytest can't start: ModuleNotFoundError: "),
        "{}",
        ran.misconfigured()
    );
}

#[test]
fn no_tests_is_misconfigured_and_says_why() {
    let ran = pytest(NEW, "{}", &[("shop.py", "")]);
    assert!(
        ran.misconfigured().starts_with("pytest found no tests\n\nhint: "),
        "{}",
        ran.misconfigured()
    );
    let two = ("test_a.py", "def test_a(): pass\ndef test_b(): pass\n");
    let ran = pytest(NEW, r#"{"keyword": "absent"}"#, &[two]);
    assert!(
        ran.misconfigured()
            .starts_with("pytest found 2 tests and none was chosen"),
        "{}",
        ran.misconfigured()
    );
    let ran = pytest(NEW, r#"{"args": ["--collect-only"]}"#, &[two]);
    assert_eq!(ran.misconfigured(), "2 tests were collected and none was run");
    let ran = pytest(NEW, r#"{"args": ["--version"]}"#, &[two]);
    assert!(
        ran.misconfigured()
            .starts_with("pytest ended with exit code 0, but no tests were collected"),
        "{}",
        ran.misconfigured()
    );
}

#[test]
fn arguments_that_pytest_refuses_are_misconfigured() {
    let test = ("test_a.py", "def test_a(): pass\n");
    let ran = pytest(MIDDLE, r#"{"coverage": ["shop"]}"#, &[test]);
    assert_eq!(
        ran.misconfigured(),
        "pytest: unrecognized arguments: --cov=shop\n\nhint: `--cov` comes with pytest-cov, which is not installed"
    );
    let ran = pytest(NEW, r#"{"paths": ["absent.py"]}"#, &[test]);
    assert_eq!(ran.misconfigured(), "pytest: file or directory not found: absent.py");
    let ran = pytest(NEW, "{}", &[test, ("pytest.ini", "[pytest\n")]);
    assert!(ran.misconfigured().contains("pytest.ini:1"), "{}", ran.misconfigured());
}

#[test]
fn a_missing_pytest_is_misconfigured_and_says_what_to_add() {
    let ran = pytest(NONE, "{}", &[]);
    let text = ran.misconfigured();
    assert!(
        text.starts_with("pytest is not installed in /") && text.contains("packages = [\"pytest\"]"),
        "{text}"
    );
}

#[test]
fn a_breakdown_of_pytest_is_not_a_failed_test() {
    let conftest = "def pytest_runtest_protocol(item):\n    raise ValueError('inner')\n";
    let ran = pytest(
        NEW,
        "{}",
        &[("test_a.py", "def test_a(): pass\n"), ("conftest.py", conftest)],
    );
    assert_eq!(ran.other(), "pytest broke down: ValueError: inner (conftest.py:2)");
}

const SETTINGS: &str = "SECRET_KEY = 'x'\nINSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth']\n\
                        DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}\n";
const DATABASE_TEST: &str = "import pytest\nfrom django.contrib.auth.models import User\n\
                             @pytest.mark.django_db\ndef test_user():\n    User.objects.create(username='x')\n";

fn django(settings: &str) -> Ran {
    let files = [
        ("shop/settings.py", settings),
        ("shop/__init__.py", ""),
        ("test_user.py", DATABASE_TEST),
    ];
    pytest(NEW, r#"{"settings": "shop.settings"}"#, &files)
}

#[test]
fn a_django_that_can_not_start_is_misconfigured_with_the_error() {
    assert_eq!(django(SETTINGS).verdict, Ok(()));

    let ran = django("raise ValueError('SHOP_KEY is not set')\n");
    assert_eq!(
        ran.misconfigured(),
        "Django can't start: ValueError: SHOP_KEY is not set (shop/settings.py:1)"
    );
    let ran = django("import absent_package\n");
    let text = ran.misconfigured();
    assert!(
        text.starts_with(
            "Django can't start: ModuleNotFoundError: No module named 'absent_package' (shop/settings.py:1)"
        ),
        "{text}"
    );
    let ran = django(&SETTINGS.replace("contrib.auth", "contrib.absent"));
    assert!(
        ran.misconfigured()
            .starts_with("Django can't start: ModuleNotFoundError"),
        "{}",
        ran.misconfigured()
    );

    let ran = pytest(
        NEW,
        r#"{"settings": "shop.absent"}"#,
        &[("shop/__init__.py", ""), ("test_user.py", DATABASE_TEST)],
    );
    let text = ran.misconfigured();
    assert!(
        text.starts_with("Django can't start: ModuleNotFoundError: No module named 'shop.absent'"),
        "{text}"
    );
    let ran = pytest(NEW, "{}", &[("test_user.py", DATABASE_TEST)]);
    assert!(
        ran.misconfigured()
            .starts_with("Django can't start: ImproperlyConfigured: "),
        "{}",
        ran.misconfigured()
    );
}

#[test]
fn a_database_that_an_app_asks_as_it_starts_is_unavailable() {
    let settings = SETTINGS.replace(
        "'django.contrib.auth'",
        "'django.contrib.auth', 'stock.apps.StockConfig'",
    );
    // What Django raises for psycopg, without a driver to install.
    let apps = "from django.apps import AppConfig\nfrom django.db.utils import OperationalError\n\n\n\
                class StockConfig(AppConfig):\n    name = 'stock'\n\n    def ready(self):\n        \
                raise OperationalError('connection failed: connection to server at \"127.0.0.1\", port 5433 failed: \
                Connection refused\\n\\tIs the server running on that host?')\n";
    let files = [
        ("shop/settings.py", settings.as_str()),
        ("shop/__init__.py", ""),
        ("stock/__init__.py", ""),
        ("stock/apps.py", apps),
        ("test_user.py", DATABASE_TEST),
    ];
    let ran = pytest(NEW, r#"{"settings": "shop.settings"}"#, &files);
    assert_eq!(
        ran.unavailable(),
        "Django can't start: OperationalError: connection failed: connection to server at \"127.0.0.1\", port 5433 \
         failed: Connection refused (stock/apps.py:9)\n\nhint: if this stage has no `net` grant, its programs have no \
         network; it would be: net = [\"host-loopback:5433\"]"
    );
}

#[test]
fn coverage_is_told_and_too_little_of_it_fails() {
    let files = [
        ("shop.py", "def a():\n    return 1\n\ndef b():\n    return 2\n"),
        ("test_shop.py", "import shop\ndef test_a(): assert shop.a() == 1\n"),
    ];
    let ran = pytest(NEW, r#"{"coverage": ["shop"]}"#, &files);
    assert_eq!(ran.verdict, Ok(()));
    assert_eq!(ran.session.coverage.unwrap().percent, 75.0);
    let ran = pytest(
        NEW,
        r#"{"coverage": ["shop"], "args": ["--cov-fail-under=90"]}"#,
        &files,
    );
    assert_eq!(ran.failed(), "the tests cover 75.0 %, and 90 % are required");
}
