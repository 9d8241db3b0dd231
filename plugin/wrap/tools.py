"""What a derivative needs besides the compiler of the settings: kept beside them, and read without the configuration's model."""

from __future__ import annotations

import contextlib
import dataclasses
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path

from bootstrap.console import console
from bootstrap.llvm import Compiler
from plugin.engines.engine import Engine, EngineOptions
from plugin.wrap.settings import Settings, kept


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The engine, None when Enzyme is off, with its options; for each stand-in a clang that writes what the engine reads."""

    engine: Engine | None
    options: EngineOptions
    runtime_activity: bool
    compilers: Mapping[str, Compiler]
    environment: Mapping[str, str]
    newest_llvm: int


def set_loudness(options: Sequence[str]) -> None:
    """Let the console say as much as our options ask for."""
    loud = sum(word.count("v") for word in options if word == "--verbose" or (word.startswith("-v") and not word.strip("-v")))
    console.verbosity = -1 if {"-q", "--quiet"} & set(options) else loud


def find(settings: Settings, options: Sequence[str]) -> Tools:
    """The tools, from the cache while all that they are is as it was; raises as `plugin.toolchain.assemble` does."""
    set_loudness(options)
    path = Path(settings.path).with_suffix(".tools")
    known = kept(str(path), settings.key)
    if known is not None:
        with contextlib.suppress(Exception):  # of another version of ours
            found = pickle.loads(known["tools"])  # noqa: S301 - this program wrote it, in a folder of its own
            if isinstance(found, Tools):
                return found
    from plugin.wrap import resolve  # noqa: PLC0415 - brings the configuration's model

    return resolve.tools(settings, options, path)
