"""Which LLVM wrote a bitcode file, read from its identification block, before anything else looks at the file.

The format is LLVM's bitstream (llvm.org/docs/BitCodeFormat.html): blocks of records, each record abbreviated or not. The block with
the producer's name, `LLVM22.1.8` or the like, is the first of every module since LLVM 3.9.
"""

from __future__ import annotations

import re
import string
from pathlib import Path

_HEAD = 4096
"""Bytes that have the identification block, wrapped or not."""
MAGIC = b"BC\xc0\xde"
WRAPPER_MAGIC = b"\xde\xc0\x17\x0b"
_IDENTIFICATION_BLOCK = 13
_ENTER_SUBBLOCK, _DEFINE_ABBREVIATION, _UNABBREVIATED = 1, 2, 3
_FIXED, _VBR, _ARRAY, _CHAR6 = 1, 2, 3, 4
_CHAR6_ALPHABET = string.ascii_lowercase + string.ascii_uppercase + string.digits + "._"
_STRING_RECORD = 1


def is_bitcode(data: bytes) -> bool:
    """Whether a file that starts with `data` is LLVM bitcode."""
    return data.startswith((MAGIC, WRAPPER_MAGIC))


def producer(data: bytes) -> tuple[str, int] | None:
    """The producer's name and LLVM's major version, such as `("LLVM22.1.8", 22)`; None when the file does not say."""
    if data.startswith(WRAPPER_MAGIC):
        data = data[int.from_bytes(data[8:12], "little") :]
    try:
        name = _identification(_Bits(data[4:]))
    except (IndexError, OverflowError, ValueError):
        return None
    found = re.search(r"LLVM(\d+)\.\d", name)  # Apple's, such as APPLE_1_1600.0.26, number their own releases
    return (name, int(found[1])) if found else None


def producer_of(path: Path) -> tuple[str, int] | None:
    """The producer of the bitcode in a file; None for a file of text, and for one that cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(_HEAD)
    except OSError:
        return None
    return producer(data) if is_bitcode(data) else None


class _Bits:
    """Reads integers from a stream of bits, least significant first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data[:1024], "little")
        self._limit = 8 * len(data[:1024])
        self._position = 0

    def fixed(self, width: int) -> int:
        if self._position + width > self._limit:
            raise IndexError
        value = (self._value >> self._position) & ((1 << width) - 1)
        self._position += width
        return value

    def vbr(self, width: int) -> int:
        value, shift, more = 0, 0, 1
        while more:
            chunk = self.fixed(width)
            more = chunk >> (width - 1)
            value |= (chunk & ((1 << (width - 1)) - 1)) << shift
            shift += width - 1
        return value

    def align(self) -> None:
        self._position = -(-self._position // 32) * 32


def _identification(bits: _Bits) -> str:
    if bits.fixed(2) != _ENTER_SUBBLOCK or bits.vbr(8) != _IDENTIFICATION_BLOCK:
        raise ValueError
    width = bits.vbr(4)
    bits.align()
    bits.fixed(32)
    abbreviations: list[list[tuple[int, int]]] = []
    while True:
        code = bits.fixed(width)
        if code == _DEFINE_ABBREVIATION:
            abbreviations.append(_abbreviation(bits))
            continue
        if code < _UNABBREVIATED:
            raise ValueError
        record = _unabbreviated(bits) if code == _UNABBREVIATED else _abbreviated(bits, abbreviations[code - 4])
        if record[0] == _STRING_RECORD:
            return "".join(map(chr, record[1:]))


def _abbreviation(bits: _Bits) -> list[tuple[int, int]]:
    """The operands of an abbreviation as (encoding, value); a literal has the encoding 0."""
    operands = []
    for _ in range(bits.vbr(5)):
        if bits.fixed(1):
            operands.append((0, bits.vbr(8)))
            continue
        encoding = bits.fixed(3)
        operands.append((encoding, bits.vbr(5) if encoding in {_FIXED, _VBR} else 0))
    return operands


def _unabbreviated(bits: _Bits) -> list[int]:
    code = bits.vbr(6)
    return [code, *(bits.vbr(6) for _ in range(bits.vbr(6)))]


def _abbreviated(bits: _Bits, operands: list[tuple[int, int]]) -> list[int]:
    record: list[int] = []
    for position, (encoding, value) in enumerate(operands):
        if encoding == _ARRAY:
            element = operands[position + 1]
            if element[0] == 0 or element in {(_FIXED, 0), (_VBR, 0)}:
                raise ValueError  # elements that take no bits: any number of them would fit
            return record + [_scalar(bits, *element) for _ in range(bits.vbr(6))]
        record.append(_scalar(bits, encoding, value))
    return record


def _scalar(bits: _Bits, encoding: int, value: int) -> int:
    if encoding == 0:
        return value
    if encoding == _FIXED:
        return bits.fixed(value)
    if encoding == _VBR:
        return bits.vbr(value)
    if encoding == _CHAR6:
        return ord(_CHAR6_ALPHABET[bits.fixed(6)])
    raise ValueError
