"""Carrying a file over: the steps of the changes that it does not know, applied to what it says.

The meaning of a step is defined on plain tables, in `carry`; `change_tracker/rewrite.py` does the same to a file and keeps its comments.
The *law*: a file that was carried over needs no carrying, and means to today's model what it meant to the model of its `change-id`.
Steps of one kind that follow each other in a change happen at once, so that two keys or two values can change places.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Protocol

from change_tracker.change import NAMED, Change, Key, Pin, Remove, Rename, Rewrite, Step, dotted
from change_tracker.history import History
from change_tracker.numbers import CHANGE_ID

IGNORE = "ignore"
Table = MutableMapping[str, Any]
Accepts = Callable[[tuple[str, ...], Any], bool]
"""Whether today's model takes a value at a path."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Something that was done to a file, in words; `change` is the entry behind it, None for the repair of a `change-id`."""

    change: int | None
    words: str


class Conflict(Exception):
    """A key cannot be carried over because the file already sets the one that it became."""

    def __init__(self, change: int, old: Key, new: Key) -> None:
        super().__init__(f"change {change} made `{dotted(old)}` `{dotted(new)}`, and the file sets both")
        self.old, self.new = old, new


class Editor(Protocol):
    """How tables are changed; one for plain tables, one for a file whose comments are to stay."""

    def rename(self, table: Table, old: str, new: str) -> None:
        """Give an entry another name."""

    def take(self, table: Table, name: str) -> Any:
        """Remove an entry and give it."""

    def put(self, table: Table, name: str, value: Any) -> None:
        """Add an entry that is not there; `value` is plain or what `take` gave."""

    def replace(self, table: Table, name: str, value: Any) -> None:
        """Give an entry another plain value."""

    def open(self, table: Table, name: str) -> Table:
        """The table `name` in `table`, made when it is missing."""


class Plain:
    """Changes plain dictionaries."""

    def rename(self, table: Table, old: str, new: str) -> None:
        """Give an entry another name."""
        table[new] = table.pop(old)

    def take(self, table: Table, name: str) -> Any:
        """Remove an entry and give it."""
        return table.pop(name)

    def put(self, table: Table, name: str, value: Any) -> None:
        """Add an entry."""
        table[name] = value

    def replace(self, table: Table, name: str, value: Any) -> None:
        """Give an entry another value."""
        table[name] = value

    def open(self, table: Table, name: str) -> Table:
        """The table `name` in `table`."""
        return table.setdefault(name, {})  # type: ignore[no-any-return] # TOML's tables hold anything


def known_id(data: Mapping[str, Any]) -> int | str | None:
    """The `change-id` of a file as it is meant: at the top or strayed into a table, in quotes or as a float; None when there is none."""
    values = [table[CHANGE_ID] for table, _ in _holders(data)]
    return next((each for each in map(_meant, values) if each is not None), None)


