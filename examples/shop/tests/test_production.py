"""The production settings, in a process of their own: settings are read once."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

SECRETS = {"SECRET_KEY": "k" * 30 + "0123456789abcdefghijklmnop", "ALLOWED_HOSTS": "shop.example"}


def manage(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "manage.py", *args, "--settings", "shop.settings.production"],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_they_pass_the_deployment_checks():
    done = manage("check", "--deploy", "--fail-level", "WARNING", **SECRETS)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", SECRETS)
def test_they_have_no_unsafe_defaults(missing):
    done = manage("check", **{name: text for name, text in SECRETS.items() if name != missing})
    assert done.returncode == 1
    assert f"{missing} is not set" in done.stderr
