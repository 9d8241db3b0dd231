"""A change of the configuration: what happened to which keys, how much it matters, and how an older file is carried over.

An entry of the history is one TOML file, `changes/NNNN-slug.toml`; its number is the *id*. A *key* is written with dots, `*` for a name
that the user chooses: `unit.*.kind`. A *step* carries one key of an older file over. Whoever writes an entry is held to `RULE`.

The records here, in history.py and in tracker.py are named tuples: it would take 5 ms more to make dataclasses, and that is all that news
may cost a command.
"""

from __future__ import annotations

import enum
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from change_tracker.numbers import NAME

Key = tuple[str, ...]
NAMED = "*"
KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:\*|[a-z0-9]+(?:-[a-z0-9]+)*))*")
VERSION = re.compile(r"\d+\.\d+\.\d+")


class Severity(enum.StrEnum):
    """`info`: older files keep working as they are. `warning`: a default is another, or something is no longer supported."""

    INFO = "info"
    WARNING = "warning"


class Kind(enum.StrEnum):
    """What happened to the keys."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    MOVED = "moved"
    DEFAULT = "default-changed"
    VALUE = "value-changed"
    BEHAVIOUR = "behaviour"


RULE: Mapping[Kind, Severity] = {
    Kind.ADDED: Severity.INFO,
    Kind.REMOVED: Severity.WARNING,
    Kind.RENAMED: Severity.WARNING,
    Kind.MOVED: Severity.WARNING,
    Kind.DEFAULT: Severity.WARNING,
    Kind.VALUE: Severity.WARNING,
}
"""The severity that each kind has to have; what a behaviour weighs is for its author to say."""


class Rename(NamedTuple):
    """`key` is called `to` now, in its table or in another one."""

    key: Key
    to: Key


class Rewrite(NamedTuple):
    """The value `old` of `key` is written `new` now; an array is rewritten item by item."""

    key: Key
    old: Any
    new: Any


class Remove(NamedTuple):
    """`key` is gone, and had no effect that something else could have now."""

    key: Key


class Pin(NamedTuple):
    """A file that does not set `key` relied on the default `value`, and says so from now on."""

    key: Key
    value: Any


Step = Rename | Rewrite | Remove | Pin
STEPS: Mapping[str, tuple[str, ...]] = {"rename": ("to",), "rewrite": ("from", "to"), "remove": (), "pin": ("value",)}
"""The keys of a `[[migration]]`: the one that names what to do, and what it needs besides."""


class Change(NamedTuple):
    """One entry of the history.

    `supersedes` are older entries that this one tells anew; `reverts` are entries that it takes back, and it does nothing besides.
    `commands` are those that behave in another way. `since` is the first version that has the change, `path` the
    file that the entry was read from.
    """

    id: int
    severity: Severity
    kind: Kind
    summary: str
    since: str
    keys: tuple[Key, ...] = ()
    commands: tuple[str, ...] = ()
    migration: tuple[Step, ...] = ()
    supersedes: tuple[int, ...] = ()
    reverts: tuple[int, ...] = ()
    path: Path | None = None


class Fault(NamedTuple):
    """What is wrong with an entry's file; `key` is where in it, as tables, names and indices."""

    path: Path
    message: str
    key: tuple[str | int, ...] = ()


