"""Holds the licences of a project's installed packages against a list of allowed ones."""

import json
import re
from dataclasses import dataclass

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.plugin import (
    Description,
    Failure_Failed,
    Failure_Misconfigured,
    Failure_Other,
    Request,
)
from wit_world.imports import context, files, report
from wit_world.imports.process import Command, Exit_Code, Sink

from distribution import Distribution, read_distributions
from requirement import Place, pinned_places

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["allow"],
    "properties": {
        "allow": {
            "description": "Licences that are fine, as SPDX identifiers",
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
        },
        "except": {
            "description": "Packages that somebody has looked at, whatever their licence says",
            "type": "array",
            "items": {"type": "string"},
            "default": [],
        },
        "requirements": {
            "description": "Where packages are named: findings point to these lines",
            "type": "array",
            "items": {"type": "string"},
            "default": ["requirements*.txt"],
        },
    },
}

# Runs in the project's Python, which knows what is installed; isolated, so that nothing of the
# project itself is imported.
LIST_DISTRIBUTIONS = """
import json
from importlib.metadata import distributions
print(json.dumps([
    {
        "name": d.metadata["Name"],
        "version": d.version,
        "expression": d.metadata.get("License-Expression"),
        "license": d.metadata.get("License"),
        "classifiers": d.metadata.get_all("Classifier") or [],
    }
    for d in distributions()
]))
"""
PROGRAM_TIMEOUT_MS = 60_000  # a cold disk and some hundred packages


@dataclass(frozen=True)
class Config:
    allow: frozenset[str]
    exempt: frozenset[str]
    requirements: list[str]

    @classmethod
    def read(cls) -> "Config":
        given = json.loads(context.config())
        return cls(
            allow=frozenset(name.lower() for name in given["allow"]),
            exempt=frozenset(name.lower() for name in given.get("except", [])),
            requirements=given.get("requirements", ["requirements*.txt"]),
        )

    def permits(self, distribution: Distribution) -> bool:
        if distribution.key in self.exempt:
            return True
        return distribution.is_allowed_by(self.allow)


def installed() -> list[Distribution]:
    with Command("python") as command:
        command.args(["-I", "-c", LIST_DISTRIBUTIONS])
        command.stdout(Sink.CAPTURE)
        command.timeout_ms(PROGRAM_TIMEOUT_MS)
        done = command.run()
    if done.exit != Exit_Code(0):
        raise Err(Failure_Misconfigured(f"python could not list its packages: {done.exit}"))
    if done.truncated:
        raise Err(Failure_Other("python printed more than the engine keeps"))
    return read_distributions(done.stdout)


def requirement_places(patterns: list[str]) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for path in files.glob(patterns):
        text = files.read(path).decode("utf-8", errors="replace")
        for name, place in pinned_places(path, text).items():
            places.setdefault(name, place)
    return places


def finding(distribution: Distribution, place: Place | None) -> report.Finding:
    package = f"{distribution.name} {distribution.version}"
    return report.Finding(
        severity=report.Severity.ERROR,
        code="license/not-allowed",
        message=f"{package} has the licence {distribution.licence}",
        location=report.Location(place.path, place.line, None) if place else None,
        help=f'look at it, then add it to `allow`, or "{distribution.key}" to `except`',
        extra=[],
    )


def check() -> None:
    config = Config.read()
    distributions = installed()
    places = requirement_places(config.requirements)
    refused = [each for each in distributions if not config.permits(each)]
    for distribution in refused:
        report.add_finding(finding(distribution, places.get(distribution.key)))
    report.set_output("packages", json.dumps(len(distributions)))
    report.set_output("refused", json.dumps([each.key for each in refused]))
    report.log(report.Level.INFO, f"{len(distributions)} packages looked at")
    if refused:
        names = ", ".join(each.name for each in refused)
        count = f"{len(refused)} of {len(distributions)} packages"
        raise Err(Failure_Failed(f"{count} have a licence that is not allowed: {names}"))


class Plugin(exports.Plugin):
    def describe(self) -> Description:
        return Description(
            name="license-check",
            version="0.1.0",
            summary="Checks the licences of the installed Python packages",
            config_schema=json.dumps(SCHEMA),
        )

    def requests(self, input: str) -> list[Request]:
        return [
            Request(
                "exec", "python", "to ask the environment which packages it has", optional=False
            )
        ]

    def run(self) -> None:
        try:
            check()
        except Err as error:
            raise Err(as_failure(error.value)) from error


def as_failure(value: object) -> object:
    """Errors of the imported interfaces become failures; failures stay what they are."""
    if isinstance(value, Failure_Failed | Failure_Misconfigured | Failure_Other):
        return value
    kind = type(value).__name__.removeprefix("Error_")
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()
    return Failure_Other(f"{words}: {value.value}" if hasattr(value, "value") else words)
