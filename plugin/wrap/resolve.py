"""Settings and tools of the stand-ins, worked out from the configuration and from what is on this machine."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import marshal
import os
import pickle
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bootstrap import llvm
from bootstrap.config import Resolved, load, load_for
from bootstrap.files import write_atomically
from bootstrap.llvm import Compiler, Kind
from bootstrap.store import Store
from plugin import toolchain
from plugin.engines import engine as engine_module
from plugin.engines.choice import PIPELINE_LLVM, Place
from plugin.engines.engine import EngineOptions, PluginEngine
from plugin.languages import ZIG, driver
from plugin.plan import Plan, root_of
from plugin.target import target_of
from plugin.toolchain import Toolchain
from plugin.wrap.derive import LANGUAGES
from plugin.wrap.settings import LAUNCHED, Settings, configuration, state_of
from plugin.wrap.tools import Tools

DEFAULT = Path(__file__).with_name("default.toml")
MANY = 400
"""How many files of the cache are too many."""


def settings(options: Sequence[str], key: list[str], path: str) -> dict[str, Any]:
    """The data of `Settings`, written to `path` as well. Raises `Failure` for a configuration that is not valid or not allowed."""
    resolved = resolved_for(options)
    plain = {name: _plain(resolved, name, _is_offline(options)) for name in LANGUAGES}
    data = {
        "key": key,
        "states": [*_read(resolved), *map(state_of, os.get_exec_path()), *(state_of(words[0]) for words, _ in plain.values())],
        "plain": {name: words for name, (words, _) in plain.items()},
        "is_clang": {name: is_clang for name, (_, is_clang) in plain.items()},
        "environment": _environment(resolved),
        "sources": _sources(resolved),
    }
    _keep(Path(path), data)
    return data


def resolved_for(options: Sequence[str]) -> Resolved:
    """The configuration for our options before the stand-in's name."""
    line = importlib.import_module("holoenzyme")  # the one thing that knows the options of every command
    words = [each for each in options if not each.startswith(LAUNCHED)]
    parsed = line.global_options().parse_args(words, argparse.Namespace(**line.DEFAULTS))
    chosen = dict(_launched(options))
    parsed.set = [*(each for each in parsed.set if each.partition("=")[0].strip() not in chosen), *map("=".join, chosen.items())]
    line.set_up_console(parsed)
    if configuration(options):
        return load_for(parsed)
    return load(DEFAULT, overrides=parsed.set, profile=parsed.profile)


def _launched(options: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The keys of the compilers, each with the compiler that a build has chosen, as TOML has it."""
    for word in options:
        if word.startswith(LAUNCHED):
            yield from ((f"target.{llvm.host_triple()}.{key}", json.dumps(word.removeprefix(LAUNCHED))) for key in ("cc", "cxx"))


def tools(settings: Settings, options: Sequence[str], path: Path) -> Tools:
    """What `plugin.wrap.tools.find` gives, written to `path` as well; raises as `plugin.toolchain.assemble` does."""
    resolved = resolved_for(options)
    enzyme = resolved.config.enzyme
    toolchain = _assemble(resolved, offline=_is_offline(options))
    found = Tools(
        engine=toolchain.engine,
        options=EngineOptions(strict_aliasing=enzyme.strict_aliasing, loose_types=enzyme.loose_types),
        runtime_activity=enzyme.runtime_activity,
        compilers={name: toolchain.compilers[language] for name, language in LANGUAGES.items()},
        environment=toolchain.environment,
        newest_llvm=toolchain.newest_llvm,
    )
    # The store verifies an artifact by what its stamp says of the file: as long as the state is the same, that holds.
    engine = found.engine
    files = [each.executable for each in found.compilers.values()]
    files += [engine.path, *([engine.opt, engine.link] if isinstance(engine, PluginEngine) else [])] if engine else []
    # What is kept is of these modules' classes: another version's would be read wrongly.
    files += [Path(each.__file__) for each in (sys.modules[Tools.__module__], engine_module, llvm) if each.__file__]
    states = [*_read(resolved), *map(state_of, [*os.get_exec_path(), *map(str, files)])]
    _keep(path, {"key": settings.key, "states": states, "tools": pickle.dumps(found)})
    return found


def plans(options: Sequence[str], names: Sequence[str]) -> list[Plan]:
    """The units of these names; raises what is wrong with them."""
    resolved = resolved_for(options) if names else None
    return [Plan.of(resolved, name) for name in names] if resolved else []


def _assemble(resolved: Resolved, *, offline: bool) -> Toolchain:
    """As for a build of C and C++. A compiler of the configuration that is no clang is left aside here: it writes no bitcode."""
    triple = llvm.host_triple()
    target = target_of(resolved.config)
    usable = {key: name if _is_clang(name) else None for key, name in (("cc", target.cc), ("cxx", target.cxx))}
    targets = {**resolved.config.target, triple: target.model_copy(update=usable)}
    config = resolved.config.model_copy(update={"target": targets})
    return toolchain.assemble(config, _place(resolved, offline=offline), LANGUAGES.values(), links=False)


def _plain(resolved: Resolved, name: str, offline: bool) -> tuple[list[str], bool]:  # noqa: FBT001 - of this file only
    """The words that start the compiler behind a stand-in, and whether it is a clang whose bitcode can be taken."""
    target = target_of(resolved.config)
    configured = target.cc if name == "cc" else target.cxx
    if configured and not _is_clang(configured) and (path := shutil.which(configured)):
        return [str(Path(path).absolute())], False
    found, _ = llvm.find_clang(PIPELINE_LLVM, configured)
    compiler = found or _zig(resolved, offline=offline)
    return [*driver(compiler, LANGUAGES[name]), *(ZIG if compiler.kind is Kind.ZIG else [])], True


def _is_clang(name: str | None) -> bool:
    return name is None or llvm.clang_version(name) is not None


def _zig(resolved: Resolved, *, offline: bool) -> Compiler:
    return toolchain.Zig(_place(resolved, offline=offline)).compiler()


def _environment(resolved: Resolved) -> dict[str, str]:
    return toolchain.Zig(_place(resolved, offline=True)).environment()


def _place(resolved: Resolved, *, offline: bool) -> Place:
    root = root_of(resolved)
    return Place(root=root, store=Store(), scratch=root / resolved.config.build.build_dir / ".scratch", offline=offline)


def _is_offline(options: Iterable[str]) -> bool:
    return "--offline" in options


def _read(resolved: Resolved) -> list[tuple[str, int, int]]:
    """The states of the files that the configuration was read from, and of ours that decide what is kept."""
    own = map(state_of, map(str, sorted(Path(__file__).parent.glob("*.py"))))
    return [*own, *(state_of(str(layer.document.path.absolute())) for layer in resolved.layers if layer.document)]


def _sources(resolved: Resolved) -> dict[str, list[str]]:
    """The units with items of each source, by its real path."""
    found: dict[str, list[str]] = {}
    for name, unit in resolved.config.unit.items() if resolved.config.llvm.enzyme else ():
        for source in unit.sources if unit.autodiff else ():
            found.setdefault(os.path.realpath(root_of(resolved) / source), []).append(name)
    return found


def _thin_out(folder: Path) -> None:
    """Remove the older half when files of the cache have become too many: each folder that has a configuration brings some."""
    files = sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime_ns)
    for each in files[: len(files) // 2] if len(files) > MANY else []:
        each.unlink(missing_ok=True)


def _keep(path: Path, data: dict[str, Any]) -> None:
    """Write a file of the cache; where there can be none, each start works it out anew."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _thin_out(path.parent)
        write_atomically(path, marshal.dumps(data), mode=0o600)
