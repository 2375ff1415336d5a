"""Events for the stage: JSON lines in a file, so that nothing that a test prints can pass for one."""

import json
import os
import traceback

# Named by the stage; taken out of the environment before the tests see it.
EVENTS_VARIABLE = "TIDEGATE_PYTEST_EVENTS"

# Older ones lack what the plugin uses, and Python 3.7 and later have newer ones.
OLDEST_PYTEST = 7

# Enough for an assertion with its explanation; pytest's whole report is in the log.
MESSAGE_CHARACTERS = 4000
MESSAGE_LINES = 30


class Events:
    """A file that grows by whole lines. Without a path nothing is written."""

    def __init__(self, path):
        self._file = None if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # A forked child (a test may make one) must not speak for the run.
        self._owner = os.getpid()

    @classmethod
    def from_environment(cls):
        return cls(os.environ.get(EVENTS_VARIABLE))

    def write(self, event, **fields):
        if self._file is None or os.getpid() != self._owner:
            return
        line = memoryview(json.dumps({event: fields}).encode("ascii") + b"\n")
        while line:
            line = line[os.write(self._file, line) :]


def shortened(text):
    lines = str(text)[:MESSAGE_CHARACTERS].strip("\n").splitlines()
    return "\n".join(lines[:MESSAGE_LINES])


def describe(error, message=None):
    """An exception as the stage shows it: where in the project it happened, and whether it keeps Django from starting."""
    try:
        text = str(error) if message is None else message
    except Exception:
        # An exception of the project's own may fail to describe itself.
        text = "(no description)"
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in reversed(frames) if is_of_project(frame.filename)), None)
    file, line = (place.filename, place.lineno) if place else (None, None)
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno
    settings = os.environ.get("DJANGO_SETTINGS_MODULE")
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return {
        "type": type(error).__name__,
        "message": shortened(text),
        "file": file and os.path.abspath(file),
        "line": line,
        "missing": missing,
        "django": keeps_django_from_starting(error, frames, missing, settings),
    }


def keeps_django_from_starting(error, frames, missing, settings):
    if type(error).__name__ == "ImproperlyConfigured":
        return True
    if missing and settings and (missing == settings or settings.startswith(missing + ".")):
        return True
    starting = ("django/conf/__init__.py", "django/apps/registry.py")
    return any(frame.filename.replace(os.sep, "/").endswith(starting) for frame in frames)


def is_of_project(path):
    # Frozen modules and code from strings have names such as `<string>`.
    if path.startswith("<"):
        return False
    path = os.path.abspath(path)
    root = os.getcwd() + os.sep
    if not path.startswith(root):
        return False
    parts = path[len(root) :].split(os.sep)
    return "site-packages" not in parts and not any(part.startswith(".") for part in parts)