def _meant(value: object) -> int | str | None:
    if value == IGNORE:
        return IGNORE
    if isinstance(value, str | float):
        words = str(value).strip().removesuffix(".0")
        return int(words) if words.isascii() and words.isdecimal() and len(words) <= len(str(2**63)) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _holders(table: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """The tables with a `change-id` that is a value, the outermost first; those of an array have the array's path."""
    if isinstance(table, list):
        for each in table:
            yield from _holders(each, path)
    elif isinstance(table, Mapping):
        if CHANGE_ID in table and not isinstance(table[CHANGE_ID], Mapping):
            yield table, path
        for name, value in table.items():
            yield from _holders(value, (*path, name))


def due(history: History, change_id: int | str | None) -> tuple[Change, ...]:
    """The changes whose steps are to be applied to a file with this id; of one that says no number all, each where it is needed."""
    return history.told(change_id) if isinstance(change_id, int) else history.changes


def carry(
    data: Table,
    history: History,
    *,
    accepts: Accepts,
    elsewhere: Iterable[tuple[str, ...]] = (),
    pins: bool = True,
    editor: Editor | None = None,
) -> list[Applied]:
    """Apply to `data` what it needs, raise its `change-id`, and say what was done.

    A file that says which change it knows gets the steps after it. One that does not gets those steps whose key or value today's model does
    not accept, and no pins. `elsewhere` are keys that layers below the file set, which need no pin; without `pins` new defaults are taken.
    Raises `Conflict`.
    """
    known = known_id(data)
    carrier = Carrier(
        data=data,
        by=editor or Plain(),
        accepts=accepts,
        elsewhere=frozenset(elsewhere),
        pins=pins and isinstance(known, int),
        guarded=not isinstance(known, int),
    )
    for change in due(history, known):
        for kind, steps in itertools.groupby(change.migration, type):
            carrier.apply(change.id, kind, list(steps))
    carrier.raise_id(known, history.latest)
    return carrier.done


@dataclasses.dataclass(slots=True, kw_only=True)
class Carrier:
    """One file on its way: `guarded` when it does not say which change it knows."""

    data: Table
    by: Editor
    accepts: Accepts
    elsewhere: frozenset[tuple[str, ...]]
    pins: bool
    guarded: bool
    done: list[Applied] = dataclasses.field(default_factory=list)

    def apply(self, change: int, kind: type[Step], steps: Sequence[Any]) -> None:
        """Apply steps of one kind, all at once."""
        phases: Mapping[type[Step], Callable[[int, Sequence[Any]], None]]
        phases = {Rename: self._rename, Rewrite: self._rewrite, Remove: self._remove, Pin: self._pin}
        phases[kind](change, steps)

    def raise_id(self, known: int | str | None, latest: int) -> None:
        """Put the one `change-id` to the top, with the value that it has to have."""
        for table, path in list(_holders(self.data)):
            if path:
                self.by.take(table, CHANGE_ID)
                self.done.append(Applied(change=None, words=f"`{dotted((*path, CHANGE_ID))}` belongs at the top of the file"))
        wanted = IGNORE if known == IGNORE else latest
        if CHANGE_ID not in self.data:
            self.by.put(self.data, CHANGE_ID, wanted)
        elif not same(plain(self.data[CHANGE_ID]), wanted):
            self.by.replace(self.data, CHANGE_ID, wanted)
        else:
            return
        self.done.append(Applied(change=None, words=f"`{CHANGE_ID}` is {wanted}"))

    def _needs(self, table: Table, path: tuple[str, ...], name: str) -> bool:
        """Whether a step is for the entry `name` of the table at `path`."""
        return name in table and not (self.guarded and self.accepts((*path, name), plain(table[name])))

    def _note(self, change: int, path: tuple[str, ...], words: str) -> None:
        self.done.append(Applied(change=change, words=f"`{dotted(path)}` {words}"))

    def _rename(self, change: int, steps: Sequence[Rename]) -> None:
        in_place = not {step.to for step in steps} & {step.key for step in steps}
        moves = [move for step in steps for move in self._moves(step)]
        taken = []
        for move in moves:
            if in_place and move.key[:-1] == move.to[:-1]:
                if move.to[-1] in move.table:
                    raise Conflict(change, move.path, move.target)
                self.by.rename(move.table, move.key[-1], move.to[-1])
            else:
                taken.append((move, self.by.take(move.table, move.key[-1])))
            self._note(change, move.path, f"is `{dotted(move.target)}`")
        for move, value in taken:
            table = _descended(move.base, move.to[:-1], self.by)
            if table is None or move.to[-1] in table:
                raise Conflict(change, move.path, move.target)
            self.by.put(table, move.to[-1], value)
        for move in moves:
            self._sweep(move.path[:-1])

    def _moves(self, step: Rename) -> Iterator[Move]:
        depth = next(index for index, (old, new) in enumerate(itertools.zip_longest(step.key, step.to)) if old != new)
        depth = min(depth, len(step.key) - 1, len(step.to) - 1)
        for base, around in list(_tables(self.data, step.key[:depth])):
            for table, path in list(_tables(base, step.key[depth:-1], around)):
                if self._needs(table, path, step.key[-1]):
                    whole = (*path, step.key[-1])
                    target = (*around, *step.to[depth:])
                    yield Move(base=base, table=table, key=step.key[depth:], to=step.to[depth:], path=whole, target=target)

    def _rewrite(self, change: int, steps: Sequence[Rewrite]) -> None:
        for key in dict.fromkeys(step.key for step in steps):
            pairs = [(step.old, step.new) for step in steps if step.key == key]
            for table, path in _tables(self.data, key[:-1]):
                if self._needs(table, path, key[-1]):
                    old = plain(table[key[-1]])
                    new = _new(old, pairs)
                    if not same(new, old):
                        self.by.replace(table, key[-1], new)
                        self._note(change, (*path, key[-1]), f"says `{literal(new)}` instead of `{literal(old)}`")

    def _remove(self, change: int, steps: Sequence[Remove]) -> None:
        for step in steps:
            for table, path in list(_tables(self.data, step.key[:-1])):
                if self._needs(table, path, step.key[-1]):
                    self.by.take(table, step.key[-1])
                    self._note(change, (*path, step.key[-1]), "is gone")
                    self._sweep(path)

    def _pin(self, change: int, steps: Sequence[Pin]) -> None:
        """Say the old default where a file, and what it starts from, left it unsaid."""
        for step in steps if self.pins else ():
            depth = len(step.key) - step.key[::-1].index(NAMED) if NAMED in step.key else 0
            for base, around in list(_tables(self.data, step.key[:depth])):
                whole = (*around, *step.key[depth:])
                if whole in self.elsewhere or _there(base, step.key[depth:]):
                    continue
                table = _descended(base, step.key[depth:-1], self.by)
                if table is not None:
                    self.by.put(table, whole[-1], step.value)
                    self._note(change, whole, f"keeps its old default `{literal(step.value)}`")

    def _sweep(self, path: tuple[str, ...]) -> None:
        """Take away the table at `path` when nothing is left in it and today's model has no such table."""
        for length in range(len(path), 0, -1):
            for around, above in list(_tables(self.data, path[: length - 1])):
                left = around.get(path[length - 1])
                if isinstance(left, Mapping) and not left and not self.accepts((*above, path[length - 1]), {}):
                    self.by.take(around, path[length - 1])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Move:
    """An entry to be renamed: it is in `table`, `key` and `to` are relative to `base`, `path` and `target` are for messages."""

    base: Table
    table: Table
    key: Key
    to: Key
    path: tuple[str, ...]
    target: tuple[str, ...]


def _there(table: Any, key: Key) -> bool:
    """Whether `table` says `key`."""
    for part in key:
        if not isinstance(table, Mapping) or part not in table:
            return False
        table = table[part]
    return True


def _descended(table: Any, key: Key, by: Editor) -> Table | None:
    """The table `key` below `table`, made when it is missing; None when something that is no table stands there."""
    for part in key:
        if not isinstance(table, MutableMapping):
            return None
        table = by.open(table, part)
    return table if isinstance(table, MutableMapping) else None


def _new(value: Any, pairs: Sequence[tuple[Any, Any]]) -> Any:
    """`value`, or each item of it, as `pairs` of old and new say."""
    for old, new in pairs:
        if same(value, old):
            return new
    return [_new(each, pairs) for each in value] if isinstance(value, list) else value


def _tables(data: Any, key: Key, path: tuple[str, ...] = ()) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """The tables at `key` with their paths; the tables of an array have the array's path."""
    if isinstance(data, list):
        for each in data:
            yield from _tables(each, key, path)
    elif isinstance(data, Mapping):
        if not key:
            yield data, path
            return
        for name in list(data) if key[0] == NAMED else [each for each in key[:1] if each in data]:
            yield from _tables(data[name], key[1:], (*path, name))


def literal(value: object) -> str:
    """`value` about as TOML writes it."""
    return json.dumps(value, ensure_ascii=False, default=str)


def plain(value: Any) -> Any:
    """`value` as tomllib would give it."""
    return value.unwrap() if hasattr(value, "unwrap") else value


def same(one: object, other: object) -> bool:
    """Whether two values are the same to TOML, where `1`, `1.0` and `true` differ."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[each], other[each]) for each in one)
    return type(one) is type(other) and one == other
