"""The model as a schema of the change tracker: what `audit config` compares, and what `change_tracker/model.json` keeps for later."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo

from bootstrap.config import keys
from bootstrap.config.model import Section, kind
from change_tracker.schema_diff import Entry, Schema

BOUNDS = {Ge: ("ge", ">="), Gt: ("gt", ">"), Le: ("le", "<="), Lt: ("lt", "<"), MinLen: ("min_length", "at least")}


def exported() -> Schema:
    """Every key of today's model; a table is there only where it is a value of its own."""
    return {each.path: _entry(each) for each in keys.keys().values() if not is_table(each)}


def is_table(key: keys.Key) -> bool:
    """Whether a key does nothing but hold other keys."""
    if key.section is None or typing.get_origin(key.field.annotation) is dict:
        return key.section is not None
    return isinstance(key.field.annotation, type)


def _entry(key: keys.Key) -> Entry:
    words = typed(key.field.annotation, list(key.field.metadata))
    return Entry(type=words, default=key.default, required=key.required, gate=key.gate, since=key.since, doc=key.doc)


def typed(annotation: Any, metadata: list[Any] | None = None) -> str:
    """A type in words that stay the same from version to version of pydantic: `integer >= 0`, `array of string`, `"a" | "b"`."""
    annotation, found = _bare(annotation)
    bounds = "".join(f" {word}" for each in [*(metadata or []), *found] for word in _bound(each))
    arguments = [each for each in typing.get_args(annotation) if each is not type(None)]
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return " | ".join(keys.literal(each) for each in arguments)
    if origin is tuple:
        return f"array of {_group(typed(arguments[0]))}{bounds}"
    if origin is not None:
        return " | ".join(dict.fromkeys(typed(each) for each in arguments)) + bounds
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return "table"
    if isinstance(annotation, type):
        return kind(annotation()) + bounds
    return str(getattr(annotation, "__forward_arg__", annotation)) + bounds


def _bare(annotation: Any) -> tuple[Any, list[Any]]:
    """A type without `Annotated`, and what was said there. A named type that is recursive stays a name."""
    found: list[Any] = []
    while typing.get_origin(annotation) is typing.Annotated:
        annotation, *metadata = typing.get_args(annotation)
        found += metadata
    return annotation, found


def _bound(constraint: Any) -> Iterator[str]:
    if isinstance(constraint, FieldInfo):
        for each in constraint.metadata:
            yield from _bound(each)
    elif type(constraint) in BOUNDS:
        name, words = BOUNDS[type(constraint)]
        yield f"{words} {getattr(constraint, name)}"


def _group(words: str) -> str:
    return f"({words})" if " | " in words else words
