"""How C passes and returns a struct: in registers or in memory, as each platform's ABI has it.

A derivative may return several values, which its C caller declares as a struct. LLVM leaves it to the front end to give such a
function the type that the platform's ABI asks for. Sources of the rules: System V ABI for AMD64, section 3.2.3; Procedure Call
Standard for the Arm 64-bit Architecture, section 6.9 (the same for scalars on macOS).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from plugin.items.layout import FLOAT_SIZES, Layout, together

REGISTER = 8
"""Bytes of an eightbyte, the unit in which AMD64 classifies a struct."""


class UnsupportedABIError(Exception):
    """A platform, or a mixture of types, whose rule is not written here."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StructReturn:
    """How a struct of `layout` comes back: as the IR type `coerced`, or, when that is None, through a pointer (`sret`).

    `offsets` are those of its fields.
    """

    layout: Layout
    offsets: tuple[int, ...]
    coerced: str | None

    @property
    def memory(self) -> str:
        """An IR type that takes as much memory."""
        return f"[{self.layout.size} x i8]"


def struct_return(fields: Sequence[Layout], triple: str) -> StructReturn:
    """The way in which a C function for `triple` returns a struct of `fields`; raises `UnsupportedABIError`."""
    layout, offsets = together(fields)
    pieces = struct_pieces(layout, triple)
    types = [type_ for _, type_ in pieces]
    if len(pieces) > 1:
        coerced: str | None = "{ " + ", ".join(types) + " }"
    elif pieces and is_arm64(triple) and types[0].rstrip("]").rpartition(" ")[2] in FLOAT_SIZES:
        coerced = "{ " + ", ".join(type_ for _, type_ in layout.scalars) + " }"
    else:
        coerced = types[0] if pieces else None
    return StructReturn(layout=layout, offsets=offsets, coerced=coerced)


def is_arm64(triple: str) -> bool:
    """Whether a triple is of the Arm 64-bit architecture."""
    return triple.startswith(("aarch64", "arm64"))


def struct_pieces(layout: Layout, triple: str) -> tuple[tuple[int, str], ...]:
    """The IR types in which C for `triple` passes a struct, each with its offset; none when it passes it in memory.

    Raises `UnsupportedABIError`.
    """
    architecture = triple.partition("-")[0]
    rules = {"x86_64": _amd64, "aarch64": _arm64, "arm64": _arm64}
    if architecture not in rules or "windows" in triple:
        raise UnsupportedABIError(f"no rule for passing and returning structs on {triple}")
    return tuple(rules[architecture](layout))


def _amd64(layout: Layout) -> Iterator[tuple[int, str]]:
    types = {type_ for _, type_ in layout.scalars}
    if layout.size > 2 * REGISTER or "x86_fp80" in types or "fp128" in types:
        return
    for index, group in itertools.groupby(layout.scalars, key=lambda each: each[0] // REGISTER):
        yield REGISTER * index, _eightbyte([field for _, field in group], min(REGISTER, layout.size - REGISTER * index))


def _eightbyte(fields: list[str], size: int) -> str:
    if len(fields) == 1:
        return "i8" if fields[0] == "i1" else fields[0]
    if not set(fields) <= set(FLOAT_SIZES):
        return f"i{8 * size}"
    if len(set(fields)) > 1:
        raise UnsupportedABIError(f"a struct that packs {' and '.join(fields)} in eight bytes")
    return f"<{max(2, len(fields) + len(fields) % 2)} x {fields[0]}>"


def _arm64(layout: Layout) -> Iterator[tuple[int, str]]:
    types = [type_ for _, type_ in layout.scalars]
    is_homogeneous = set(types) <= set(FLOAT_SIZES) and len({FLOAT_SIZES[each] for each in types}) == 1
    if is_homogeneous and len(types) <= 4:  # noqa: PLR2004 - a homogeneous aggregate has four members at most
        yield 0, f"[{len(types)} x {types[0]}]"
    elif layout.size <= REGISTER:
        yield 0, f"i{8 * layout.size}"
    elif layout.size <= 2 * REGISTER:
        yield 0, f"[2 x i{8 * REGISTER}]"


@dataclasses.dataclass(slots=True)
class Registers:
    """AMD64's registers for parameters that are left; other platforms leave it to LLVM where a struct goes when they run out."""

    integers: int = 6
    floats: int = 8

    def take(self, pieces: Sequence[str]) -> bool:
        """Take the registers for the pieces of one parameter; False when they do not suffice, and then none is taken."""
        classes = [self._is_float(each) for each in pieces if each != "x86_fp80"]
        floats, integers = classes.count(True), classes.count(False)
        if floats > self.floats or integers > self.integers:
            return False
        self.floats -= floats
        self.integers -= integers
        return True

    @staticmethod
    def _is_float(piece: str) -> bool:
        return piece in FLOAT_SIZES or piece.startswith("<")
