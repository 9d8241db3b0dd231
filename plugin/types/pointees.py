"""What each pointer parameter of a function points to, by the loads and stores of its optimised body.

LLVM's pointers have no type, and a caller from Python has to know it: an array of another type would be read as garbage. Where all
accesses through a parameter have one scalar type, that is it; where they differ, or where there are none, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llvmlite.binding import ValueRef

NAMES = {"half": "f16", "float": "f32", "double": "f64", "i8": "i8", "i16": "i16", "i32": "i32", "i64": "i64"}
"""LLVM's scalar types that an array can hold, each with its name in the configuration's type language."""

_VALUE = r'%(?:"[^"]*"|[-\w.$]+)'
_DERIVED = re.compile(rf"^\s*(?P<made>{_VALUE}) = (?:getelementptr .*?, ptr (?P<base>{_VALUE})|(?P<merge>(?:phi ptr|select i1) .*))")
_ACCESS = re.compile(rf"\b(?:load|store)(?: atomic)?(?: volatile)? (?P<type>\w+|<\d+ x \w+>)[ ,].*?\bptr (?P<pointer>{_VALUE})")
_OPERAND = re.compile(_VALUE)


def pointees(function: ValueRef) -> tuple[str, ...]:
    """For each parameter the type that it points to, such as `f64`; nothing for one that is no pointer or of which that is not known."""
    parameters = [_OPERAND.findall(str(argument))[-1] for argument in function.arguments]
    pointers = [name for name, argument in zip(parameters, function.arguments, strict=True) if str(argument.type) == "ptr"]
    if not pointers:
        return ("",) * len(parameters)
    accessed = accessed_through(pointers, str(function).splitlines())
    return tuple(accessed.get(each, "") for each in parameters)


def accessed_through(pointers: list[str], lines: list[str]) -> dict[str, str]:
    """For each pointer of a function's text the type of all accesses through it, or nothing where they differ or there are none."""
    accessed: dict[str, set[str]] = {}
    for root, type_ in _accesses(lines, _roots(pointers, lines)):
        accessed.setdefault(root, set()).add(type_)
    return {each: _name(accessed.get(each, set())) for each in pointers}


def _roots(pointers: list[str], lines: list[str]) -> dict[str, set[str]]:
    """For each value that is made from pointers, the parameters that it may point into."""
    roots = {each: {each} for each in pointers}
    derived = [found for found in map(_DERIVED.match, lines) if found]
    grew = True
    while grew:
        grew = False
        for found in derived:
            sources = [found["base"]] if found["base"] else _OPERAND.findall(found["merge"])
            reached = set().union(*(roots.get(each, ()) for each in sources))
            known = roots.setdefault(found["made"], set())
            grew |= not reached <= known
            known |= reached
    return roots


def _accesses(lines: list[str], roots: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    for found in filter(None, map(_ACCESS.search, lines)):
        for root in roots.get(found["pointer"], ()):
            yield root, found["type"]


def _name(types: set[str]) -> str:
    scalars = {type_.strip("<>").rpartition(" ")[2] for type_ in types}
    return NAMES.get(scalars.pop(), "") if len(scalars) == 1 else ""
