"""How C returns a struct of scalars: in registers or through a hidden pointer, as each platform's ABI has it.

A derivative may return several values, which its C caller declares as a struct. LLVM leaves it to the front end to give such a
function the type that the platform's ABI asks for. Sources of the rules: System V ABI for AMD64, section 3.2.3; Procedure Call
Standard for the Arm 64-bit Architecture, section 6.9 (the same for scalars on macOS).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

FLOAT_SIZES = {"half": 2, "bfloat": 2, "float": 4, "double": 8, "x86_fp80": 16, "fp128": 16}
"""LLVM's floating-point types and the bytes that each takes in memory."""

REGISTER = 8
"""Bytes of an eightbyte, the unit in which AMD64 classifies a struct."""


class UnsupportedABIError(Exception):
    """A platform, or a mixture of types, whose rule is not written here."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StructReturn:
    """How a struct of `fields` comes back: as the IR type `coerced`, or, when that is None, through a pointer (`sret`)."""

    fields: tuple[str, ...]
    coerced: str | None

    @property
    def literal(self) -> str:
        """The struct as an IR type."""
        return "{ " + ", ".join(self.fields) + " }"


def size_of(scalar: str) -> int:
    """The bytes that a scalar IR type takes in memory, which is its alignment too."""
    if scalar == "ptr":
        return 8
    if scalar.startswith("i"):
        return 1 << max(0, (int(scalar[1:]) - 1).bit_length() - 3)
    return FLOAT_SIZES[scalar]


def struct_return(fields: Sequence[str], triple: str) -> StructReturn:
    """The way in which a C function for `triple` returns a struct of two or more scalars; raises `UnsupportedABIError`."""
    architecture = triple.partition("-")[0]
    rules = {"x86_64": _amd64, "aarch64": _arm64, "arm64": _arm64}
    if architecture not in rules or "windows" in triple:
        raise UnsupportedABIError(f"no rule for returning a struct on {triple}")
    return StructReturn(fields=tuple(fields), coerced=rules[architecture](fields))


def field_offsets(fields: Sequence[str]) -> tuple[list[int], int]:
    """The byte offset of each field and the size of the whole, with C's padding."""
    offsets, end = [], 0
    for field in fields:
        size = size_of(field)
        end = -(-end // size) * size
        offsets.append(end)
        end += size
    alignment = max(map(size_of, fields))
    return offsets, -(-end // alignment) * alignment


def _amd64(fields: Sequence[str]) -> str | None:
    offsets, size = field_offsets(fields)
    if size > 2 * REGISTER or "x86_fp80" in fields or "fp128" in fields:
        return None
    placed = sorted(zip(offsets, fields, strict=True))
    eightbytes = [
        _eightbyte([field for _, field in group], min(REGISTER, size - REGISTER * index))
        for index, group in itertools.groupby(placed, key=lambda each: each[0] // REGISTER)
    ]
    return eightbytes[0] if len(eightbytes) == 1 else "{ " + ", ".join(eightbytes) + " }"


def _eightbyte(fields: list[str], size: int) -> str:
    if len(fields) == 1:
        return "i8" if fields[0] == "i1" else fields[0]
    if not set(fields) <= set(FLOAT_SIZES):
        return f"i{8 * size}"
    if len(set(fields)) > 1:
        raise UnsupportedABIError(f"a struct that packs {' and '.join(fields)} in eight bytes")
    return f"<{max(2, len(fields) + len(fields) % 2)} x {fields[0]}>"


def _arm64(fields: Sequence[str]) -> str | None:
    _, size = field_offsets(fields)
    is_homogeneous = set(fields) <= set(FLOAT_SIZES) and len(set(map(size_of, fields))) == 1
    if is_homogeneous and len(fields) <= 4:  # noqa: PLR2004 - a homogeneous aggregate has four members at most
        return "{ " + ", ".join(fields) + " }"
    if size > 2 * REGISTER:
        return None
    return f"i{8 * size}" if size <= REGISTER else f"[2 x i{8 * REGISTER}]"
