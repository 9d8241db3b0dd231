"""Carrying the text of a file over with tomlkit: what stays is kept to the character, and comments go with what they are about.

tomlkit has no way to rename a key in its place, so `Commented` changes a container's body itself and falls back to removing and adding.
What comes out is compared with what `migrate.carry` makes of the plain table: a file is never written in a way that means something else.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable
from typing import Any

import tomlkit
from tomlkit.container import Container
from tomlkit.items import AoT, Comment, InlineTable, Item, Key, Null, SingleKey, Table, Whitespace

from change_tracker import migrate
from change_tracker.history import History


class Unwritable(Exception):
    """tomlkit would have made something else of the file than what it has to mean."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """The new text of a file, and what was done to it."""

    text: str
    applied: tuple[migrate.Applied, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taken:
    """An entry on its way, with the comment lines right above it."""

    item: Item
    comments: tuple[Comment, ...] = ()


def rewrite(
    text: str, history: History, *, accepts: migrate.Accepts, elsewhere: Iterable[tuple[str, ...]] = (), pins: bool = True
) -> Rewritten:
    """`text`, valid TOML, carried over. Raises `migrate.Conflict` and `Unwritable`."""
    known = frozenset(elsewhere)
    expected = tomllib.loads(text)
    applied = migrate.carry(expected, history, accepts=accepts, elsewhere=known, pins=pins)
    if not applied:
        return Rewritten(text=text, applied=())
    try:
        document = tomlkit.parse(text if text.endswith("\n") or not text else f"{text}\n")
        migrate.carry(document, history, accepts=accepts, elsewhere=known, pins=pins, editor=Commented())
        new = document.as_string()
        means = tomllib.loads(new)
    except migrate.Conflict:
        raise
    except Exception as error:  # a fault of tomlkit's own; the file is as it was
        raise Unwritable(str(error)) from error
    if not migrate.same(filled(means), filled(expected)):
        raise Unwritable("the result would mean something else")
    return Rewritten(text=new, applied=tuple(applied))


class Commented:
    """Changes a tomlkit document."""

    def rename(self, table: migrate.Table, old: str, new: str) -> None:
        """Give an entry another name, where it stands."""
        container = _container(table)
        place = _place(container, old) if container is not None else None
        if container is None or place is None or isinstance(container.body[place][1], Table | AoT):
            self.put(table, new, self.take(table, old))
            return
        key, item = container.body[place]
        container._replace_at(place, _named(key, new), item)  # noqa: SLF001 - see above
        dict.__setitem__(container, new, item.value)

    def take(self, table: migrate.Table, name: str) -> Any:
        """Remove an entry with the comment lines that belong to it, and give them."""
        item = _item(table, name)
        container = _container(table)
        place = _place(container, name) if container is not None else None
        if container is None or place is None:
            del table[name]
            return Taken(item=item)
        above = _comments_above(container, place)
        comments = tuple(container.body[index][1] for index in above)
        del table[name]
        for index in above:
            container.body[index] = (None, Null())
        return Taken(item=item, comments=tuple(each for each in comments if isinstance(each, Comment)))

    def put(self, table: migrate.Table, name: str, value: Any) -> None:
        """Add an entry after the last one; one that was taken brings its comments."""
        taken = value if isinstance(value, Taken) else Taken(item=tomlkit.item(value))
        body = table.value.body if isinstance(table, Table) else []
        blank = [body.pop() for _ in range(_blank_lines(body))] if not isinstance(taken.item, Table | AoT) else []
        if isinstance(table, Table):
            for each in taken.comments:
                table.add(each)
        if isinstance(taken.item, Table):
            taken.item.invalidate_display_name()
        elif not isinstance(taken.item, AoT):
            _settle(taken.item, inline=isinstance(table, InlineTable))
        table[name] = taken.item
        body.extend(reversed(blank))

    def replace(self, table: migrate.Table, name: str, value: Any) -> None:
        """Give an entry another value; the comment behind it stays."""
        table[name] = value

    def open(self, table: migrate.Table, name: str) -> migrate.Table:
        """The table `name`, made at the end of the file when it is missing."""
        if name not in table:
            if isinstance(table, Container) and table.body:
                for _ in range(2 - min(2, len(table.as_string()) - len(table.as_string().rstrip("\n")))):
                    table.add(tomlkit.nl())
            table[name] = {} if isinstance(table, InlineTable) else tomlkit.table()
        return table[name]  # type: ignore[no-any-return] # tomlkit's tables hold anything


def _settle(item: Item, *, inline: bool) -> None:
    """Give an item that comes from elsewhere the end of line that its new place needs."""
    trivia = item.trivia
    if inline:
        trivia.comment_ws = trivia.comment = trivia.trail = ""
    elif "\n" not in trivia.trail:
        trivia.indent, trivia.trail = "", "\n"


def filled(value: Any) -> Any:
    """`value` without the tables in it that hold nothing; tomlkit drops one whose dotted keys all went."""
    if isinstance(value, dict):
        inside = {name: filled(each) for name, each in value.items()}
        return {name: each for name, each in inside.items() if each != {}}
    return [filled(each) for each in value] if isinstance(value, list) else value


def _blank_lines(body: list[tuple[Key | None, Item]]) -> int:
    """How many blank lines end a table."""
    return next((count for count, (_, item) in enumerate(reversed(body)) if not isinstance(item, Whitespace)), len(body))


def _item(table: migrate.Table, name: str) -> Item:
    """The entry of a table with its comment; tomlkit gives a boolean without one, so it is asked for in the container."""
    container = _container(table) or getattr(table, "_internal_container", None)
    found = container.item(name) if isinstance(container, Container) else table[name]
    return found if isinstance(found, Item) else tomlkit.item(found)


def _container(table: migrate.Table) -> Container | None:
    """What holds the entries of a table; None for a table whose parts stand apart in the file."""
    if isinstance(table, Container):
        return table
    return table.value if isinstance(table, Table | InlineTable) else None


def _place(container: Container, name: str) -> int | None:
    """The index of an entry in its container's body, when it has exactly one."""
    places = [index for index, (key, _) in enumerate(container.body) if key is not None and key.key == name]
    return places[0] if len(places) == 1 else None


def _named(key: Key | None, name: str) -> SingleKey:
    """A key with another name, and what stands between it and its value."""
    new = SingleKey(name)
    if key is not None:
        written = key.as_string()
        new.sep = written[len(written.rstrip()) :] + key.sep
        new._dotted = key.is_dotted()  # noqa: SLF001 - a dotted key stays one
    return new


def _comments_above(container: Container, place: int) -> list[int]:
    """The indices of the comment lines right above an entry: without a blank line between, and not those that open the file."""
    found: list[int] = []
    for index in range(place - 1, -1, -1):
        item = container.body[index][1]
        if isinstance(item, Comment):
            found.insert(0, index)
        elif not isinstance(item, Null):
            break
    return [] if found[:1] == [0] and isinstance(container, tomlkit.TOMLDocument) else found
