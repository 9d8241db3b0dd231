"""Work that is done once: a step is known by what it was asked and what it read, and is done again only when one of these changed.

A *record* says what a step was asked (`request`, a digest), the files it read and wrote with their states, and what it found out
(`value`, plain JSON). A file whose size and time are as they were is taken to be the same; otherwise its digest decides.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """A file as it was: `sha256` is empty for a tool, which its size and time identify."""

    path: str
    size: int
    mtime_ns: int
    sha256: str = ""

    @classmethod
    def of(cls, path: Path, *, is_tool: bool = False) -> Self:
        """The state of a file now; raises `OSError`."""
        stat = path.stat()
        digest = "" if is_tool else digest_file(path)
        return cls(path=str(path), size=stat.st_size, mtime_ns=stat.st_mtime_ns, sha256=digest)

    def holds(self) -> bool:
        """Whether the file still has the content that it had."""
        path = Path(self.path)
        try:
            stat = path.stat()
            if stat.st_size != self.size:
                return False
            return stat.st_mtime_ns == self.mtime_ns or (self.sha256 != "" and digest_file(path) == self.sha256)
        except OSError:
            return False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A step that was done."""

    request: str
    inputs: tuple[FileState, ...]
    outputs: tuple[FileState, ...]
    value: Mapping[str, Any]

    def is_fresh(self, request: str) -> bool:
        """Whether the step, asked for `request` now, would do and give the same."""
        return self.request == request and all(file.holds() for file in (*self.outputs, *self.inputs))

    def as_json(self) -> dict[str, Any]:
        """The record as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The record that `as_json` gave; raises `KeyError`, `TypeError` or `ValueError` when it is another thing."""
        return cls(
            request=data["request"],
            inputs=tuple(FileState(**each) for each in data["inputs"]),
            outputs=tuple(FileState(**each) for each in data["outputs"]),
            value=data["value"],
        )


def digest(request: Mapping[str, Any]) -> str:
    """The digest of a request, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def digest_file(path: Path) -> str:
    """The sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def states(paths: Iterable[Path]) -> tuple[FileState, ...]:
    """The states of several files now, each once."""
    return tuple(FileState.of(path) for path in sorted(set(paths)))
