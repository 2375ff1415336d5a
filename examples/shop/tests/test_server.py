"""deploy/server.py with real releases, a real gunicorn and a client that never stops asking."""

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from django.conf import settings

CODE = ["accounts", "catalog", "deploy", "orders", "shop"]


class Host:
    """A folder as deployments leave it on a host."""

    def __init__(self, root: Path, bind: str) -> None:
        self.root = root
        self.bind = bind
        (root / "var").mkdir()
        (root / "var" / "server.env").write_text("SECRET_KEY=x\nALLOWED_HOSTS=127.0.0.1\n")

    def release(self, name: str) -> Path:
        """Makes a release and links `current` to it."""
        folder = self.root / "releases" / name
        for part in CODE:
            shutil.copytree(settings.BASE_DIR / part, folder / part)
        (folder / "RELEASE").write_text(name)
        (folder / "var").symlink_to(self.root / "var")
        (folder / ".venv").symlink_to(sys.prefix)
        self.go_to(name)
        return folder

    def go_to(self, name: str) -> None:
        link = self.root / "next"
        link.symlink_to(f"releases/{name}")
        link.replace(self.root / "current")

    def server(self, action: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [sys.executable, "current/deploy/server.py", action, "--bind", self.bind],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )

    def answer(self) -> str:
        with urlopen(f"http://{self.bind}/healthz", timeout=10) as answer:
            return json.load(answer)["release"]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host = Host(tmp_path, f"127.0.0.1:{port}")
    yield host
    host.server("stop")


def test_no_request_is_refused_while_releases_change(host):
    host.release("1")
    assert host.server("restart").returncode == 0

    answers, over = [], threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                answers.append(host.answer())
            except OSError as error:
                answers.append(repr(error))

    client = threading.Thread(target=ask)
    client.start()
    try:
        host.release("2")
        restarted = host.server("restart")
    finally:
        over.set()
        client.join()
    assert restarted.returncode == 0, restarted.stderr
    assert set(answers) <= {"1", "2"}
    assert host.answer() == "2"


def test_a_release_that_can_not_be_loaded_changes_nothing(host):
    host.release("1")
    host.server("restart")
    broken = host.release("2") / "shop" / "wsgi.py"
    broken.write_text("import a_package_that_is_missing\n")

    done = host.server("restart")
    assert done.returncode == 1
    assert "No module named 'a_package_that_is_missing'" in done.stderr
    assert host.answer() == "1"
    assert host.server("check").returncode == 1

    host.go_to("1")
    assert host.server("check").returncode == 0


def test_stopping_twice_is_no_mistake(host):
    host.release("1")
    host.server("restart")
    assert [host.server("stop").stdout for _ in range(2)] == ["stopped\n", "stopped\n"]
    with pytest.raises(URLError, match="refused"):
        host.answer()
