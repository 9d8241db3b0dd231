"""The languages of sources, told by a file's suffix, and the compiler commands that read them."""

from __future__ import annotations

import enum
from pathlib import Path

from bootstrap.diagnostics import fail
from bootstrap.llvm import Compiler, Kind


class Language(enum.StrEnum):
    """What a front end reads."""

    C = "C"
    CXX = "C++"
    RUST = "Rust"
    IR = "LLVM IR"


SUFFIXES = {
    ".c": Language.C,
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".c++", ".C"), Language.CXX),
    ".rs": Language.RUST,
    ".ll": Language.IR,
    ".bc": Language.IR,
}


ZIG = ("-fno-sanitize=all", "-fno-stack-protector", "-fomit-frame-pointer", "-UNDEBUG")
"""Zig turns on what is usual for its own debugging builds, and defines NDEBUG with -O3; this takes it back to what clang does."""


def language_of(source: Path) -> Language:
    """The language of a source; raises `Failure` (E0233) for a suffix that is not known."""
    language = SUFFIXES.get(source.suffix)
    if language is None:
        known = ", ".join(sorted(SUFFIXES))
        raise fail("E0233", f"`{source.name}` is of no language that can be compiled here", help=[f"the suffixes that are known: {known}"])
    return language


def driver(compiler: Compiler, language: Language) -> list[str]:
    """The compiler's command for a language: clang's driver and Zig's have a name for each."""
    is_cxx = language is Language.CXX
    if compiler.kind is Kind.ZIG:
        return [*compiler.command, "c++" if is_cxx else "cc"]
    return [*compiler.command, *(["--driver-mode=g++"] if is_cxx and compiler.kind is Kind.CLANG else [])]
