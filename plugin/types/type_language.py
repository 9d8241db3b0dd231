"""The types of the configuration: `*f64`, `[f64; 4]`, `{f64, i32}`, `{f64@0, f64@16}`, and `[f64]`, a slice.

A *scalar* is a number of a fixed size, a *slice* a pointer and a length, two arguments of a function. A struct has the layout that C
gives it, or the offsets that it says. Sizes and alignments are in bytes and those of 64-bit platforms (System V ABI for AMD64, figure
3.1; the same for these types on Arm).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from bootstrap.diagnostics import Span

SCALARS = {
    "f16": 2,
    "bf16": 2,
    "f32": 4,
    "f64": 8,
    "f80": 16,
    "f128": 16,
    "i1": 1,
    "i8": 1,
    "i16": 2,
    "i32": 4,
    "i64": 8,
    "usize": 8,
}
"""Each scalar with its size, which is its alignment too."""

POINTER = 8
"""The bytes of a pointer."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A number; `name` is one of `SCALARS`."""

    name: str

    @property
    def size(self) -> int:
        """The bytes that it takes in memory."""
        return SCALARS[self.name]

    @property
    def alignment(self) -> int:
        """What its address is a multiple of."""
        return SCALARS[self.name]

    @property
    def is_float(self) -> bool:
        """Whether it has a derivative."""
        return self.name.startswith(("f", "b"))

    @property
    def spelling(self) -> str:
        """The type as the configuration has it."""
        return self.name


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """A pointer to one `target`, or to any number of them in a row."""

    target: Type

    @property
    def size(self) -> int:
        """The bytes of the pointer itself."""
        return POINTER

    @property
    def alignment(self) -> int:
        """What its address is a multiple of."""
        return POINTER

    @property
    def spelling(self) -> str:
        """The type as the configuration has it."""
        return f"*{self.target.spelling}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """`length` elements in a row, in place."""

    element: Type
    length: int

    @property
    def size(self) -> int:
        """The bytes of all elements."""
        return self.length * self.element.size

    @property
    def alignment(self) -> int:
        """What its address is a multiple of."""
        return self.element.alignment

    @property
    def spelling(self) -> str:
        """The type as the configuration has it."""
        return f"[{self.element.spelling}; {self.length}]"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A part of a struct, `offset` bytes from its begin."""

    type: Type
    offset: int

    @property
    def end(self) -> int:
        """The offset of what can follow."""
        return self.offset + self.type.size


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Struct:
    """Fields in the order of their offsets; none overlaps another one."""

    fields: tuple[Field, ...]

    @classmethod
    def of(cls, types: Iterable[Type]) -> Self:
        """A struct with the layout that C gives it."""
        fields: list[Field] = []
        end = 0
        for each in types:
            fields.append(Field(type=each, offset=_up(end, each.alignment)))
            end = fields[-1].end
        return cls(fields=tuple(fields))

    @property
    def size(self) -> int:
        """The bytes up to where another one could follow in an array."""
        return _up(max((each.end for each in self.fields), default=0), self.alignment)

    @property
    def alignment(self) -> int:
        """That of the field that asks for most; 1 where the offsets do not keep to it, as in a packed struct."""
        is_packed = any(each.offset % each.type.alignment for each in self.fields)
        return 1 if is_packed else max((each.type.alignment for each in self.fields), default=1)

    @property
    def spelling(self) -> str:
        """The type as the configuration has it; offsets are there only where C would give others."""
        is_plain = self == Struct.of(each.type for each in self.fields)
        return "{" + ", ".join(each.type.spelling + ("" if is_plain else f"@{each.offset}") for each in self.fields) + "}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A pointer to `element`s in a row, and their number: two arguments of a function."""

    element: Type

    @property
    def size(self) -> int:
        """The bytes of both words."""
        return 2 * POINTER

    @property
    def alignment(self) -> int:
        """What its address is a multiple of."""
        return POINTER

    @property
    def spelling(self) -> str:
        """The type as the configuration has it."""
        return f"[{self.element.spelling}]"


Type = Scalar | Pointer | Array | Struct | Slice


def parse(text: str, *, origin: str = "<type>", span: Span | None = None) -> Type:
    """The type that `text` writes.

    `origin` names the text in messages, `span` is the place of the value that holds it. Raises `Failure` (E0249) with a caret.
    """
    from plugin.types.type_parser import Parser  # noqa: PLC0415 - the words of cfgs come with all of cfgs, 100 ms

    return Parser.of(text, origin, span).whole()


def element_of(type_: Type) -> Type | None:
    """What a pointer or a slice has in a row: of `*f64`, `*[f64; 4]` and `[f64]` it is `f64`; None for what points nowhere."""
    if isinstance(type_, Slice):
        return type_.element
    if not isinstance(type_, Pointer):
        return None
    target = type_.target
    while isinstance(target, Array):
        target = target.element
    return target


def _up(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment
