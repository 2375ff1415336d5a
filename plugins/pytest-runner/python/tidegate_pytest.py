"""pytest plugin: tells the stage what happens, as it happens. PYTEST_DONT_REWRITE

With xdist it is loaded by the workers too: there it adds to the reports what only the worker knows, and the controller
writes all events.
"""

import os

import pytest
import tidegate_events
from tidegate_events import describe, shortened

JUNIT_VARIABLE = "TIDEGATE_PYTEST_JUNIT"


class Reporter:
    def __init__(self, config, events):
        self.config = config
        self.events = events
        self.deselected = 0
        # Tests that run now, by id.
        self.running = {}

    # Collection

    def pytest_deselected(self, items):
        self.deselected += len(items)

    def pytest_collection_finish(self, session):
        # An xdist controller collects nothing itself.
        if not self.config.getoption("numprocesses", None) and not self.config.getoption("tx", None):
            self.events.write("collected", total=len(session.items), deselected=self.deselected)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        self.events.write("collected", total=len(ids), deselected=self.deselected)

    def pytest_collectreport(self, report):
        if report.failed:
            error = getattr(report, "tidegate_error", None) or plain_error(report)
            self.events.write("collect-error", id=report.nodeid, error=error)
        elif report.skipped:
            self.events.write(
                "test", id=report.nodeid, outcome="skipped", seconds=0.0, message=skip_reason(report), problems=[]
            )

    # Tests

    def pytest_runtest_logstart(self, nodeid, location):
        self.running[nodeid] = Running(self.absolute(location[0]), location[1])
        self.events.write("started", id=nodeid)

    def pytest_runtest_logreport(self, report):
        if report.outcome == "rerun":
            # pytest-rerunfailures: the test begins anew, without another start.
            location = report.location
            self.running[report.nodeid] = Running(self.absolute(location[0]), location[1])
            self.events.write("rerun", id=report.nodeid)
            return
        running = self.running.get(report.nodeid)
        if running is None:
            running = self.running[report.nodeid] = Running(self.absolute(report.location[0]), report.location[1])
        running.add(report)
        # A crashed worker's test has one report, and its phase is "???".
        if report.when not in ("setup", "call"):
            del self.running[report.nodeid]
            self.events.write("test", id=report.nodeid, **running.ended())

    # The end

    def pytest_internalerror(self, excinfo):
        self.events.write("internal-error", error=describe(excinfo.value))

    def pytest_keyboard_interrupt(self, excinfo):
        self.events.write("interrupted", reason=shortened(excinfo.exconly(tryshort=True)))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session, exitstatus):
        reason = session.shouldstop or session.shouldfail
        self.events.write("finished", exit=int(exitstatus), reason=shortened(reason) if reason else None)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self):
        coverage = self.config.pluginmanager.getplugin("_cov")
        total = getattr(coverage, "cov_total", None)
        if total is not None:
            required = getattr(coverage.options, "cov_fail_under", None)
            self.events.write("coverage", percent=float(total), required=required)
        junit = getattr(self.config.option, "xmlpath", None)
        if junit:
            self.events.write("junit", path=os.path.abspath(os.path.expanduser(os.path.expandvars(junit))))
        self.events.write("ended")

    def absolute(self, path):
        return os.path.abspath(os.path.join(str(self.config.rootpath), path))


class Running:
    """One test, put together from the reports of its phases."""

    def __init__(self, file, line):
        self.file = file
        # pytest counts from 0 here.
        self.line = None if line is None else line + 1
        self.outcome = "passed"
        self.message = None
        self.seconds = 0.0
        self.problems = []

    def add(self, report):
        if is_subtest(report):
            # The test's own report follows; for a unittest.TestCase it is a pass all the same.
            if report.failed:
                self.outcome = "failed"
                self.problem(report, "subtest")
            return
        self.seconds += getattr(report, "duration", 0.0)
        if hasattr(report, "wasxfail"):
            self.outcome = "expected-failure" if report.skipped else "unexpected-pass"
            self.message = shortened(report.wasxfail) or None
        elif report.skipped:
            self.outcome = "skipped"
            self.message = skip_reason(report)
        elif report.failed:
            strict = isinstance(report.longrepr, str) and report.longrepr.startswith("[XPASS(strict)]")
            if self.outcome not in ("failed", "unexpected-pass"):
                in_call = report.when == "call"
                self.outcome = "unexpected-pass" if strict else "failed" if in_call else "errored"
            self.problem(report, report.when)

    def problem(self, report, phase):
        error = getattr(report, "tidegate_error", None) or plain_error(report)
        self.problems.append({"phase": phase, "error": error})
        self.message = self.message or error["message"]

    def ended(self):
        return {
            "file": self.file,
            "line": self.line,
            "outcome": self.outcome,
            "seconds": self.seconds,
            "message": self.message,
            "problems": self.problems,
        }


def is_subtest(report):
    return type(report).__name__ in ("SubtestReport", "SubTestReport")


def plain_error(report):
    """For a report without an exception: of a worker that crashed, or of another plugin."""
    text = shortened(report.longrepr)
    return {"type": None, "message": text, "file": None, "line": None, "missing": None, "django": False}


def skip_reason(report):
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return shortened(reason[len("Skipped: ") :] if reason.startswith("Skipped: ") else reason) or None


# Where the exception itself is known, in a worker as well. A report keeps simple attributes on its way to the controller.


@pytest.hookimpl(hookwrapper=True, trylast=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if call.excinfo is not None and report.failed:
        report.tidegate_error = describe(call.excinfo.value, call.excinfo.exconly(tryshort=True))


@pytest.hookimpl(hookwrapper=True, trylast=True)
def pytest_make_collect_report(collector):
    outcome = yield
    report = outcome.get_result()
    call = getattr(report, "call", None)
    if report.failed and call is not None and call.excinfo is not None:
        error = call.excinfo.value
        # pytest wraps what an import raised.
        while isinstance(error, collector.CollectError) and error.__cause__ is not None:
            error = error.__cause__
        report.tidegate_error = describe(error)


# Before the session


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config):
    outcome = yield
    if outcome.excinfo is None:
        return
    error = outcome.excinfo[1]
    # ConftestImportFailure keeps what the file raised: an exception, or an exc_info in pytest 7.
    cause = getattr(error, "cause", None) or (getattr(error, "excinfo", None) or (None, None))[1]
    path = getattr(error, "path", None)
    events = tidegate_events.Events.from_environment()
    events.write("no-start", conftest=path and str(path), error=describe(root_import_error(cause or error)))


def root_import_error(error):
    """pytest-django puts advice in place of what importing the settings raised."""
    while isinstance(error, ImportError) and isinstance(error.__context__, ImportError):
        error = error.__context__
    return error


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    path = os.environ.pop(tidegate_events.EVENTS_VARIABLE, None)
    junit = os.environ.pop(JUNIT_VARIABLE, None)
    if path is None or hasattr(config, "workerinput"):
        return
    # The option is missing under `-p no:junitxml`; a path of the project's own is respected.
    if junit and getattr(config.option, "xmlpath", junit) is None:
        config.option.xmlpath = junit
    events = tidegate_events.Events(path)
    events.write("configured", rootdir=str(config.rootpath))
    config.pluginmanager.register(Reporter(config, events), "tidegate-reporter")
