"""What a build runs: an engine, a compiler for each language, a linker; found on this machine or brought from the pinned list."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from bootstrap import llvm, llvm_tools
from bootstrap.config.model import Config, Target
from bootstrap.diagnostics import Diagnostic, Failure, fail
from bootstrap.llvm import Compiler, Kind
from bootstrap.llvm_tools import LlvmTools
from bootstrap.store import Store
from plugin import link
from plugin.engine import DriverEngine, Engine, PluginEngine
from plugin.languages import Language
from plugin.provider import artifact

PIPELINE_LLVM = 22
"""The LLVM of llvmlite 0.50, in which modules are optimised and made into code."""

PROVIDERS = ("auto", "pinned")
"""Where an engine can come from; both mean the pinned list."""

ZIG_ARTIFACT = "zig-22"
_CLANG_LANGUAGES = frozenset({Language.C, Language.CXX})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """The tools of one build. `engine` is None when Enzyme is off; `environment` is what the compilers need besides ours.

    `store` is the folder of what was brought.
    """

    engine: Engine | None
    compilers: Mapping[Language, Compiler]
    linker: Compiler | None
    environment: Mapping[str, str]
    store: Path

    @property
    def newest_llvm(self) -> int:
        """The newest LLVM whose modules can be taken in."""
        return _newest_llvm(self.engine)


def assemble(
    config: Config,
    languages: Collection[Language],
    store: Store,
    scratch: Path,
    *,
    offline: bool,
    links: bool,
    without_engine: bool = False,
) -> Toolchain:
    """Find or fetch what units of these languages need; `without_engine` brings none, though the configuration asks for one.

    `scratch` is a folder for what cannot be kept in a store that is read-only.

    Raises `Failure`: E0401 to E0403 when a compiler that the configuration names cannot be used, and what the store raises.
    """
    target = target_of(config)
    engine = None if without_engine else _engine(config, store, scratch, offline=offline)
    newest = _newest_llvm(engine)
    zig = Zig(store, scratch, offline=offline)
    compilers: dict[Language, Compiler] = {}
    for language in sorted(_CLANG_LANGUAGES & set(languages)):
        configured = target.cxx if language is Language.CXX else target.cc
        found, _ = llvm.find_clang(newest, configured)
        compilers[language] = found or zig.compiler(newest)
    if Language.RUST in languages:
        compilers[Language.RUST] = llvm.find_rustc(newest, target.rustc)
    linker = (llvm.find_linker(target.linker) or zig.compiler()) if links else None
    return Toolchain(engine=engine, compilers=compilers, linker=linker, environment=zig.environment(), store=store.root)


def _newest_llvm(engine: Engine | None) -> int:
    return min(PIPELINE_LLVM, engine.llvm) if engine else PIPELINE_LLVM


def target_of(config: Config) -> Target:
    """The configuration's table for this machine, or its defaults."""
    return config.target.get(llvm.host_triple(), Target())


def _engine(config: Config, store: Store, scratch: Path, *, offline: bool) -> Engine | None:
    if not config.llvm.enzyme:
        return None
    if config.enzyme.provider not in PROVIDERS:
        message = f"this version has no provider `{config.enzyme.provider}`"
        raise Failure(Diagnostic(code="E0239", message=message, key="enzyme.provider", help=(f"write one of {', '.join(PROVIDERS)}",)))
    pinned = artifact(config.enzyme.artifact)
    if pinned.role == "driver":
        return DriverEngine(path=store.obtain(pinned, offline=offline), llvm=pinned.llvm)
    tools = llvm_tools.find(pinned.llvm, target_of(config).llvm_config)
    return _plugin(store.obtain(pinned, offline=offline), tools, _writable(store, scratch))


def _plugin(path: Path, tools: LlvmTools, folder: Path) -> PluginEngine:
    """The engine that is the plugin at `path` in the `opt` of `tools`; raises `Failure` as the preflight does."""
    found = link.preflight(path, tools)
    placed = link.place(path, found, tools, folder / "plugins") if found else path
    return PluginEngine(path=placed, opt=tools.opt, link=tools.link, llvm=tools.major)


def _writable(store: Store, scratch: Path) -> Path:
    """The folder of the store, or `scratch` where that is read-only."""
    return store.root if os.access(store.root, os.W_OK) else scratch


class Zig:
    """Zig's clang, brought when it is first asked for."""

    def __init__(self, store: Store, scratch: Path, *, offline: bool) -> None:
        self._store, self._scratch, self._offline = store, scratch, offline

    def compiler(self, newest: int | None = None) -> Compiler:
        """Zig as a compiler whose modules an LLVM `newest` can read, or one that only links."""
        pinned = artifact(ZIG_ARTIFACT)
        if newest is not None and pinned.llvm > newest:
            raise fail(
                "E0407",
                f"there is no clang that writes LLVM {newest} or older, as the engine needs it",
                notes=[f"Zig's clang, which would be brought, writes LLVM {pinned.llvm}"],
                help=[f"install one (Debian: `clang-{newest}`), or name it in `[target.TRIPLE] cc` and `cxx`", "or use a newer engine"],
            )
        root = self._store.obtain(pinned, offline=self._offline)
        return Compiler(kind=Kind.ZIG, command=(str(root / "zig"),), version=f"zig {pinned.version}", llvm=pinned.llvm)

    def environment(self) -> dict[str, str]:
        """Zig keeps what it builds of its C library beside the artifacts, not in the user's home."""
        cache = str(_writable(self._store, self._scratch) / "zig-cache")
        return {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
