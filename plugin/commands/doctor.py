"""`doctor`: what is on this machine, what the configuration would use of it and why not the rest; exits 1 when it cannot build."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from bootstrap import doctor, llvm
from bootstrap.artifact import Artifact
from bootstrap.config import Resolved, load_for
from bootstrap.console import console
from bootstrap.diagnostics import Diagnostic, Failure, Severity, program, shown, text_of_all
from bootstrap.doctor import Item
from bootstrap.llvm import Compiler
from bootstrap.progress import readable
from bootstrap.store import State, Store
from plugin import fallback, provider
from plugin.languages import Language, language_of
from plugin.toolchain import PIPELINE_LLVM, PROVIDERS, ZIG_ARTIFACT, target_of

FINDINGS = 1
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is told: facts by name, items by heading, and what is wrong with building the configuration here."""

    facts: dict[str, str]
    items: dict[str, list[Item]]
    problems: tuple[Diagnostic, ...]

    @property
    def prevented(self) -> bool:
        """Whether one of the problems keeps the configuration from being built."""
        return any(each.severity is Severity.ERROR for each in self.problems)


def arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""
    del parser


def run(options: argparse.Namespace) -> int:
    """Print the report to standard output; 1 when the configuration cannot be built here."""
    report = examine(options)
    if options.json:
        items = {heading: [each.as_json() for each in found] for heading, found in report.items.items()}
        problems = [dataclasses.asdict(each) for each in report.problems]
        sys.stdout.write(json.dumps({**report.facts, **items, "problems": problems}, indent=2, default=str, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(text(report))
        if report.problems:
            sys.stderr.write(text_of_all(report.problems, color=console.colored) + "\n")
    return FINDINGS if report.prevented else 0


def examine(options: argparse.Namespace) -> Report:
    """Look at the machine, with the configuration when it can be read and with its defaults when not."""
    problems: list[Diagnostic] = []
    resolved = _attempt(lambda: load_for(options), problems)
    store = Store()
    engines, newest = _engines(resolved, store, problems, offline=options.offline)
    clangs = _clangs(resolved, store, newest, problems)
    facts = {
        "configuration": _configuration(resolved),
        "machine": doctor.machine(),
        "cache": f"{store.root}, {readable(doctor.room(store.root))} free",
        "build": f"{_build_dir(resolved)}, {readable(doctor.room(_build_dir(resolved)))} free",
    }
    items = {"engines": engines, "C and C++": clangs, "Rust": _rustcs(resolved, newest, problems), "LLVM": doctor.llvms()}
    return Report(facts=facts, items=items, problems=tuple(problems))


def _attempt(action: Callable[[], T], problems: list[Diagnostic]) -> T | None:
    try:
        return action()
    except Failure as failure:
        problems += failure.diagnostics
        return None


def _configuration(resolved: Resolved | None) -> str:
    if resolved is None:
        return "not valid"
    file = shown(resolved.file) if resolved.file else "none, the defaults hold"
    return f"{file}, channel {resolved.channel.name}"


def _build_dir(resolved: Resolved | None) -> Path:
    return resolved.root / resolved.config.build.build_dir if resolved else Path.cwd()


def _languages(resolved: Resolved | None) -> set[Language]:
    """The languages of all units; a source that is none is found when it is built."""
    found: set[Language] = set()
    for unit in resolved.config.unit.values() if resolved else ():
        for source in unit.sources:
            language = _attempt(functools.partial(language_of, Path(source)), [])
            found |= {language} if language else set()
    return found


def _engines(resolved: Resolved | None, store: Store, problems: list[Diagnostic], *, offline: bool) -> tuple[list[Item], int]:
    """The engines, and the newest LLVM that the one in use reads."""
    config = resolved.config if resolved else None
    wanted = config.enzyme.artifact if config and config.llvm.enzyme and config.enzyme.provider in PROVIDERS else None
    missing = fallback.missing_engine(resolved) if resolved else None
    if resolved and missing:
        problems.append(fallback.warning(resolved, missing))
    if config and config.llvm.enzyme and config.enzyme.provider not in PROVIDERS:
        problems.append(Diagnostic(code="E0239", message=f"this version has no provider `{config.enzyme.provider}`"))
    chosen = _attempt(lambda: provider.artifact(wanted), problems) if wanted and not missing else None
    items = []
    for holding in store.holdings(each for each in provider.artifacts() if each.name != ZIG_ARTIFACT):
        is_used = chosen == holding.artifact
        why = "" if is_used else "llvm.enzyme is off" if not (config and config.llvm.enzyme) else f"enzyme.artifact is `{wanted}`"
        items.append(_of_artifact(holding.artifact, holding.path, holding.state, used=is_used, why=why))
        if is_used and offline and holding.state is not State.PRESENT:
            problems.append(Diagnostic(code="E0307", message=f"`{wanted}` is not here, and --offline forbids to fetch it"))
    return items, min(PIPELINE_LLVM, chosen.llvm) if chosen else PIPELINE_LLVM


def _of_artifact(artifact: Artifact, path: Path, state: State, *, used: bool, why: str) -> Item:
    """An artifact as an item: its version and LLVM, where it is or that it would be fetched, and its digest."""
    where = str(path) if state is State.PRESENT else f"{state}; `{program()} fetch {artifact.name}` brings {readable(artifact.wheel.size)}"
    version = f"{artifact.version}, LLVM {artifact.llvm}, sha256 {artifact.sha256[:16]}"
    return Item(name=artifact.name, version=version, place=where, used=used, why=why)


def _clangs(resolved: Resolved | None, store: Store, newest: int, problems: list[Diagnostic]) -> list[Item]:
    """The compilers of C and C++: clangs of the system, and the pinned one."""
    needed = bool(_languages(resolved) & {Language.C, Language.CXX})
    target = target_of(resolved.config) if resolved else None
    chosen: Compiler | None = None
    for configured in dict.fromkeys([target.cc, target.cxx] if target else [None]):
        found = _attempt(functools.partial(llvm.find_clang, newest, configured), problems if needed else [])
        chosen = chosen or (found[0] if found else None)
    items = doctor.compilers(r"clang(-\d+)?", lambda path: llvm.find_clang(newest, path)[0], chosen, "clang")
    zig = [each for each in provider.artifacts() if each.name == ZIG_ARTIFACT]
    for holding in store.holdings(zig):
        why = "a clang of this machine is used" if chosen else "" if needed else "no unit is written in C or C++"
        items.append(_of_artifact(holding.artifact, holding.path, holding.state, used=needed and not chosen, why=why))
    if needed and not chosen and not zig:
        problems.append(Diagnostic(code="E0401", message="there is no clang that can be used, and none is pinned for this platform"))
    return items


def _rustcs(resolved: Resolved | None, newest: int, problems: list[Diagnostic]) -> list[Item]:
    """The compilers of Rust."""
    needed = Language.RUST in _languages(resolved)
    configured = target_of(resolved.config).rustc if resolved else None
    chosen = _attempt(lambda: llvm.find_rustc(newest, configured), problems if needed else [])
    items = doctor.compilers(r"rustc", lambda path: llvm.find_rustc(newest, path), chosen, "rustc")
    return items if needed else [dataclasses.replace(each, used=False, why=each.why or "no unit is written in Rust") for each in items]


def text(report: Report) -> str:
    """The report for a person: `->` stands before what is used."""
    width = max(map(len, report.facts))
    lines = [f"{name:<{width}}  {words}" for name, words in report.facts.items()]
    for heading, items in report.items.items():
        lines += ["", heading, *_rows(items)]
    lines += ["", _verdict(report)]
    return "\n".join(lines) + "\n"


def _verdict(report: Report) -> str:
    if report.prevented:
        return "this configuration cannot be built here:"
    return "this configuration can be built here" + (", but:" if report.problems else "")


def _rows(items: Sequence[Item]) -> list[str]:
    if not items:
        return ["   none"]
    names, versions = (max(map(len, column)) for column in ([each.name for each in items], [each.version for each in items]))
    return [
        f"{'->' if each.used else '  '} {each.name:<{names}}  {each.version:<{versions}}  {each.place}"
        + (f"  ({each.why})" if each.why else "")
        for each in items
    ]
