from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from shop.environment import Environment, database, env_file

BASE = Path("/srv/shop")


def test_the_first_source_wins():
    env = Environment({"A": "process"}, {"A": "file", "B": "file"})
    assert (env.text("A"), env.text("B"), env.text("C", "default")) == (
        "process",
        "file",
        "default",
    )


def test_a_missing_value_is_named():
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not set"):
        Environment({}).text("SECRET_KEY")


@pytest.mark.parametrize(
    ("text", "expected"), [("1", True), ("TRUE", True), ("off", False), ("0", False)]
)
def test_flags(text, expected):
    assert Environment({"DEBUG": text}).flag("DEBUG", default=not expected) is expected


def test_a_flag_is_never_guessed():
    with pytest.raises(ImproperlyConfigured, match="DEBUG is 'maybe'"):
        Environment({"DEBUG": "maybe"}).flag("DEBUG", default=False)


def test_names_are_split_at_commas():
    assert Environment({"HOSTS": "a.example, b.example,"}).names("HOSTS") == [
        "a.example",
        "b.example",
    ]


def test_an_env_file_may_have_comments_and_equals_signs(tmp_path):
    path = tmp_path / "server.env"
    path.write_text("# written by hand\n\nSECRET_KEY = a=b=c\nALLOWED_HOSTS=shop.example\n")
    assert env_file(path) == {"SECRET_KEY": "a=b=c", "ALLOWED_HOSTS": "shop.example"}


def test_a_missing_env_file_is_empty(tmp_path):
    assert env_file(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/shop.db", "/srv/shop/var/shop.db"),
        ("sqlite:////data/a%20b.db", "/data/a b.db"),
    ],
)
def test_sqlite_paths_are_relative_or_absolute(url, path):
    assert database(url, BASE)["NAME"] == Path(path)


def test_a_postgres_url_is_taken_apart():
    config = database("postgres://shop:p%40ss@db.internal:5433/shop", BASE)
    assert config["ENGINE"] == "django.db.backends.postgresql"
    assert [config[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        "shop",
        "p@ss",
        "db.internal",
        "5433",
        "shop",
    ]


def test_another_database_is_refused():
    with pytest.raises(ImproperlyConfigured, match="'oracle'"):
        database("oracle://db/shop", BASE)
