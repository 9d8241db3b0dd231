"""What a value looks like in memory: its scalars with their offsets, whether it was said in LLVM's words or in the configuration's.

The layout is C's, to which a vector is an array of its elements. Sizes are in bytes.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import Any, Self

from plugin.types.type_language import Array, Pointer, Scalar, Slice, Struct, Type

FLOAT_SIZES = {"half": 2, "bfloat": 2, "float": 4, "double": 8, "x86_fp80": 16, "fp128": 16}
"""LLVM's floating-point types and the bytes that each takes in memory. Enzyme differentiates all of them."""

_SCALARS = {
    "f16": "half",
    "bf16": "bfloat",
    "f32": "float",
    "f64": "double",
    "f80": "x86_fp80",
    "f128": "fp128",
    "i1": "i1",
    "i8": "i8",
    "i16": "i16",
    "i32": "i32",
    "i64": "i64",
    "usize": "i64",
}
"""The scalars of the configuration in LLVM's words."""

_TOKEN = re.compile(r'\s*(%"[^"]*"|%[\w.$-]+|<\{|\}>|[\[\]{}<>,]|\w+)')


MOST = 4096
"""The scalars that a value may have: each is loaded and stored by itself."""


class UnknownLayoutError(ValueError):
    """A type that has no layout here; says what it is."""


def size_of(scalar: str) -> int:
    """The bytes that a scalar IR type takes in memory, which is its alignment too; raises `UnknownLayoutError`."""
    if scalar == "ptr":
        return 8
    if is_integer(scalar):
        return 1 << max(0, (int(scalar[1:]) - 1).bit_length() - 3)
    if scalar not in FLOAT_SIZES:
        raise UnknownLayoutError(f"`{scalar}`, of which nothing is known")
    return FLOAT_SIZES[scalar]


def is_integer(type_: str) -> bool:
    """Whether an IR type is an integer."""
    return type_.startswith("i") and type_[1:].isdecimal()


