"""Asks Django which model changes no migration has, and prints one JSON object.

Run by the stage django-migrate-check as `python -c THIS MANAGE SETTINGS` in the project's folder. MANAGE is the path of
manage.py, SETTINGS the settings module; either may be empty. Never asks the database for anything itself.
"""

import inspect
import json
import os
import sys
import traceback

# Whatever the project prints must not get between the answer's braces.
answer_file = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

manage, settings_module = sys.argv[1:3]
project_folder = os.getcwd()


class Answered(BaseException):
    """Ends the project's manage.py where Django would have taken over."""


def answer(kind, **details):
    json.dump({"kind": kind, **details}, answer_file)
    answer_file.flush()
    raise Answered


def is_of_project(filename):
    path = os.path.abspath(filename)
    parts = path.split(os.sep)
    inside = path.startswith(project_folder + os.sep) and not {"site-packages", "dist-packages"} & set(parts)
    return inside and os.path.exists(path)


def problem(error):
    """What an exception says, and the last line of the project that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    # A module that can't even be compiled has no frame of its own.
    place = (error.filename, error.lineno) if isinstance(error, SyntaxError) and error.filename else None
    if place is None:
        own = [frame for frame in frames if is_of_project(frame.filename)]
        last = own[-1] if own else None
        place = (last.filename, last.lineno) if last else None
    path = os.path.abspath(place[0]) if place else None
    text = traceback.format_exception_only(type(error), error)[-1].strip()
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return {"error": text, "path": path, "line": place[1] if place else None, "missing": missing}


def chain(error):
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def failed(stage, error):
    """Answers with the class of an exception; `stage` is what it means if it is no trouble with the database."""
    try:
        from django.db.utils import InterfaceError, OperationalError, ProgrammingError
    except ImportError:
        answer(stage, **problem(error))
    for link in chain(error):
        # A missing table is no missing database: the code asks for data while it is imported.
        missing_table = isinstance(link, ProgrammingError) or "no such table" in str(link)
        if isinstance(link, (InterfaceError, OperationalError, ProgrammingError)):
            answer("query-at-import" if missing_table else "database", **problem(error))
    answer(stage, **problem(error))


def source_of(model):
    try:
        path = inspect.getsourcefile(model)
        return os.path.abspath(path), inspect.getsourcelines(model)[1]
    except (OSError, TypeError):
        return None, None


def operation_details(app_config, operation):
    name = getattr(operation, "model_name", None) or getattr(operation, "name", None) or ""
    model = app_config.models.get(str(name).lower())
    path, line = source_of(model) if model is not None else (None, None)
    return {"operation": type(operation).__name__, "text": operation.describe(), "path": path, "line": line}


def detector_class():
    """The autodetector of the project's own makemigrations: packages such as django-pgtrigger bring another one."""
    from django.core.management import get_commands, load_command_class
    from django.db.migrations.autodetector import MigrationAutodetector

    command = get_commands()["makemigrations"]
    if isinstance(command, str):
        command = load_command_class(command, "makemigrations")
    module = sys.modules.get(type(command).__module__)
    return getattr(command, "autodetector", None) or getattr(module, "MigrationAutodetector", MigrationAutodetector)


def check(*_):
    if settings_module:
        os.environ["DJANGO_SETTINGS_MODULE"] = settings_module

    from django.conf import ENVIRONMENT_VARIABLE, settings

    if not settings.configured and not os.environ.get(ENVIRONMENT_VARIABLE):
        answer("no-settings")
    try:
        settings.INSTALLED_APPS
    except Exception as error:
        failed("settings", error)

    import django

    try:
        django.setup()
    except Exception as error:
        failed("apps", error)

    from django.apps import apps
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.questioner import MigrationQuestioner
    from django.db.migrations.state import ProjectState

    try:
        # Without a connection: the files alone.
        loader = MigrationLoader(None, ignore_no_migrations=True)
        before = loader.project_state()
    except Exception as error:
        failed("migrations", error)
    try:
        detector = detector_class()(before, ProjectState.from_apps(apps), MigrationQuestioner(dry_run=True))
        changes = detector.changes(graph=loader.graph)
    except Exception as error:
        failed("models", error)

    missing = []
    for label, migrations in sorted(changes.items()):
        config = apps.get_app_config(label)
        operations = [operation for migration in migrations for operation in migration.operations]
        missing.append({
            "app": label,
            "path": os.path.abspath(config.path),
            "is_own": is_of_project(config.path),
            "migrations": [migration.name for migration in migrations],
            "operations": [operation_details(config, operation) for operation in operations],
        })
    answer("checked", django=django.get_version(), apps=len(list(apps.get_app_configs())), missing=missing)


def main():
    sys.path.insert(0, project_folder)
    try:
        import django.core.management as management
    except ImportError as error:
        if (error.name or "").split(".")[0] == "django":
            answer("no-django", python=sys.executable, version=".".join(map(str, sys.version_info[:3])))
        raise
    if not manage:
        check()

    # manage.py sets up what the project needs (paths, .env files, settings); where it hands over to Django, we take over.
    import runpy

    management.execute_from_command_line = check
    sys.argv = [manage, "makemigrations", "--check", "--dry-run"]
    sys.path.insert(0, os.path.dirname(os.path.abspath(manage)))
    try:
        runpy.run_path(manage, run_name="__main__")
    except Exception as error:
        failed("manage", error)
    # It never handed over.
    check()


try:
    main()
except Answered:
    pass
except BaseException as error:
    # SystemExit too: settings that call sys.exit() when a variable is missing.
    try:
        failed("crash", error)
    except Answered:
        pass
answer_file.flush()
# Threads that the project started must not keep the answer waiting.
os._exit(0)
