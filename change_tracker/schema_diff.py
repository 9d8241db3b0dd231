"""Two models of the configuration, and what became different between them.

A *schema* is a model as a flat table: for each key its type, default, gate and first version. It is exported as JSON, one line a key, so
that another version of holoenzyme, or a revision of its sources, can be compared without being run.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from change_tracker.change import Key, dotted, key

FORMAT = 1
SIMILAR = 0.6
"""How much alike the names of two keys of one type and default are before one is taken for the other's new name."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a model says about one key. `default` is None when there is none; `required` when a file has to set it."""

    type: str
    default: Any = None
    required: bool = False
    gate: str | None = None
    since: str = ""
    doc: str = ""


Schema = Mapping[Key, Entry]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeyAdded:
    """A key is there that was not."""

    key: Key
    entry: Entry


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeyRemoved:
    """A key is no longer there."""

    key: Key
    entry: Entry


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeyRenamed:
    """A key went and one like it came."""

    old: Key
    key: Key


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DefaultChanged:
    """A key has another default, or has to be set where it did not, or no longer."""

    key: Key
    old: Entry
    new: Entry


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TypeChanged:
    """A key takes other values."""

    key: Key
    old: str
    new: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GateChanged:
    """A key needs another feature, or needs one now, or no longer."""

    key: Key
    old: str | None
    new: str | None


Difference = KeyAdded | KeyRemoved | KeyRenamed | DefaultChanged | TypeChanged | GateChanged


class NotASchema(Exception):
    """A text that is no exported model."""


def written(schema: Schema) -> str:
    """`schema` as JSON, in its order, one line a key; what a key has not is left out."""
    lines = [f"  {json.dumps(dotted(path))}: {json.dumps(_stated(entry), ensure_ascii=False)}" for path, entry in schema.items()]
    return f'{{"format": {FORMAT}, "keys": {{\n' + ",\n".join(lines) + "\n}}\n"


def _stated(entry: Entry) -> dict[str, Any]:
    """What is worth a word about a key; its meaning may be said in better words without a change of the model."""
    said = {
        "type": entry.type,
        "default": entry.default,
        "required": entry.required or None,
        "gate": entry.gate,
        "since": entry.since or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def parsed(text: str) -> Schema:
    """The schema that `written` made `text` of; what later versions say besides is passed over. Raises `NotASchema`."""
    known = {field.name for field in dataclasses.fields(Entry)}
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise NotASchema(f"the format is {data['format']}, and {FORMAT} is known")
        return {key(name): Entry(**{word: value for word, value in entry.items() if word in known}) for name, entry in data["keys"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotASchema(f"{type(error).__name__}: {error}") from None


def differences(old: Schema, new: Schema, renames: Mapping[Key, Key] | None = None) -> Iterator[Difference]:
    """What became different from `old` to `new`, in the order of `new`, what went last.

    `renames` are those that the history knows; two keys that are much alike are taken for one that was renamed as well.
    """
    gone = [each for each in old if each not in new]
    known = renames or {}
    for path, entry in new.items():
        before = path if path in old else next((each for each in gone if known.get(each) == path), None) or _likely(path, entry, old, gone)
        if before is None:
            yield KeyAdded(key=path, entry=entry)
            continue
        if before != path:
            gone.remove(before)
            yield KeyRenamed(old=before, key=path)
        yield from _changed(path, old[before], entry)
    yield from (KeyRemoved(key=path, entry=old[path]) for path in gone)


def _likely(path: Key, entry: Entry, old: Schema, gone: list[Key]) -> Key | None:
    """The one key of those that went that `path` is most likely the new name of."""
    alike = [each for each in gone if (old[each].type, old[each].default) == (entry.type, entry.default)]
    names = {dotted(each): each for each in alike if each[-1] == path[-1] or each[:-1] == path[:-1]}
    close = difflib.get_close_matches(dotted(path), names, n=1, cutoff=SIMILAR)
    return names[close[0]] if close else None


def _changed(path: Key, old: Entry, new: Entry) -> Iterator[Difference]:
    if old.type != new.type:
        yield TypeChanged(key=path, old=old.type, new=new.type)
    if (type(old.default), old.default, old.required) != (type(new.default), new.default, new.required):
        yield DefaultChanged(key=path, old=old, new=new)
    if old.gate != new.gate:
        yield GateChanged(key=path, old=old.gate, new=new.gate)
