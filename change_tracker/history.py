"""The history: the files of `changes/`, in the order in which the changes landed.

Ids are ours: 1, 2, 3 and so on. An entry that landed is never edited or deleted; a later one supersedes or reverts it. A file that is
no entry is passed over by whoever tells news; `audit config` reports it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from change_tracker.change import Change, Fault, Unreadable, parse
from change_tracker.numbers import CHANGES, NAME, listed

MAX_BYTES = 1 << 16
"""An entry is a page of text; a larger file is none."""


class History(NamedTuple):
    """The entries that could be read, by id, and what is wrong with the other files. `latest` counts those too."""

    changes: tuple[Change, ...]
    latest: int = 0
    faults: tuple[Fault, ...] = ()
    files: Mapping[int, tuple[Path, ...]] = MappingProxyType({})
    """The files of each id, more than one after a bad merge."""

    def reverted(self) -> dict[int, Change]:
        """By the id of each entry that was taken back: the one that did it. One that was itself taken back does not count."""
        found: dict[int, Change] = {}
        for each in reversed(self.changes):
            if each.id not in found:
                found |= dict.fromkeys(each.reverts, each)
        return found

    def told(self, after: int = 0) -> tuple[Change, ...]:
        """The entries later than `after` that still say something: not superseded, not taken back.

        An entry that takes others back is told to those who knew one of them.
        """
        recent = [each for each in self.changes if each.id > after]
        superseded = {old for each in recent for old in each.supersedes}
        reverted = self.reverted()
        return tuple(
            each
            for each in recent
            if each.id not in superseded and each.id not in reverted and (not each.reverts or min(each.reverts) <= after)
        )


def read(folder: Path = CHANGES, *, after: int = 0) -> History:
    """The history in `folder`; of the entries up to `after` no file is opened. Raises `OSError` when the folder cannot be read."""
    files = listed(folder)
    entries = {path: path.read_bytes() for number, paths in files.items() if number > after for path in paths}
    strange = [path for path in sorted(folder.iterdir()) if path.suffix == ".toml" and not NAME.fullmatch(path.name)]
    return gathered(entries, files=files, strange=strange)


def gathered(entries: Mapping[Path, bytes], *, files: Mapping[int, tuple[Path, ...]], strange: Iterable[Path] = ()) -> History:
    """The history of the files `entries`; `strange` are those whose name is not one of an entry."""
    changes: list[Change] = []
    faults = [Fault(path=path, message="the name of a change's file is `NNNN-words.toml`") for path in strange]
    for path, content in entries.items():
        try:
            changes.append(_entry(path, content))
        except Unreadable as error:
            faults += error.faults
    changes.sort(key=lambda each: each.id)
    return History(changes=tuple(changes), latest=max(files, default=0), faults=tuple(faults), files=files)


def _entry(path: Path, content: bytes) -> Change:
    if len(content) > MAX_BYTES:
        raise Unreadable((Fault(path=path, message=f"a change has at most {MAX_BYTES} bytes"),))
    try:
        return parse(path, content.decode("utf-8"))
    except UnicodeDecodeError:
        raise Unreadable((Fault(path=path, message="not UTF-8"),)) from None
