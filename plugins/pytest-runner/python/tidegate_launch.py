"""Starts pytest as `python -m pytest` does, and records what keeps it from starting.

Run as a file: the folder that it lies in also holds the plugin, and stays importable for xdist's workers.
"""

import os
import runpy
import sys


def launch():
    here = sys.path[0]
    # As `-m` does it: the working directory first. The plugin's folder last, so that it hides nothing.
    sys.path[0] = os.getcwd()
    sys.path.append(here)
    import tidegate_events

    events = tidegate_events.Events.from_environment()
    try:
        import pytest
    except ImportError as error:
        events.write("no-pytest", python=sys.executable, error=tidegate_events.describe(error))
        return 1
    version = pytest.__version__
    if int(version.split(".")[0]) < tidegate_events.OLDEST_PYTEST:
        events.write("old-pytest", version=version)
        return 1
    events.write("launched", pytest=version, python=sys.version.split()[0])
    try:
        runpy.run_module("pytest", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code
    except BaseException as error:
        # pytest lets an error in a plugin's start through, Django's settings among them.
        events.write("crashed", error=tidegate_events.describe(error))
        raise
    return 0


if __name__ == "__main__":
    sys.exit(launch())
