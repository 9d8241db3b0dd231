"""Symbols as their authors wrote them: C++ and Rust mangle names."""

from __future__ import annotations

import ctypes
import functools
import re
import sys
from collections.abc import Callable

_RUST_HASH = re.compile(r"::h[0-9a-f]{16}$")
_RUST_LENGTH = re.compile(r"(\d+)_?")
_RUST_NOISE = re.compile(r"(?:C?s|B)[0-9A-Za-z]*_")


def plain(symbol: str) -> str:
    """A symbol as it stands in the source: `outer::f(double)` of C++, `crate::f` of Rust; any other symbol as it is."""
    if symbol.startswith("_R"):
        return "::".join(_rust_path(symbol[2:])) or symbol
    if symbol.startswith("_Z"):
        return _RUST_HASH.sub("", _demangler()(symbol))
    return symbol


def _rust_path(mangled: str) -> list[str]:
    """The identifiers in a name of Rust's `v0` scheme (RFC 2603), in order; what they are applied to is left out."""
    identifiers, at = [], 0
    while at < len(mangled):
        noise = _RUST_NOISE.match(mangled, at)
        length = _RUST_LENGTH.match(mangled, at)
        if noise:
            at = noise.end()
        elif length and int(length[1]):
            at = length.end() + int(length[1])
            identifiers.append(mangled[length.end() : at])
        else:
            at += 1
    return identifiers


@functools.cache
def _demangler() -> Callable[[str], str]:
    """`__cxa_demangle` of the C++ library that LLVM itself stands on; where there is none, names stay as they are."""
    try:
        library = ctypes.CDLL("libc++.1.dylib" if sys.platform == "darwin" else "libstdc++.so.6")
        demangle, free = library["__cxa_demangle"], ctypes.CDLL(None).free
    except (OSError, AttributeError):
        return str
    demangle.restype, free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]

    def demangled(symbol: str) -> str:
        status = ctypes.c_int()
        text = demangle(symbol.encode(), None, None, ctypes.byref(status))
        if not text:
            return symbol
        try:
            return ctypes.string_at(text).decode("utf-8", "replace")
        finally:
            free(text)

    return demangled
