"""What a build runs: an engine, a compiler for each language, a linker; found on this machine or brought from the pinned list."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path

from bootstrap import llvm
from bootstrap.config.model import Config, Target
from bootstrap.diagnostics import Failure, fail
from bootstrap.llvm import Compiler, Kind
from plugin.engines import choice as engines
from plugin.engines.choice import PIPELINE_LLVM, Place
from plugin.engines.engine import Engine
from plugin.engines.provider import artifact
from plugin.ir import bitcode
from plugin.languages import Language
from plugin.target import target_of

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
    config: Config, place: Place, languages: Collection[Language], *, links: bool, ir: Collection[Path] = (), without_engine: bool = False
) -> Toolchain:
    """Find or fetch what units of these languages need; `without_engine` brings none, though the configuration asks for one.

    `ir` are those of their sources that are modules already.

    Raises `Failure`: E0401 to E0403 and E0407 when there is no compiler that can be used, and what `engines` and the store raise.
    """
    target = target_of(config)
    engine: Engine | None = None
    if config.llvm.enzyme and not without_engine:
        suits = Modules(target=target, languages=languages, ir=ir).why_not
        engine = engines.bring(engines.choose(engines.candidates(config, target, place.root, suits)), target, place)
    newest = _newest_llvm(engine)
    zig = Zig(place)
    compilers: dict[Language, Compiler] = {}
    for language in sorted(_CLANG_LANGUAGES & set(languages)):
        configured = target.cxx if language is Language.CXX else target.cc
        found, _ = llvm.find_clang(newest, configured)
        compilers[language] = found or zig.compiler(newest)
    if Language.RUST in languages:
        compilers[Language.RUST] = llvm.find_rustc(newest, target.rustc)
    linker = (llvm.find_linker(target.linker) or zig.compiler()) if links else None
    return Toolchain(engine=engine, compilers=compilers, linker=linker, environment=zig.environment(), store=place.store.root)


def _newest_llvm(engine: Engine | None) -> int:
    return min(PIPELINE_LLVM, engine.llvm) if engine else PIPELINE_LLVM


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Modules:
    """What a build is made of: the languages of its sources, and those of them that are modules already."""

    target: Target
    languages: Collection[Language]
    ir: Collection[Path] = ()

    def why_not(self, newest: int) -> str:
        """Why there are no modules of LLVM `newest` or older; empty when there are, as far as a look tells."""
        for language in sorted(_CLANG_LANGUAGES & set(self.languages)):
            configured = self.target.cxx if language is Language.CXX else self.target.cc
            with contextlib.suppress(Failure):
                if llvm.find_clang(newest, configured)[0]:
                    continue
            return f"there is no clang for {language} that writes LLVM {newest} or older"
        if Language.RUST in self.languages:
            try:
                llvm.find_rustc(newest, self.target.rustc)
            except Failure as failure:
                return failure.diagnostics[0].message
        newer = (path for path in self.ir if (found := bitcode.producer_of(path)) and found[1] > newest)
        return next((f"`{path.name}` was written by a newer LLVM" for path in newer), "")


class Zig:
    """Zig's clang, brought when it is first asked for."""

    def __init__(self, place: Place) -> None:
        self._place = place

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
        root = self._place.store.obtain(pinned, offline=self._place.offline)
        return Compiler(kind=Kind.ZIG, command=(str(root / "zig"),), version=f"zig {pinned.version}", llvm=pinned.llvm)

    def environment(self) -> dict[str, str]:
        """Zig keeps what it builds of its C library beside the artifacts, not in the user's home."""
        cache = str(self._place.writable / "zig-cache")
        return {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
