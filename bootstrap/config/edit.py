"""Changing a configuration file: one value at a time, in the text itself, so that comments, order and quoting stay as they are.

Where a value or a table stands is known from tomlkit's parse of the text (`places`); the change is a splice there, and it is taken only
when the new text parses to the old values with this one changed.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import operator
import tomllib
from pathlib import Path
from typing import Any

from bootstrap.config import faults, files, keys, overrides, toml
from bootstrap.config.layers import Layer, Source, unflatten
from bootstrap.config.toml import Document, KeyPath
from bootstrap.diagnostics import Failure, fail
from bootstrap.files import write_atomically
from change_tracker import numbers
from change_tracker.numbers import CHANGE_ID

BY_HAND, READ_ONLY = "E0216", "E0215"
Offsets = tuple[int, int]
WRITABLE = 0o222
BACKUP = ".bak"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value changed: `old` is None when the key was not set; `after` is the whole new text."""

    file: Path
    path: KeyPath
    old: object
    new: object
    before: str
    after: str


def words(change: Change) -> tuple[str, str, str | None]:
    """Key, new and old value of a change, as one writes them."""
    return keys.dotted(change.path), keys.literal(change.new), None if change.old is None else keys.literal(change.old)


def plan(file: Path, key: str, words: str) -> Change:
    """The change that sets `key` in `file` to what the model makes of `words`; a file that is not there begins with a `change-id`.

    Raises `Failure` when the key or the value is not one of the model's, or when the text cannot be changed by a program.
    """
    is_new = not file.exists()
    document = toml.parse(file, f"{CHANGE_ID} = {numbers.latest()}\n") if is_new else toml.read(file)
    names = [name for table in ("unit", "target") if isinstance(document.data.get(table), dict) for name in document.data[table]]
    path = overrides.parse_key(key, names)
    value = overrides.typed(path, words)
    layer = Layer(source=Source.EDIT, name="", data=unflatten({path: value}), names={path: f"{key} {words}"})
    found = faults.check(layer)
    if path == ("profile",) and value not in files.available_profiles():
        found.append(files.no_profile(str(value)))
    if found:
        raise Failure(*found)
    old = None if is_new else _get(document.data, path)
    after = document.mark + changed(document, path, value)
    return Change(file=file, path=path, old=old, new=value, before="" if is_new else document.mark + document.text, after=after)


def write(change: Change) -> None:
    """Write what `plan` made; a value that is replaced stays in the file beside it.

    Raises `Failure` as `replace` does, and with E0202 when the file is no longer what it was when the change was planned.
    """
    if change.file.exists() and change.file.read_bytes() != change.before.encode():
        raise fail("E0202", f"`{change.file}` changed meanwhile", help=["run again"])
    replace(change.file, change.after, keep=change.old is not None)


def replace(file: Path, text: str, *, keep: bool) -> None:
    """Write `file`, through a symbolic link and with the mode that it has; with `keep` what was there stays beside it as `.bak`.

    Raises `Failure` with E0215 for a read-only file.
    """
    real = file.resolve()
    mode = 0o644
    if real.exists():
        mode = real.stat().st_mode & 0o7777
        if not mode & WRITABLE:
            remedy = f"allow writing with `chmod u+w {file}`, or change it by hand"
            raise fail(READ_ONLY, f"`{file}` is read-only", help=[remedy])
        if keep:
            write_atomically(real.with_name(real.name + BACKUP), real.read_bytes(), mode=mode)
    write_atomically(real, text, mode=mode)


def changed(document: Document, path: KeyPath, value: object) -> str:
    """The text of `document` with `path` set to `value`. Raises `Failure` with E0216 when that cannot be done safely."""
    expected = copy.deepcopy(document.data)
    text = None
    if _set(expected, path, value):
        text = _replaced(document, path, value) if _get(document.data, path) is not None else _inserted(document, path, value)
    try:
        if text is not None and tomllib.loads(text) == expected:
            return text
    except tomllib.TOMLDecodeError:
        pass
    line = f"{keys.dotted(path[-1:])} = {keys.literal(value)}"
    table = keys.dotted(path[:-1])
    raise fail(
        BY_HAND,
        f"`{keys.dotted(path)}` cannot be changed by a program in this file",
        span=document.value_span(path),
        help=[f"write `{line}`" + (f" under `[{table}]`" if table else " at the top of the file")],
    )


