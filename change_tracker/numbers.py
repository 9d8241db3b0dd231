"""The numbers of the changes, by the names of their files alone."""

from __future__ import annotations

import re
from pathlib import Path

CHANGES = Path(__file__).parent / "changes"
CHANGE_ID = "change-id"
"""The key with which a configuration says the number of the last change that it knows."""
NAME = re.compile(r"(\d{4,})-([a-z0-9]+(?:-[a-z0-9]+)*)\.toml")
"""The name of an entry's file: its id, and words for whoever lists the folder."""


def listed(folder: Path = CHANGES) -> dict[int, tuple[Path, ...]]:
    """The files of each id, without opening one. Raises `OSError`."""
    found: dict[int, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        match = NAME.fullmatch(path.name)
        if match:
            found.setdefault(int(match[1]), []).append(path)
    return {number: tuple(paths) for number, paths in sorted(found.items())}


def latest(folder: Path = CHANGES) -> int:
    """The id of the last change, 0 when there is none. Raises `OSError`."""
    return max(listed(folder), default=0)
