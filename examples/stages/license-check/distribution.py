"""What an installed package says about its licence."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

# Where a classifier means a single licence, its SPDX identifier. "BSD License" leaves open which.
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zope Public License": "ZPL-2.1",
}
PREFIX = "License :: OSI Approved :: "
UNKNOWN = "unknown"


def canonical(name: str) -> str:
    """PEP 503: `Django_Extensions` and `django-extensions` are one package."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Distribution:
    name: str
    version: str
    licence: str

    @property
    def key(self) -> str:
        return canonical(self.name)

    def is_allowed_by(self, allowed: frozenset[str]) -> bool:
        """`OR` needs one side, `AND` needs both. With parentheses the whole must be allowed."""
        if "(" in self.licence:
            return self.licence.lower() in allowed
        return any(
            all(
                part.strip().lower() in allowed for part in re.split(r"\s+and\s+", side, flags=re.I)
            )
            for side in re.split(r"\s+or\s+", self.licence, flags=re.I)
        )


def licence_of(package: dict) -> str:
    if package["expression"]:
        return package["expression"]
    named = [
        CLASSIFIERS.get(classifier.removeprefix(PREFIX), classifier.removeprefix(PREFIX))
        for classifier in package["classifiers"]
        if classifier.startswith(PREFIX)
    ]
    if named:
        # Several classifiers mean "one of these" for some packages and "all of these" for others.
        return " AND ".join(named)
    first_line = (package["license"] or "").strip().partition("\n")[0]
    return first_line or UNKNOWN


def read_distributions(output: bytes) -> list[Distribution]:
    packages = json.loads(output)
    found = [Distribution(each["name"], each["version"], licence_of(each)) for each in packages]
    return sorted(found, key=lambda each: each.key)