@dataclasses.dataclass(frozen=True, slots=True)
class Layout:
    """The `scalars` of a value, each an offset and an IR type, in the order of their offsets."""

    scalars: tuple[tuple[int, str], ...]
    size: int
    alignment: int

    @classmethod
    def of_scalar(cls, scalar: str) -> Self:
        """The layout of one number or pointer; raises `UnknownLayoutError`."""
        size = size_of(scalar)
        return cls(((0, scalar),), size, size)

    @classmethod
    def of_ir(cls, type_: str, named: Iterable[str] = ()) -> Layout:
        """The layout of an IR type; `named` has the definitions of structs that it names. Raises `UnknownLayoutError`."""
        return _read(type_, named)[0]

    @classmethod
    def of_type(cls, type_: Type) -> Self:
        """The layout of a type of the configuration; raises `UnknownLayoutError` when it is very large."""
        _check_number(_number(type_))
        return cls(tuple(_scalars(type_, 0)), type_.size, type_.alignment)

    def as_json(self) -> Any:
        """The layout as it stands in a record: the name of a scalar, or all of it."""
        return self.scalars[0][1] if self.is_scalar else {"scalars": self.scalars, "size": self.size, "alignment": self.alignment}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The layout that `as_json` gave; raises `KeyError`, `TypeError` or `ValueError` when it gave another thing."""
        if isinstance(data, str):
            return cls.of_scalar(data)
        return cls(tuple((offset, type_) for offset, type_ in data["scalars"]), data["size"], data["alignment"])

    @property
    def floats(self) -> tuple[tuple[int, str], ...]:
        """The scalars that have a derivative."""
        return tuple(each for each in self.scalars if each[1] in FLOAT_SIZES)

    @property
    def has_pointers(self) -> bool:
        """Whether something in it lies elsewhere."""
        return any(type_ == "ptr" for _, type_ in self.scalars)

    @property
    def is_scalar(self) -> bool:
        """Whether it is one number or pointer and nothing else."""
        return len(self.scalars) == 1 and self.size == size_of(self.scalars[0][1])

    @property
    def spelling(self) -> str:
        """An IR type of this layout: the scalar, or a struct of all scalars, packed where C would place them in another way."""
        if self.is_scalar:
            return self.scalars[0][1]
        types = [type_ for _, type_ in self.scalars]
        if set(types) == {"i8"} and len(types) == self.size:
            return f"[{self.size} x i8]"
        if together([Layout.of_scalar(each) for each in types])[0] == self:
            return "{ " + ", ".join(types) + " }"
        fields, end = [], 0
        for offset, type_ in [*self.scalars, (self.size, "")]:
            fields += [*([f"[{offset - end} x i8]"] if offset > end else []), *([type_] if type_ else [])]
            end = offset + (size_of(type_) if type_ else 0)
        return "<{ " + ", ".join(fields) + " }>"

    def repeated(self, count: int) -> Layout:
        """So many of them in a row."""
        return Layout(
            tuple((index * self.size + offset, type_) for index in range(count) for offset, type_ in self.scalars),
            count * self.size,
            self.alignment,
        )


def together(parts: Sequence[Layout]) -> tuple[Layout, tuple[int, ...]]:
    """The layout of a C struct of `parts`, and the offset of each."""
    offsets, scalars, end = [], [], 0
    alignment = max((each.alignment for each in parts), default=1)
    for part in parts:
        end = up(end, part.alignment)
        offsets.append(end)
        scalars += [(end + offset, type_) for offset, type_ in part.scalars]
        end += part.size
    return Layout(tuple(scalars), up(end, alignment), alignment), tuple(offsets)


def up(offset: int, alignment: int) -> int:
    """The next multiple of `alignment`."""
    return -(-offset // alignment) * alignment


def _check_number(scalars: int) -> None:
    if scalars > MOST:
        raise UnknownLayoutError(f"more than {MOST} numbers by value")


def _number(type_: Type) -> int:
    """How many scalars a type has."""
    match type_:
        case Array():
            return type_.length * _number(type_.element)
        case Struct():
            return sum(_number(field.type) for field in type_.fields)
        case Slice():
            return 2
    return 1


def _scalars(type_: Type, base: int) -> Iterable[tuple[int, str]]:
    match type_:
        case Scalar():
            yield base, _SCALARS[type_.name]
        case Pointer():
            yield base, "ptr"
        case Slice():
            yield from ((base, "ptr"), (base + 8, "i64"))
        case Array():
            for index in range(type_.length):
                yield from _scalars(type_.element, base + index * type_.element.size)
        case Struct():
            for field in type_.fields:
                yield from _scalars(field.type, base + field.offset)


@dataclasses.dataclass(frozen=True, slots=True)
class Leaf:
    """A part of a value that LLVM loads and stores as one, a scalar or a vector: the indices that lead to it, and where it lies."""

    path: tuple[int, ...]
    offset: int
    type: str

    def within(self, index: int, offset: int) -> Leaf:
        """The leaf as one of the part number `index` of a larger value, at `offset` of that."""
        return Leaf((index, *self.path), offset + self.offset, self.type)


def leaves_of(type_: str, named: Iterable[str] = ()) -> tuple[Leaf, ...]:
    """The leaves of an IR type; `named` is as in `Layout.of_ir`. Raises `UnknownLayoutError`."""
    return _read(type_, named)[1]


def _read(type_: str, named: Iterable[str]) -> _Read:
    return _Reader(type_, dict(each.split(" = type ", 1) for each in named)).type()


_Read = tuple[Layout, tuple[Leaf, ...]]


class _Reader:
    """Reads the text of an IR type: a method a form."""

    def __init__(self, text: str, definitions: dict[str, str]) -> None:
        self._tokens = _TOKEN.findall(text)
        self._definitions = definitions
        self._next = 0

    def type(self) -> _Read:
        """`type = scalar | "%" name | "{" fields "}" | "<{" fields "}>" | ("[" | "<") count "x" type ("]" | ">")`."""
        token = self._take()
        if token in {"{", "<{"}:
            return self._struct(is_packed=token == "<{")
        if token in {"[", "<"}:
            return self._row(is_vector=token == "<")
        if token.startswith("%"):
            if self._definitions.get(token, "opaque") == "opaque":
                raise UnknownLayoutError(f"`{token}`, of which nothing is known")
            return _Reader(self._definitions[token], self._definitions).type()
        return Layout.of_scalar(token), (Leaf((), 0, token),)

    def _row(self, *, is_vector: bool) -> _Read:
        count = int(self._take())
        self._take()
        element, leaves = self.type()
        self._take()
        _check_number(count * len(element.scalars))
        layout = element.repeated(count)
        if is_vector:
            return layout, (Leaf((), 0, f"<{count} x {leaves[0].type}>"),)
        return layout, tuple(each.within(index, index * element.size) for index in range(count) for each in leaves)

    def _struct(self, *, is_packed: bool) -> _Read:
        fields: list[_Read] = []
        while self._tokens[self._next] not in {"}", "}>"}:
            fields.append(self.type())
            if self._tokens[self._next] == ",":
                self._take()
        self._take()
        layouts = [layout for layout, _ in fields]
        layout, offsets = _packed(layouts) if is_packed else together(layouts)
        parts = zip(offsets, fields, strict=True)
        return layout, tuple(each.within(index, offset) for index, (offset, (_, leaves)) in enumerate(parts) for each in leaves)

    def _take(self) -> str:
        self._next += 1
        return str(self._tokens[self._next - 1])


def _packed(fields: Iterable[Layout]) -> tuple[Layout, tuple[int, ...]]:
    scalars, offsets, end = [], [], 0
    for field in fields:
        offsets.append(end)
        scalars += [(end + offset, type_) for offset, type_ in field.scalars]
        end += field.size
    return Layout(tuple(scalars), end, 1), tuple(offsets)
