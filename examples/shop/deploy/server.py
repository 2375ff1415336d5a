#!/usr/bin/env python3
"""Starts, restarts and stops this project's gunicorn on a host without a service manager.

`restart` goes over to the release that `current` links to without refusing a connection: the new
processes inherit the listening socket, and the old ones end only when the new release answers.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

RELEASE = Path(__file__).resolve().parent.parent
# The link, not the folder behind it: gunicorn starts its successor from where it was started.
HOME = RELEASE.parent.parent / "current" if RELEASE.parent.name == "releases" else RELEASE
PYTHON = HOME / ".venv" / "bin" / "python"
RUN = HOME / "var" / "run"
PID_FILE = RUN / "gunicorn.pid"
NEXT_PID_FILE = RUN / "gunicorn.pid.2"
BIND_FILE = RUN / "bind"
LOG = HOME / "var" / "log" / "gunicorn.log"

BOOT_SECONDS = 30  # a cold start with empty caches on a small host
ANSWER_SECONDS = 10  # the application is loaded by then; requests fail while a bad release is tried
DRAIN_SECONDS = 35  # gunicorn gives its workers 30 to finish their requests
REAP_SECONDS = 2  # gunicorn's masters look once a second


class ServerError(Exception):
    pass


def command_of(pid: int) -> bytes:
    """Empty for a process that has ended and is not reaped yet."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except PermissionError:
        # A sandbox without /proc: that there is such a process, and that it is ours, has to do.
        os.kill(pid, 0)
        return b"gunicorn"


def running(pid_file: Path) -> int | None:
    """The master's process id; None when it is dead or the id belongs to another program by now."""
    try:
        pid = int(pid_file.read_text())
        command = command_of(pid)
    except (OSError, ValueError):
        return None
    return pid if b"gunicorn" in command else None


def wait(seconds: float, until: Callable[[], object]) -> bool:
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def answers(bind: str) -> bool:
    """Whether the release that `current` links to answers, and says that it is well."""
    wanted = (HOME / "RELEASE").read_text().strip()
    try:
        with urlopen(f"http://{bind}/healthz", timeout=5) as answer:
            return json.load(answer).get("release") == wanted
    except (URLError, OSError, ValueError):
        return False


def failure(what: str) -> ServerError:
    tail = LOG.read_text(errors="replace").splitlines()[-20:] if LOG.exists() else []
    return ServerError("\n".join([*tail, what, f"the whole log: {LOG}"]))


def load() -> None:
    """Says at once, and in Python's words, why a release can't work."""
    command = [str(PYTHON), "-c", "import shop.wsgi"]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise ServerError(f"{done.stderr}the release can't be loaded; nothing was restarted")


def start(bind: str) -> None:
    for folder in (RUN, LOG.parent):
        folder.mkdir(parents=True, exist_ok=True)
    command = [
        str(PYTHON),
        str(PYTHON.with_name("gunicorn")),
        "--config",
        "deploy/gunicorn.conf.py",
        "--bind",
        bind,
    ]
    # gunicorn trusts PWD to remember a folder by its link.
    environment = os.environ | {"PWD": str(HOME)}
    subprocess.run(command, cwd=HOME, env=environment, check=True)  # noqa: S603
    BIND_FILE.write_text(bind)
    if not wait(BOOT_SECONDS, lambda: answers(bind)):
        stop()
        raise failure(f"the server did not answer on {bind} within {BOOT_SECONDS} s")


def dead(pid: int) -> bool:
    try:
        return command_of(pid) == b""
    except OSError:
        return True


def end(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    if not wait(DRAIN_SECONDS, lambda: dead(pid)):
        os.kill(pid, signal.SIGKILL)
    # A master does not start another successor before it has seen the end of the last one.
    wait(REAP_SECONDS, lambda: not Path(f"/proc/{pid}").exists())


def stop() -> None:
    for pid_file in (NEXT_PID_FILE, PID_FILE):
        pid = running(pid_file)
        if pid is not None:
            end(pid)


def replace(old: int, bind: str) -> None:
    if (abandoned := running(NEXT_PID_FILE)) is not None:
        end(abandoned)
    os.kill(old, signal.SIGUSR2)
    if not wait(BOOT_SECONDS, lambda: running(NEXT_PID_FILE)):
        raise failure("the new release did not start; the old one still serves")
    new = running(NEXT_PID_FILE)

    # The old workers leave, their master stays: it can bring them back.
    os.kill(old, signal.SIGWINCH)
    if not wait(ANSWER_SECONDS, lambda: answers(bind)):
        os.kill(old, signal.SIGHUP)
        if running(NEXT_PID_FILE) == new:
            end(new)
        raise failure("the new release does not answer; the old one serves again")
    os.kill(old, signal.SIGTERM)
    if not wait(DRAIN_SECONDS, lambda: running(PID_FILE) == new):
        raise failure("the old server does not end")


def restart(bind: str) -> None:
    load()
    old = running(PID_FILE)
    if old is not None and BIND_FILE.read_text() != bind:
        stop()
        old = None
    if old is None:
        start(bind)
    else:
        replace(old, bind)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["restart", "stop", "check"])
    parser.add_argument("--bind", default="127.0.0.1:8000", help="default: %(default)s")
    options = parser.parse_args()
    try:
        if options.action == "restart":
            restart(options.bind)
        elif options.action == "stop":
            stop()
        elif not answers(options.bind):
            raise ServerError(f"the live release does not answer on {options.bind}")
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    pid = running(PID_FILE)
    print(f"running as process {pid}" if pid else "stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
