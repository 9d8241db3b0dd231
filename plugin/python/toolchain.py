"""What a program builds with: a configuration, and the folder in which what was compiled is kept by its content."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from bootstrap.config import Resolved, extended, load
from bootstrap.config.layers import Layer, Source
from bootstrap.diagnostics import OWN_FAULT, Failure, fail, text
from bootstrap.files import of_os_error, write_atomically
from bootstrap.store import default_root
from plugin.build import Options, build_one, locked
from plugin.engines import fallback
from plugin.languages import SUFFIXES, Language
from plugin.plan import Plan
from plugin.python.library import Library

DEFAULT = Path(__file__).with_name("default.toml")

SUFFIX_OF = {language: suffix for suffix, language in reversed(SUFFIXES.items())}
"""The suffix of a source in each language; of several, the first."""


@dataclasses.dataclass(frozen=True, slots=True)
class AutoDiff:
    """One derivative to make, as `[[unit.NAME.autodiff]]` has it: `target` is to be the derivative of the function `source`.

    `inputs` has for each parameter of the primal an activity by rustc's name (`"Duplicated"`), or a table that says its type too
    (`{"activity": "Duplicated", "type": "*f64"}`). `ret` is the activity of what the primal returns.
    """

    source: str
    target: str
    mode: str = "reverse"
    inputs: Sequence[str | Mapping[str, str]] = ()
    ret: str = "None"

    def as_table(self) -> dict[str, Any]:
        """The item as a table of the configuration."""
        inputs = [each if isinstance(each, str) else dict(each) for each in self.inputs]
        return {"source": self.source, "target": self.target, "mode": self.mode, "inputs": inputs, "ret": self.ret}


class Toolchain:
    """A configuration to build with. Any number of threads and processes may build at once; each result is compiled once.

    Args:
        settings: keys to set, as `--set` takes them: `["enzyme.strict-aliasing=true"]`.
        cache: where compiled results go, private to the user; by default a folder of holoenzyme's own cache. It may be removed at any time.
        offline: fetch nothing.

    Raises:
        Error: what is wrong with the configuration, with all of its faults.
    """

    def __init__(self, *, settings: Sequence[str] = (), cache: Path | str | None = None, offline: bool = False) -> None:
        self._take(load(DEFAULT, overrides=settings), Path.cwd, cache, offline=offline)

    @classmethod
    def from_config(
        cls,
        config: Path | str,
        *,
        settings: Sequence[str] = (),
        profile: str | None = None,
        cache: Path | str | None = None,
        offline: bool = False,
    ) -> Self:
        """The toolchain that a `config.toml` (or the folder that holds one) describes; the arguments are as above.

        Relative sources of `build` are relative to the file.
        """
        resolved = load(Path(config), overrides=settings, profile=profile)
        toolchain = cls.__new__(cls)
        root = resolved.root.absolute()
        toolchain._take(resolved, lambda: root, cache, offline=offline)  # noqa: SLF001 - its own
        return toolchain

    def _take(self, resolved: Resolved, root: Any, cache: Path | str | None, *, offline: bool) -> None:
        self._resolved, self._root = resolved, root
        self._cache = Path(cache).absolute() if cache else default_root() / "python"
        self._options = Options(jobs=1, offline=offline)
        for each in resolved.warnings:
            warnings.warn(text(each), stacklevel=3)

    def build(
        self,
        sources: Sequence[Path | str],
        autodiff: Sequence[AutoDiff] = (),
        *,
        flags: Sequence[str] = (),
        link_flags: Sequence[str] = (),
    ) -> Library:
        """Compile sources (C, C++, Rust, LLVM IR) together with the derivatives that are asked for; gives the functions of both.

        What was built before from the same content, by the same tools and settings, is only loaded.

        Raises:
            Error: the configuration, a tool, a source or an item is at fault, or LLVM or Enzyme refuses or crashes.
        """
        table = {
            "sources": [os.fspath(each) for each in sources],
            "flags": list(flags),
            "link-flags": list(link_flags),
            "autodiff": [each.as_table() for each in autodiff],
        }
        return self._library(table, self._root())

    def compile(self, source: str, language: str = "C", autodiff: Sequence[AutoDiff] = (), *, flags: Sequence[str] = ()) -> Library:
        """As `build`, of a source in a string. `language` is one of `C`, `C++`, `Rust`, `LLVM IR`."""
        return self.build([self._written(source, language)], autodiff, flags=flags)

    def unit(self, name: str) -> Library:
        """The functions of a unit of the configuration; raises `Error` as `build` does, E0234 when there is no such unit."""
        table = self._resolved.data.get("unit", {}).get(name)
        if table is None:
            known = ", ".join(self._resolved.config.unit) or "none"
            raise fail("E0234", f"there is no unit `{name}`", notes=[f"the units are: {known}"])
        wanted = {key: value for key, value in table.items() if key not in {"kind", "when", "verify"}}
        return self._library(wanted, self._resolved.root.absolute())

    def extended(self, table: Mapping[str, Any], items: Sequence[AutoDiff]) -> Library:
        """The library of a unit's table with more derivatives; raises `Error` as `build` does, and where there is no engine (E0306)."""
        reason = fallback.missing_engine(self._resolved)
        if reason is not None:
            raise Failure(reason)
        return self._library({**table, "autodiff": [*table.get("autodiff", ()), *(each.as_table() for each in items)]}, self._root())

    def _written(self, source: str, language: str) -> Path:
        """The file of a source in a string, named by its content."""
        known = {each.value: each for each in Language}
        if language not in known:
            raise fail("E0233", f"`{language}` is no language that can be compiled here", help=[f"write one of {', '.join(known)}"])
        data = source.encode()
        self._prepare()
        path = self._cache / "sources" / f"{hashlib.sha256(data).hexdigest()}{SUFFIX_OF[known[language]]}"
        with locked(path.parent):
            if not path.exists():
                write_atomically(path, data, mode=0o600)
        return path

    def _library(self, given: Mapping[str, Any], root: Path) -> Library:
        # Absolute, so that it can be built again with more derivatives wherever the program goes.
        table = {**given, "sources": [str(root / each) for each in given["sources"]]}
        self._prepare()
        name = self._name(table["sources"])
        unit = Layer(source=Source.FLAGS, name="Toolchain.build", data={"unit": {name: table}})
        resolved = dataclasses.replace(extended(self._resolved, unit), root=root)
        plan = Plan.of(resolved, name)
        plan = dataclasses.replace(plan, folder=self._cache / plan.compile_request())
        for each in fallback.warnings(resolved, [plan]):
            warnings.warn(text(each), stacklevel=4)
        try:
            return Library(build_one(plan, self._options), self, table)
        except RuntimeError as fault:
            raise fail(OWN_FAULT, "this is a fault of holoenzyme, not of yours", notes=[str(fault)]) from fault

    def _prepare(self) -> None:
        """Make the folder of the cache, for the user alone; raises `Failure` (E0237, E0238)."""
        try:
            self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(of_os_error(error, self._cache)) from None

    def _name(self, sources: Sequence[str]) -> str:
        """A name for a unit of these sources that no unit of the configuration has."""
        stem = re.sub(r"\W", "_", Path(sources[0]).stem)[:40] if sources else "module"
        while stem in self._resolved.config.unit:
            stem += "_"
        return stem
