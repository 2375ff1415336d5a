"""Where a requirements file names a package."""

from __future__ import annotations

import re
from dataclasses import dataclass

from distribution import canonical

NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


@dataclass(frozen=True)
class Place:
    path: str
    line: int


def pinned_places(path: str, text: str) -> dict[str, Place]:
    """The first line of each package; options, comments and URLs name none."""
    places: dict[str, Place] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith(("-", "#")) or "://" in line.partition("@")[0]:
            continue
        if match := NAME.match(line):
            places.setdefault(canonical(match[1]), Place(path, number))
    return places
