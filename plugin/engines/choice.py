"""Which engine a configuration gets: what the pinned list, the configuration and the machine offer, in the order in which it is taken.

A *candidate* is an engine that could run. With `auto` the first one that can is taken: when the configuration names an LLVM those that
run in it, then the artifact that it names, then the rest of the pinned list, the newest first. With any other provider there is one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bootstrap import llvm_tools
from bootstrap.artifact import Artifact
from bootstrap.config.model import Config, Target
from bootstrap.diagnostics import Diagnostic, Failure, program
from bootstrap.llvm_tools import LlvmTools
from bootstrap.store import Store
from plugin.engines import link, provider, source_build
from plugin.engines.engine import DriverEngine, Engine, PluginEngine
from plugin.engines.source_build import SourceBuild

PIPELINE_LLVM = 22
"""The LLVM of llvmlite 0.50, in which modules are optimised and made into code."""

Suits = Callable[[int], str]
"""Why modules cannot be had for an engine of an LLVM; empty when they can."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An engine of LLVM `llvm`, 0 where that is known only when it is here. `refusal` says why it cannot be used.

    It is an `artifact`, or the plugin at `path`, or the one that `build` gives; a plugin runs in `tools`.
    """

    name: str
    llvm: int
    artifact: Artifact | None = None
    path: Path | None = None
    build: SourceBuild | None = None
    tools: LlvmTools | None = None
    refusal: Diagnostic | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where engines are looked for and put: relative paths of the configuration start from `root`.

    `scratch` is a folder for what cannot be kept in a store that is read-only.
    """

    root: Path
    store: Store
    scratch: Path
    offline: bool

    @property
    def writable(self) -> Path:
        """The folder of the store, or `scratch` where that is read-only."""
        return self.store.root if os.access(self.store.root, os.W_OK) else self.scratch


def choose(found: Iterable[Candidate]) -> Candidate:
    """The first of the candidates that can be used.

    Raises `Failure`: what keeps the one candidate from being used, or E0412 with what keeps each of them.
    """
    refused = []
    for candidate in found:
        if candidate.refusal is None:
            return candidate
        if candidate.refusal.code == "E0305":
            raise Failure(candidate.refusal)  # a slip of the pen is no reason to take another one
        refused.append(candidate)
    if len(refused) == 1 and refused[0].refusal:
        raise Failure(refused[0].refusal)
    reasons = tuple(f"{each.name}: {each.refusal.message}" for each in refused if each.refusal)
    remedies = ("name an LLVM of the system in `[target.TRIPLE] llvm-config`, and a plugin for it in `[enzyme] path`",)
    raise Failure(Diagnostic(code="E0412", message="no engine can be used on this machine", notes=reasons, help=remedies))


def candidates(config: Config, target: Target, root: Path, suits: Suits) -> Iterator[Candidate]:
    """The engines that could run, in the order in which they are taken."""
    if config.enzyme.provider == "path":
        yield _placed(_at(root / str(config.enzyme.path), target), "enzyme.path")
    elif config.enzyme.provider == "source":
        yield _placed(_built(config, target, root), "enzyme.source")
    elif config.enzyme.provider == "url":
        yield _placed(_downloaded(config), "enzyme.url")
    elif config.enzyme.provider == "pinned":
        yield _placed(_pinned(config.enzyme.artifact, target), "enzyme.artifact")
    else:
        yield from (_suited(each, suits) for each in _automatic(config, target))


def _placed(candidate: Candidate, key: str) -> Candidate:
    """The candidate, what is wrong with it shown at the key that names it."""
    if candidate.refusal is None or candidate.refusal.key:
        return candidate
    return dataclasses.replace(candidate, refusal=dataclasses.replace(candidate.refusal, key=key))


def _automatic(config: Config, target: Target) -> Iterator[Candidate]:
    named = config.enzyme.artifact
    others = sorted((each for each in provider.artifacts() if each.role != "compiler"), key=lambda each: -each.llvm)
    if target.llvm_config:
        yield from _of_the_system(target, [each for each in others if each.role == "plugin"])
    for name in dict.fromkeys([named, *(each.name for each in others)]):
        yield _pinned(name, target)


def _of_the_system(target: Target, plugins: list[Artifact]) -> Iterator[Candidate]:
    """The plugins for the LLVM that the configuration names: the one that is installed with it, and the pinned one."""
    tools = llvm_tools.configured(str(target.llvm_config))
    installed = tools.bin.parent / "lib" / f"LLVMEnzyme-{tools.major}.so"
    if installed.exists():
        yield _at(installed, target)
    for each in plugins:
        if each.llvm == tools.major:
            yield _pinned(each.name, target)