def _get(data: Any, path: KeyPath) -> object:
    """The value at `path`, or None."""
    try:
        return functools.reduce(operator.getitem, path, data)
    except (LookupError, TypeError):
        return None


def _set(data: Any, path: KeyPath, value: object) -> bool:
    """Set `path` in `data`, opening tables on the way; gives whether it could be."""
    for part in path[:-1]:
        if isinstance(data, dict):
            data.setdefault(part, {})
        try:
            data = data[part]
        except (LookupError, TypeError):
            return False
    if not isinstance(data, dict) and _get(data, path[-1:]) is None:
        return False
    data[path[-1]] = value
    return True


def _replaced(document: Document, path: KeyPath, value: object) -> str | None:
    """The text with the value at `path` in the place of the one that is there."""
    place = document.places.get(path)
    if place is None or place.value is None or not place.is_value:
        return None
    start, end = place.value
    literal = keys.literal(value)
    if document.text[start] == "'" and isinstance(value, str) and value.isprintable() and "'" not in value:
        literal = f"'{value}'"
    return document.text[:start] + literal + document.text[end:]


def _inserted(document: Document, path: KeyPath, value: object) -> str | None:
    """The text with a new line for `path`: after its siblings, after the header of its table, or in a new table at the end."""
    text, newline = document.text, "\r\n" if "\r\n" in document.text else "\n"
    assignment = f"{keys.dotted(path[-1:])} = {keys.literal(value)}"
    siblings = _siblings(document, path)
    if siblings and path != ("change-id",):
        value_at, key_at = max(siblings)
        return _after_sibling(text, value_at, key_at, assignment, newline)
    if len(path) == 1:
        position = _line_end(text, 0) if text.startswith("#:") else 0
        return text[:position] + _missing_newline(text[:position], newline) + assignment + newline + text[position:]
    table = document.places.get(path[:-1])
    if table and table.value and table.is_value:
        start, end = table.value
        return f"{text[:start]}{{ {assignment} }}{text[end:]}"
    header = table and (table.key or table.value)
    if header and text[header[1] :].lstrip(" \t").startswith("]"):
        end = _line_end(text, header[1])
        return text[:end] + _missing_newline(text[:end], newline) + assignment + newline + text[end:]
    gap = _missing_newline(text, newline) + (newline if text.strip() else "")
    return f"{text}{gap}[{keys.dotted(path[:-1])}]{newline}{assignment}{newline}"


def _siblings(document: Document, path: KeyPath) -> list[tuple[Offsets, Offsets]]:
    """Where the plain values of the table around `path` stand, and their keys."""
    beside = [place for each, place in document.places.items() if each[:-1] == path[:-1] and place.is_value]
    return [(place.value, place.key) for place in beside if place.value and place.key]


def _after_sibling(text: str, value: Offsets, key: Offsets, assignment: str, newline: str) -> str:
    """The text with `assignment` after the sibling whose value and key stand there: on a line of its own, or in its inline table."""
    before = text[text.rfind("\n", 0, key[0]) + 1 : key[0]]
    if "{" in before or "," in before:
        return f"{text[: value[1]]}, {assignment}{text[value[1] :]}"
    end = _line_end(text, value[1])
    return text[:end] + _missing_newline(text[:end], newline) + before + assignment + newline + text[end:]


def _line_end(text: str, position: int) -> int:
    """The offset after the end of the line of `position`."""
    return text.find("\n", position) + 1 or len(text)


def _missing_newline(text: str, newline: str) -> str:
    return "" if not text or text.endswith("\n") else newline