class Unreadable(Exception):
    """An entry's file that is no entry, with everything that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(each.message for each in faults))
        self.faults = faults


def key(words: str) -> Key:
    """`unit.*.kind` as a key."""
    return tuple(words.split("."))


def dotted(path: Key) -> str:
    """A key as one writes it."""
    return ".".join(path)


def covers(named: Key, path: Key) -> bool:
    """Whether `named` is `path`, or the table around it."""
    return path[: len(named)] == named


def parse(path: Path, text: str) -> Change:
    """The entry that `text`, from the file `path`, holds. Raises `Unreadable`."""
    match = NAME.fullmatch(path.name)
    if not match:
        raise Unreadable((Fault(path=path, message="the name of a change's file is `NNNN-words.toml`"),))
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable((Fault(path=path, message=f"not valid TOML: {error}"),)) from None
    faults = tuple(Fault(path=path, key=place, message=message) for place, message in _wrong(data))
    if faults:
        raise Unreadable(faults)
    return Change(
        id=int(match[1]),
        severity=Severity(data["severity"]),
        kind=Kind(data["kind"]),
        summary=data["summary"],
        since=data["since"],
        keys=tuple(map(key, data.get("keys", ()))),
        commands=tuple(data.get("commands", ())),
        migration=tuple(map(_step, data.get("migration", ()))),
        supersedes=tuple(data.get("supersedes", ())),
        reverts=tuple(data.get("reverts", ())),
        path=path,
    )


def _step(table: Mapping[str, Any]) -> Step:
    if "rename" in table:
        return Rename(key=key(table["rename"]), to=key(table["to"]))
    if "rewrite" in table:
        return Rewrite(key=key(table["rewrite"]), old=table["from"], new=table["to"])
    if "pin" in table:
        return Pin(key=key(table["pin"]), value=table["value"])
    return Remove(key=key(table["remove"]))


Wrong = Iterator[tuple[tuple[str | int, ...], str]]


def _is_key(value: object) -> bool:
    return isinstance(value, str) and KEY.fullmatch(value) is not None


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


Form = tuple[Callable[[Any], bool], str]
REQUIRED: Mapping[str, Form] = {
    "severity": (lambda value: value in set(Severity), "one of " + ", ".join(f"`{each}`" for each in Severity)),
    "kind": (lambda value: value in set(Kind), "one of " + ", ".join(f"`{each}`" for each in Kind)),
    "summary": (lambda value: isinstance(value, str) and value.strip() == value != "", "a sentence"),
    "since": (lambda value: isinstance(value, str) and VERSION.fullmatch(value) is not None, "a version such as `0.2.0`"),
}
LISTS: Mapping[str, Form] = {
    "keys": (_is_key, "a key such as `build.jobs`"),
    "commands": (lambda value: isinstance(value, str) and value != "", "the name of a command"),
    "supersedes": (_is_id, "the id of a change"),
    "reverts": (_is_id, "the id of a change"),
}


def _wrong(data: Mapping[str, Any]) -> Wrong:
    """Everything that keeps `data` from being an entry: the place and a sentence."""
    for name in sorted(data.keys() - REQUIRED.keys() - LISTS.keys() - {"migration"}):
        yield (name,), f"a change has no key `{name}`"
    for name, (fits, form) in REQUIRED.items():
        if name not in data:
            yield (), f"`{name}` is missing: {form}"
        elif isinstance(data[name], dict | list) or not fits(data[name]):
            yield (name,), f"`{name}` has to be {form}"
    for name, (fits, form) in LISTS.items():
        items = data.get(name, [])
        if not isinstance(items, list):
            yield (name,), f"`{name}` has to be an array"
            continue
        yield from (((name, index), f"`{name}` holds {form}") for index, item in enumerate(items) if not fits(item))
    steps = data.get("migration", [])
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        yield ("migration",), "a step is a table `[[migration]]`"
        return
    for index, step in enumerate(steps):
        yield from ((("migration", index), message) for message in _wrong_step(step))


def _wrong_step(step: Mapping[str, Any]) -> Iterator[str]:
    found = [each for each in STEPS if each in step]
    if len(found) != 1:
        yield "a step has one of " + ", ".join(f"`{each}`" for each in STEPS)
        return
    (what,) = found
    if step.keys() != {what, *STEPS[what]}:
        yield f"`{what}` goes with " + (" and ".join(f"`{each}`" for each in STEPS[what]) or "nothing else")
    elif not _is_key(step[what]) or (what == "rename" and not _is_key(step["to"])):
        yield f"`{what}` needs a key such as `build.jobs`"
    elif what == "rename" and not _carries(key(step["rename"]), key(step["to"])):
        yield "both keys of a `rename` have the same `*`, at the same place, and neither is inside of the other"


def _carries(old: Key, new: Key) -> bool:
    """Whether a value can go from `old` to `new` for every name that the user has chosen."""
    stars = [index for index, part in enumerate(old) if part == NAMED]
    depth = stars[-1] + 1 if stars else 0
    return old[:depth] == new[:depth] and NAMED not in new[depth:] and not covers(old, new) and not covers(new, old)
