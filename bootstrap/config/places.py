"""Where in a TOML text each key and value stands, found with tomlkit's parser. Imported only when something must be said."""

from __future__ import annotations

import collections
import time
from collections.abc import Iterator
from typing import Any

from tomlkit.container import Container
from tomlkit.items import AoT, Array, InlineTable, Item, Key, Table
from tomlkit.parser import Parser

from bootstrap.config.toml import KeyPath, Place

Offsets = tuple[int, int]
CPU_SECONDS = 1.0
"""tomlkit takes quadratic time over some files that nobody writes by hand; then there are no places."""


class SpanParser(Parser):
    """tomlkit's parser, noting where keys, values and headers stand. What is noted is kept alive, so that its `id` stays its own."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.noted: dict[int, tuple[object, Offsets]] = {}
        self.keys: list[tuple[str, Offsets]] = []
        self.headers: dict[str, list[Offsets]] = {}
        self.deadline = time.process_time() + CPU_SECONDS
        self.counts: collections.Counter[KeyPath] = collections.Counter()

    def offsets(self, item: object) -> Offsets | None:
        """Where `item` of the parsed document stands, or None when it has no text of its own.

        A table stands where its header's key does. It is known by the header's words, for tomlkit builds it anew while it parses; so the
        tables of one array must be asked for in their order.
        """
        if isinstance(item, Table) and item.display_name in self.headers:
            return self.headers[item.display_name].pop(0) if self.headers[item.display_name] else None
        noted = self.noted.get(id(item))
        return noted[1] if noted else None

    def _note(self, item: object, start: int) -> Offsets:
        end = self._idx
        while start < end and self._src[start] in " \t":
            start += 1
        while end > start and self._src[end - 1] in " \t":
            end -= 1
        self.noted[id(item)] = (item, (start, end))
        return start, end

    def _parse_simple_key(self) -> Key:
        start = self._idx
        key = super()._parse_simple_key()
        self._note(key, start)
        return key

    def _parse_key(self) -> Key:
        if time.process_time() > self.deadline:
            raise TimeoutError
        start = self._idx
        key = super()._parse_key()
        self.keys.append((key.as_string(), self._note(key, start)))
        return key

    def _parse_value(self) -> Item:
        start = self._idx
        value = super()._parse_value()
        self._note(value, start)
        return value

    def _parse_table(self, *arguments: Any, **named: Any) -> tuple[Key, Table | AoT]:
        header = len(self.keys)
        parsed = super()._parse_table(*arguments, **named)
        name, offsets = self.keys[header]
        self.headers[name] = sorted([*self.headers.get(name, ()), offsets])
        return parsed


def find(text: str) -> dict[KeyPath, Place]:
    """The place of every table, key and array item of `text`; nothing when tomlkit does not take it.

    The place of a table is the key in its header. A table that is opened twice (`[a.b]`, then `[a.c]`) is where it was first.
    """
    try:
        parser = SpanParser(text)
        document = parser.parse()
        found: dict[KeyPath, Place] = {}
        for path, place in _walk(parser, document.body, ()):
            found.setdefault(path, place)
    except Exception:  # noqa: BLE001 - tomllib took the text; where tomlkit does not, or changed inside, there is no place to show
        return {}
    return found


def _walk(parser: SpanParser, body: list[tuple[Key | None, Item]], path: KeyPath) -> Iterator[tuple[KeyPath, Place]]:
    for key, item in body:
        if key is not None:
            below = (*path, key.key)
            place = Place(key=parser.offsets(key), value=parser.offsets(item) or parser.offsets(key))
            yield below, place
            yield from _inside(parser, item, below, place.value)


def _inside(parser: SpanParser, item: Item | Container, path: KeyPath, around: Offsets | None) -> Iterator[tuple[KeyPath, Place]]:
    """The places inside `item`, which stands at `around`; the first table of an array has its header there."""
    if isinstance(item, Table | InlineTable):
        yield from _walk(parser, item.value.body, path)
    elif isinstance(item, AoT | Array):
        elements = item.body if isinstance(item, AoT) else [group.value for group in item._value if group.value is not None]  # noqa: SLF001
        first = parser.counts[path]  # an array of tables may go on after another table
        parser.counts[path] += len(elements)
        for index, element in enumerate(elements, first):
            place = Place(key=None, value=parser.offsets(element) or around)
            yield (*path, index), place
            yield from _inside(parser, element, (*path, index), place.value)
