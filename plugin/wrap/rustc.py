"""`rustc`, as cargo's RUSTC_WRAPPER: the first word is the compiler, the others are its own.

A crate of whose sources one names `__enzyme_`, or is named by a unit with items, is compiled with its derivatives (crate.py). All else,
cargo's questions among it, goes to the compiler as it came.
"""

from __future__ import annotations

import os

from plugin.wrap import child
from plugin.wrap.cc import Scratch, asks
from plugin.wrap.settings import find

TYPE_CHECKING = False  # as in settings.py
if TYPE_CHECKING:
    from collections.abc import Iterator


def main(options: list[str], words: list[str]) -> int:
    """Do what rustc would do with these words, and derivatives; gives the exit status. Raises `Failure` (E0200) where there are none."""
    if not words:
        from bootstrap.diagnostics import fail  # noqa: PLC0415 - brings typing

        raise fail("E0200", "`rustc` is followed by the compiler that cargo names", help=["`RUSTC_WRAPPER=holoenzyme-rustc cargo build`"])
    root = next((each for each in words[1:] if each.endswith(".rs")), None)
    if root is None or not _makes_code(words):
        return child.replace(words, {})
    settings = find(options)
    units = sorted({unit for each in sources(root) for unit in settings.units_of(each)})
    if not units and not any(map(asks, sources(root))):
        return child.replace(words, {})
    from plugin.wrap import crate  # noqa: PLC0415 - only for a crate with derivatives

    with Scratch() as scratch:
        return child.end_as(crate.compile_crate(options, words, units, settings, scratch))


def _makes_code(words: list[str]) -> bool:
    """Whether something is linked or put in a library: `cargo check` asks for metadata alone."""
    emitted = [kind for name, value in pairs(words) if name == "--emit" for kind in value.split(",")]
    return not any(name == "--print" for name, _ in pairs(words)) and ("link" in emitted or not emitted)


def pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    """The options with their values, however they are joined; `-C` and what it sets count as one name, as in `-Clinker`."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in {"-C", "--codegen"}:
            name, _, value = following.partition("=")
            yield f"-C{name}", value
        elif word.startswith("-C") and word != "-C":
            name, _, value = word.partition("=")
            yield name, value
        elif word.startswith("--"):
            name, joined, value = word.partition("=")
            yield name, value if joined else following


def sources(root: str) -> Iterator[str]:
    """The Rust sources that may belong to the crate of `root`: those below its folder, and what its build script has made.

    Where the root stands beside its Cargo.toml, as build scripts do, only itself: below that are other crates and what was built.
    """
    yield root
    folder = os.path.dirname(root) or "."
    places = [] if os.path.exists(f"{folder}/Cargo.toml") else [folder]
    for place in [*places, *filter(None, [os.environ.get("OUT_DIR")])]:
        for path, _, files in os.walk(place):
            yield from (f"{path}/{name}" for name in files if name.endswith(".rs"))