def _pinned(name: str, target: Target) -> Candidate:
    """An artifact of the pinned list, with the LLVM that it needs when it is a plugin."""
    try:
        artifact = provider.artifact(name)
        tools = llvm_tools.find(artifact.llvm, target.llvm_config) if artifact.role == "plugin" else None
    except Failure as failure:
        llvm = next((each.llvm for each in provider.artifacts() if each.name == name), 0)
        return Candidate(name=name, llvm=llvm, refusal=failure.diagnostics[0])
    return Candidate(name=name, llvm=artifact.llvm, artifact=artifact, tools=tools)


def _at(path: Path, target: Target) -> Candidate:
    """The plugin in a file, with the LLVM that it was built for."""
    try:
        tools = tools_for(path, target)
    except Failure as failure:
        return Candidate(name=str(path), llvm=0, path=path, refusal=failure.diagnostics[0])
    return Candidate(name=str(path), llvm=tools.major, path=path, tools=tools)


def _built(config: Config, target: Target, root: Path) -> Candidate:
    """The plugin that a project of the user's builds."""
    source, enzyme = root / str(config.enzyme.source), config.enzyme
    try:
        build = source_build.of_configuration(source, target.llvm_config, enzyme.cmake_flags, config.build.jobs, PIPELINE_LLVM)
    except Failure as failure:
        return Candidate(name=str(source), llvm=0, path=source, refusal=failure.diagnostics[0])
    return Candidate(name=str(source), llvm=build.tools.major, path=source, build=build, tools=build.tools)


def _downloaded(config: Config) -> Candidate:
    """The plugin at an address; for which LLVM it is, its file says when it is here."""
    from bootstrap import download  # noqa: PLC0415 - urllib takes 30 ms to import

    enzyme = config.enzyme
    try:
        artifact = download.artifact_at(str(enzyme.url), str(enzyme.sha256), enzyme.member, provider.host_platform())
    except Failure as failure:
        return Candidate(name=str(enzyme.url), llvm=0, refusal=failure.diagnostics[0])
    return Candidate(name=artifact.origin, llvm=0, artifact=artifact)


def tools_for(path: Path, target: Target) -> LlvmTools:
    """The LLVM that the plugin at `path` was built for; that of the configuration where the file does not tell, as on macOS.

    Raises `Failure` as `llvm_tools.find` and the preflight do.
    """
    major = None if link.is_mach_o(path) else link.needs(path).major
    if major is None and target.llvm_config:
        tools = llvm_tools.configured(target.llvm_config)
    elif major is None:
        message = f"{path} does not tell which LLVM it was built for"
        help_ = ("name that LLVM's `llvm-config` in `[target.TRIPLE] llvm-config`",)
        raise Failure(Diagnostic(code="E0409", message=message, help=help_))
    else:
        tools = llvm_tools.find(major, target.llvm_config)
    link.preflight(path, tools)
    return tools


def _suited(candidate: Candidate, suits: Suits) -> Candidate:
    """The candidate, refused when the modules of the configuration could not be had for it."""
    if candidate.refusal or candidate.llvm >= PIPELINE_LLVM:
        return candidate
    why = suits(candidate.llvm)
    if not why:
        return candidate
    refusal = Diagnostic(code="E0402", message=f"it is LLVM {candidate.llvm}, and {why}")
    return dataclasses.replace(candidate, refusal=refusal)


def bring(candidate: Candidate, target: Target, place: Place) -> Engine:
    """The engine that a candidate is, fetched or built if need be.

    Raises `Failure` as the store, the preflight and the build do, and E0413.
    """
    if candidate.artifact:
        path = place.store.obtain(candidate.artifact, offline=place.offline)
        if candidate.artifact.role == "driver":
            return DriverEngine(path=path, llvm=candidate.llvm)
    elif candidate.build:
        path = candidate.build.plugin(place.scratch / "engine")
    else:
        assert candidate.path is not None  # noqa: S101 - it is one of the three
        path = candidate.path
    return plugged(path, candidate.tools or tools_for(path, target), place.writable)


def plugged(path: Path, tools: LlvmTools, folder: Path) -> PluginEngine:
    """The engine that is the plugin at `path` in the `opt` of `tools`; raises `Failure` as the preflight does, and E0413."""
    if tools.major > PIPELINE_LLVM:
        message = f"the engine runs in LLVM {tools.version}, and what it makes is read by LLVM {PIPELINE_LLVM}"
        help_ = (f"use an engine of LLVM {PIPELINE_LLVM} or older", f"`{program()} explain E0413` tells why")
        raise Failure(Diagnostic(code="E0413", message=message, help=help_))
    found = link.preflight(path, tools)
    placed = link.place(path, found, tools, folder / "plugins") if found else path
    return PluginEngine(path=placed, opt=tools.opt, link=tools.link, llvm=tools.major)


def available(config: Config, target: Target, root: Path) -> bool:
    """Whether the machine has any engine for the configuration, whatever its modules are."""
    with contextlib.suppress(Failure):
        choose(candidates(config, target, root, lambda _: ""))
        return True
    return False
