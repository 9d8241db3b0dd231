"""What the model says about each key, as one table: for messages, generated files, completion and `config explain`."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bootstrap.config.model import Config, Section
from bootstrap.config.toml import KeyPath
from bootstrap.gates import FEATURES

NAMED = "*"
"""Stands in a key's path for a name of the user's: a unit or a target."""
NAMED_DEPTH = 3
"""How many parts the path of a unit's or a target's key has."""
BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key or a table of the model; `path` has `*` where the user chooses a name, indices are left out."""

    path: tuple[str, ...]
    field: FieldInfo

    @property
    def section(self) -> type[Section] | None:
        """The section that the key opens, or None when it holds a plain value."""
        return section_in(self.field.annotation)

    @property
    def is_table(self) -> bool:
        """Whether the key is a table: a section, or the table of all units or targets."""
        return self.section is not None and typing.get_origin(self.field.annotation) is not tuple

    @property
    def type(self) -> str:
        """The type in words."""
        return type_words(self.field.annotation)

    @property
    def example(self) -> object:
        """A value to show: the default, or else the model's example."""
        return self.default if self.default is not None else next(iter(self.field.examples or []), None)

    @property
    def required(self) -> bool:
        """Whether the key has no default."""
        return self.field.is_required()

    @property
    def default(self) -> object:
        """The default as TOML has it, or None when there is none."""
        value = self.field.default
        return None if value is PydanticUndefined else list(value) if isinstance(value, tuple) else value

    @property
    def doc(self) -> str:
        """What the key means, in a phrase."""
        return self.field.description or ""

    @property
    def gate(self) -> str | None:
        """The feature that the key, or a value of it, needs."""
        return next((each.name for each in FEATURES if any(gate.key == self.path for gate in each.gates)), None)

    @property
    def since(self) -> str:
        """The version that brought the key."""
        return typing.cast("dict[str, str]", self.field.json_schema_extra or {}).get("x-since", "")


def section_in(annotation: Any) -> type[Section] | None:
    """The section somewhere inside a type, such as that of `tuple[AutoDiff, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next(filter(None, map(section_in, typing.get_args(annotation))), None)


@functools.cache
def keys() -> dict[tuple[str, ...], Key]:
    """Every key and table of the model by its path, in the model's order."""
    return {each.path: each for each in _below(Config, ())}


def _below(section: type[Section], path: tuple[str, ...]) -> Iterator[Key]:
    for name, field in section.model_fields.items():
        key = Key(path=(*path, field.alias or name), field=field)
        yield key
        if key.section:
            named = typing.get_origin(field.annotation) is dict
            yield from _below(key.section, (*key.path, NAMED) if named else key.path)


def pattern(path: KeyPath) -> tuple[str, ...]:
    """The path of the model that `path` belongs to: names of units and targets become `*`, indices go."""
    parts: list[str] = []
    for part in path:
        if isinstance(part, str):
            parts.append(NAMED if len(parts) == 1 and parts[0] in ("target", "unit") else part)
    return tuple(parts)


def find(path: KeyPath) -> Key | None:
    """The key of the model for `path`, or None when there is none."""
    return keys().get(pattern(path))


def dotted(path: KeyPath) -> str:
    """`path` as one writes it: `unit."a.b".sources`, with an index as `[0]`."""
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part}]"
        else:
            words += ("." if words else "") + (part if BARE.fullmatch(part) else quote(part))
    return words


def place(path: tuple[str, ...]) -> str:
    """A table of the model in words: `in `[llvm]``, or `at the top of the file`."""
    return (
        f"in `[{'.'.join('<name>' if part == NAMED else part for part in path)}]`"
        if path
        else "at the top of the file, before any `[table]`"
    )


TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def type_words(annotation: Any) -> str:
    """A type of the model in TOML's words: `boolean`, `"forward" or "reverse"`, `array of strings`."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in TYPES:
        return TYPES[annotation]
    if origin is typing.Literal:
        return either(f'"{each}"' for each in arguments)
    if origin is typing.Annotated:
        return type_words(arguments[0])
    if origin is tuple:
        return f"array of {_plural(type_words(arguments[0]))}"
    if arguments:
        words = dict.fromkeys(type_words(each) for each in arguments if each is not type(None))
        return either(each for each in words if each != "integer" or "number" not in words)
    return "array of numbers" if isinstance(annotation, str | typing.TypeVar) or not isinstance(annotation, type) else "table"


def either(words: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _plural(words: str) -> str:
    return f"{words}s" if words in ("string", "table", "number") else f"({words})" if " or " in words else words


def choices(annotation: Any) -> Iterator[str]:
    """The words that a type with fixed values takes."""
    if typing.get_origin(annotation) is typing.Literal:
        yield from map(str, typing.get_args(annotation))
    else:
        for each in typing.get_args(annotation):
            if not isinstance(each, str):
                yield from choices(each)


def quote(words: str) -> str:
    """A basic string of TOML: JSON's, with DEL escaped as well."""
    return json.dumps(words, ensure_ascii=False).replace("\x7f", "\\u007F")


def literal(value: object) -> str:
    """`value` as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{dotted((name,))} = {literal(each)}" for name, each in value.items()) + " }" if value else "{}"
    if isinstance(value, str):
        return quote(value)
    return str(value).replace("e-0", "e-")
