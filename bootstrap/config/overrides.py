"""The layers that are words: `--set KEY=VALUE` and `HOLOENZYME_SECTION_KEY`, typed by the model; and keys as one writes them."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bootstrap.config import faults, keys
from bootstrap.config.layers import Layer, Source, unflatten
from bootstrap.config.toml import MAX_KEY_PARTS, KeyPath
from bootstrap.diagnostics import Diagnostic, Failure, fail, program

PREFIX = "HOLOENZYME_"
NO_KEYS = frozenset({"HOLOENZYME_RUST_SRC"})
"""Variables that begin like those of a section and mean another thing: where the source of Rust is, for tests."""
USAGE, TWICE = "E0200", "E0209"
TRIPLES = tuple(
    f"{machine}-{system}"
    for machine in ("x86_64", "aarch64", "riscv64gc", "powerpc64le", "s390x")
    for system in ("unknown-linux-gnu", "unknown-linux-musl", "apple-darwin")
)
"""Targets that a variable may name without a table in a file."""


def parse_key(words: str, names: Iterable[str] = ()) -> KeyPath:
    """A key as one writes it to a path: TOML's dotted key, with indices below units as `autodiff.0` or `autodiff[0]`.

    The names of units and targets in `names` may have their dots unquoted. Raises `Failure` with E0200 when it is no key.
    """
    words = words.strip().replace("[", ".").replace("]", "")
    for name in sorted(names, key=len, reverse=True):
        for table in ("unit", "target"):
            head = f"{table}.{name}"
            if words == head:
                return (table, name)
            if words.startswith(f"{head}."):
                return (table, name, *_indexed(_split(words.removeprefix(f"{head}."))))
    parts = _split(words)
    return (*parts[:2], *_indexed(parts[2:])) if parts[0] in ("unit", "target") else _indexed(parts)


def _indexed(parts: tuple[str, ...]) -> KeyPath:
    return tuple(int(part) if part.isdecimal() and part.isascii() else part for part in parts)


def _split(words: str) -> tuple[str, ...]:
    """The parts of a dotted key, as TOML reads them."""
    table: Any = None
    with contextlib.suppress(ValueError):
        if words and "\n" not in words and words.count(".") < MAX_KEY_PARTS:
            table = tomllib.loads(f"{words} = 0")
    parts = []
    while isinstance(table, dict) and len(table) == 1:
        ((part, table),) = table.items()
        parts.append(part)
    if table != 0 or not parts:
        raise fail(USAGE, f"{faults.quoted(words)} is not a key", help=["write a key as `section.key`"])
    return tuple(parts)


def typed(path: KeyPath, text: str) -> Any:
    """`text` as the value that the model wants at `path`: TOML where that fits, else the text itself, else a comma-separated list.

    When nothing fits, the first of them that at least has the right type is given, so that the model says what is wrong.
    """
    candidates: list[Any] = [text, [each.strip() for each in text.split(",")] if text.strip() else []]
    with contextlib.suppress(ValueError, RecursionError):
        document = tomllib.loads(f"value = {text}")
        candidates = [document["value"], *candidates] if len(document) == 1 else candidates
    return min(candidates, key=lambda each: faults.misfit(path, each))


def from_options(overrides: Sequence[str]) -> tuple[Layer | None, list[Diagnostic]]:
    """The layer of all `--set KEY=VALUE`, and what is wrong with their form."""
    values: dict[KeyPath, Any] = {}
    names: dict[KeyPath, str] = {}
    found: list[Diagnostic] = []
    for each in overrides:
        try:
            path, value = _override(each)
        except Failure as failure:
            found += failure.diagnostics
            continue
        twice = next((other for other in values if other[: len(path)] == path[: len(other)]), None)
        if twice is not None:
            found.append(_twice(path, names[twice], each))
        else:
            values[path], names[path] = value, each
    layer = Layer(source=Source.SET, name="", data=unflatten(values), names=names) if values else None
    return layer, found


def _override(words: str) -> tuple[KeyPath, Any]:
    """`KEY=VALUE` to a path and a value of the model's type. Raises `Failure` with E0200."""
    key, equals, text = words.partition("=")
    if not equals:
        raise fail(USAGE, f"`--set {words}` has no `=`", help=["write `--set KEY=VALUE`"])
    path = _split(key.strip())
    if path[0] == "include":
        raise fail(USAGE, f"`--set {words}`: only a file can include files", help=["name the file with `--config`"])
    return path, typed(path, text)


def _twice(path: KeyPath, first: str, then: str) -> Diagnostic:
    message = f"`--set` gives `{keys.dotted(path)}` twice"
    return Diagnostic(code=TWICE, message=message, notes=(f"first `{first}`", f"then `{then}`"), help=("leave one of them out",))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """The variables of the environment that set keys, for units and targets of these names."""

    units: Sequence[str]
    targets: Sequence[str]

    def known(self) -> dict[str, KeyPath]:
        """The key of each variable."""
        found: dict[str, KeyPath] = {}
        for each in keys.keys().values():
            if each.section is None and each.path != ("include",):
                found |= {self.name(path): path for path in self._paths(each.path)}
        return found

    def _paths(self, path: tuple[str, ...]) -> list[KeyPath]:
        if keys.NAMED not in path:
            return [path]
        names = self.units if path[0] == "unit" else (*self.targets, *TRIPLES)
        return [(path[0], name, *path[2:]) for name in names] if len(path) == keys.NAMED_DEPTH else []

    @staticmethod
    def name(path: KeyPath) -> str:
        """`HOLOENZYME_BUILD_BUILD_DIR` for `build.build-dir`."""
        return PREFIX + "_".join("".join(each if each.isalnum() else "_" for each in str(part)) for part in path).upper()

    def layer(self, environment: Mapping[str, str]) -> tuple[Layer | None, list[Diagnostic]]:
        """The layer of all variables, and those that have the name of a section but of no key in it."""
        given = [each for each in sorted(environment) if each.startswith(PREFIX) and each not in NO_KEYS]
        if not given:
            return None, []
        known = self.known()
        sections = tuple(f"{self.name(each.path)}_" for each in keys.keys().values() if each.section and len(each.path) == 1)
        found = [_unknown(each, known) for each in given if each not in known and each.startswith(sections)]
        names = {known[each]: each for each in given if each in known}
        values = {path: typed(path, environment[name]) for path, name in names.items()}
        return (Layer(source=Source.ENVIRONMENT, name="", data=unflatten(values), names=names) if values else None), found


def _unknown(name: str, known: Iterable[str]) -> Diagnostic:
    close = ", ".join(f"`{each}`" for each in difflib.get_close_matches(name[:100], known, n=3))
    remedy = f"did you mean {close}?" if close else f"unset it; `{program()} config list` shows the keys"
    return Diagnostic(code=faults.UNKNOWN, message=f"the environment sets `{name}`, which is no key", help=(remedy,))
