"""Which parameters of a primal each input of an item is about, found from the IR's real types and from what the item says.

A front end takes a small struct apart into registers and hands a large one over in memory, so one argument of the sources may be
several parameters, or a pointer. The IR tells that of `byval` and `sret` alone; for the rest the input's `type` is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from plugin.items.activity import AutoDiffItem, DiffActivity
from plugin.items.layout import Layout, UnknownLayoutError, is_integer, size_of, up
from plugin.items.signature import Argument, Function, Passing
from plugin.types.type_language import Array, Pointer, Slice, Struct, Type

EIGHTBYTE = 8


class MisfitError(Exception):
    """A type that was said does not fit the parameters; has a sentence and what to write instead."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def read_arguments(item: AutoDiffItem, primal: Function) -> Iterator[Argument | MisfitError]:
    """The arguments of an item in order, as far as the parameters go; where one does not fit, the error stands in its place."""
    first = 0
    for number, activity in enumerate(item.inputs):
        if first >= len(primal.parameters):
            return
        type_ = item.type_of(number)
        read: Argument | MisfitError
        try:
            read = _argument(primal, first, activity, type_)
        except MisfitError as misfit:
            read = misfit
        except UnknownLayoutError as unknown:
            read = MisfitError(f"it is {unknown}", "pass a pointer")
        first += read.count if isinstance(read, Argument) else 2 if isinstance(type_, Slice) else 1
        yield read


def _argument(primal: Function, first: int, activity: DiffActivity, type_: Type | None) -> Argument:
    name = re.sub(r"\.(coerce)?\d*$", "", primal.names[first]) if primal.names else ""
    if isinstance(type_, Slice):
        return _slice(primal, first, activity, type_, name)
    if primal.by_value and primal.by_value[first]:
        return _in_memory(primal, first, activity, type_, name)
    if isinstance(type_, Struct | Array):
        return _struct(primal, first, activity, type_, name)
    layout = Layout.of_ir(primal.parameters[first], primal.definitions)
    if not layout.is_scalar or primal.parameters[first] != layout.scalars[0][1]:
        if type_ is not None:
            raise MisfitError(
                f"`{type_.spelling}` is not `{primal.parameters[first]}`", "write the struct that it is, such as `{f32, f32}`"
            )
        pieces = ((0, primal.parameters[first]),)
        return Argument(activity=activity, passing=Passing.REGISTERS, first=first, count=1, layout=layout, pieces=pieces, name=name)
    _check_scalar(layout.scalars[0][1], type_)
    stride = type_.target.size if isinstance(type_, Pointer) and isinstance(type_.target, Array) else 0
    return Argument(activity=activity, passing=Passing.DIRECT, first=first, count=1, layout=layout, stride=stride, name=name)


def _in_memory(primal: Function, first: int, activity: DiffActivity, type_: Type | None, name: str) -> Argument:
    layout = Layout.of_ir(primal.by_value[first], primal.definitions)
    if type_ is not None and type_.size != layout.size:
        raise MisfitError(f"`{type_.spelling}` has {type_.size} bytes, the struct has {layout.size}", "leave the type out")
    layout = layout if type_ is None else Layout.of_type(type_)
    return Argument(activity=activity, passing=Passing.MEMORY, first=first, count=1, layout=layout, name=name)


def _check_scalar(parameter: str, type_: Type | None) -> None:
    if type_ is None:
        return
    said = Layout.of_type(type_).scalars[0][1]
    if said != parameter and not (is_integer(said) and is_integer(parameter)):
        raise MisfitError(f"`{type_.spelling}` is `{said}` in IR, the parameter is `{parameter}`", "write the type that the sources have")


def _slice(primal: Function, first: int, activity: DiffActivity, type_: Slice, name: str) -> Argument:
    parameters = primal.parameters[first : first + 2]
    if len(parameters) < 2 or parameters[0] != "ptr" or not is_integer(parameters[1]):  # noqa: PLR2004 - a pointer and a length
        found = " and ".join(f"`{each}`" for each in parameters)
        remedy = f"for a pointer without a length write `*{type_.element.spelling}`"
        raise MisfitError(f"`{type_.spelling}` is a pointer and its length after it, here is {found}", remedy)
    layout, stride = Layout.of_scalar("ptr"), type_.element.size
    return Argument(activity=activity, passing=Passing.SLICE, first=first, count=2, layout=layout, stride=stride, name=name)


def _struct(primal: Function, first: int, activity: DiffActivity, type_: Struct | Array, name: str) -> Argument:
    layout = Layout.of_type(type_)
    pieces = _pieces(primal, first, layout)
    if pieces:
        return Argument(
            activity=activity, passing=Passing.REGISTERS, first=first, count=len(pieces), layout=layout, pieces=pieces, name=name
        )
    if primal.parameters[first] == "ptr":
        return Argument(activity=activity, passing=Passing.INDIRECT, first=first, count=1, layout=layout, name=name)
    found = ", ".join(primal.parameters[first:])
    raise MisfitError(f"`{type_.spelling}` does not lie in the parameters `{found}`", "write the type that the sources have")


def _pieces(primal: Function, first: int, layout: Layout) -> tuple[tuple[int, str], ...]:
    """The parameters that hold a struct, each with its offset; none when they do not hold it."""
    pieces: list[tuple[int, str]] = []
    end, needed = 0, max((offset + size_of(type_) for offset, type_ in layout.scalars), default=0)
    for parameter in primal.parameters[first:]:
        if end >= needed:
            break
        part = Layout.of_ir(parameter, primal.definitions)
        offset = up(end, part.alignment)
        if not _agree(layout, part, offset):
            return ()
        pieces.append((offset, parameter))
        end = offset + part.size
    return tuple(pieces) if needed <= end <= up(layout.size, EIGHTBYTE) else ()


def _agree(layout: Layout, part: Layout, base: int) -> bool:
    """Whether what a parameter holds can be what is at `base` of a struct. An integer may hold anything, padding too."""
    held = {base + offset: type_ for offset, type_ in part.scalars if not is_integer(type_) and base + offset < layout.size}
    said = dict(layout.scalars)
    return all(said.get(offset) == type_ for offset, type_ in held.items())
