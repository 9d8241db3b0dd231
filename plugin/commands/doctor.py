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

from bootstrap import config, doctor, llvm
from bootstrap.artifact import Artifact
from bootstrap.config import Resolved
from bootstrap.console import console
from bootstrap.diagnostics import Diagnostic, Failure, Severity, program, shown, text_of_all
from bootstrap.doctor import Item
from bootstrap.llvm import Compiler
from bootstrap.progress import readable
from bootstrap.store import State, Store
from plugin.engines import choice as engines
from plugin.engines import fallback, provider
from plugin.engines.choice import PIPELINE_LLVM, Candidate
from plugin.languages import Language, language_of
from plugin.plan import placed
from plugin.target import target_of
from plugin.toolchain import ZIG_ARTIFACT, Modules

FINDINGS = 1
OFF, INVALID = "llvm.enzyme is off", "the configuration is not valid"
"""Why no engine is used."""
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
    resolved = _resolved(options, problems)
    store = Store()
    found, chosen = _engines(resolved, store, problems, offline=options.offline)
    newest = min(PIPELINE_LLVM, chosen.llvm or PIPELINE_LLVM) if chosen else PIPELINE_LLVM
    clangs = _clangs(resolved, store, newest, problems)
    facts = {
        "configuration": _configuration(resolved),
        "machine": doctor.machine(),
        "cache": f"{store.root}, {readable(doctor.room(store.root))} free",
        "build": f"{_build_dir(resolved)}, {readable(doctor.room(_build_dir(resolved)))} free",
    }
    rustcs = _rustcs(resolved, newest, problems)
    items = {"engines": found, "C and C++": clangs, "Rust": rustcs, "LLVM": doctor.llvms(chosen.tools if chosen else None)}
    told = [placed(resolved, each) for each in problems] if resolved else problems
    return Report(facts=facts, items=items, problems=tuple(told))


def _resolved(options: argparse.Namespace, problems: list[Diagnostic]) -> Resolved | None:
    """The configuration, also one that breaks a rule or that the channel does not allow; None when one of its keys is wrong."""
    looked = _attempt(lambda: config.examine(**config.arguments_of(options)), problems)
    resolved, found = looked or (None, [])
    wrong = [each for each in found if each.severity is Severity.ERROR]
    problems += wrong
    if not wrong:
        options.resolved = resolved
    return None if resolved is None or resolved.faulty else resolved


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
    return {language for source in _sources(resolved) if (language := _attempt(functools.partial(language_of, source), []))}


def _ir(resolved: Resolved) -> list[Path]:
    """The sources that are modules already."""
    return [resolved.root / each for each in _sources(resolved) if each.suffix in {".bc", ".ll"}]


def _sources(resolved: Resolved | None) -> list[Path]:
    return [Path(source) for unit in (resolved.config.unit.values() if resolved else ()) for source in unit.sources]


def _engines(resolved: Resolved | None, store: Store, problems: list[Diagnostic], *, offline: bool) -> tuple[list[Item], Candidate | None]:
    """The engines in the order in which they are taken, those of the pinned list that are not among them, and the one in use."""
    missing = fallback.missing_engine(resolved) if resolved else None
    if resolved and missing:
        problems.append(fallback.warning(resolved, missing))
    found = _attempt(lambda: _candidates(resolved), problems) or []
    is_wanted = resolved is not None and resolved.config.llvm.enzyme and not missing
    chosen = _attempt(lambda: engines.choose(found), problems) if found and is_wanted else None
    items = [_of_candidate(each, store, used=each == chosen, why=_why_not(each, chosen, resolved)) for each in found]
    listed = {each.name for each in found}
    others = [each for each in provider.artifacts() if each.role != "compiler" and each.name not in listed]
    why = INVALID if resolved is None else f"enzyme.provider is `{resolved.config.enzyme.provider}`" if is_wanted else OFF
    items += [_of_artifact(each.artifact, each.path, each.state, used=False, why=why) for each in store.holdings(others)]
    if chosen and chosen.artifact and offline and store.locate(chosen.artifact) is None:
        problems.append(Diagnostic(code="E0307", message=f"`{chosen.name}` is not here, and --offline forbids to fetch it"))
    return items, chosen


def _candidates(resolved: Resolved | None) -> list[Candidate]:
    if resolved is None:
        return []
    target = target_of(resolved.config)
    modules = Modules(target=target, languages=_languages(resolved), ir=_ir(resolved))
    return list(engines.candidates(resolved.config, target, resolved.root, modules.why_not))


def _why_not(candidate: Candidate, chosen: Candidate | None, resolved: Resolved | None) -> str:
    if candidate == chosen:
        return ""
    if not (resolved and resolved.config.llvm.enzyme):
        return OFF
    return candidate.refusal.message if candidate.refusal else "another engine comes first"


def _of_candidate(candidate: Candidate, store: Store, *, used: bool, why: str) -> Item:
    if candidate.artifact:
        [holding] = store.holdings([candidate.artifact])
        return _of_artifact(candidate.artifact, holding.path, holding.state, used=used, why=why)
    version = f"LLVM {candidate.llvm}" if candidate.llvm else ""
    return Item(name=candidate.name, version=version, place=str(candidate.path or ""), used=used, why=why)


def _of_artifact(artifact: Artifact, path: Path, state: State, *, used: bool, why: str) -> Item:
    """An artifact as an item: its version and LLVM, where it is or that it would be fetched, and its digest."""
    where = str(path) if state is State.PRESENT else f"{state}; `{program()} fetch {artifact.name}` brings {readable(artifact.wheel.size)}"
    llvm_version = f"LLVM {artifact.llvm}" if artifact.llvm else ""
    version = ", ".join(filter(None, [artifact.version, llvm_version, f"sha256 {artifact.sha256[:16]}"]))
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
        newer = (
            f"it writes LLVM {holding.artifact.llvm}, the engine reads LLVM {newest} and older" if holding.artifact.llvm > newest else ""
        )
        why = "a clang of this machine is used" if chosen else newer if needed else "no unit is written in C or C++"
        items.append(_of_artifact(holding.artifact, holding.path, holding.state, used=needed and not chosen and not newer, why=why))
    if needed and not chosen and not zig:
        problems.append(Diagnostic(code="E0401", message="there is no clang that can be used, and none is pinned for this platform"))
    elif needed and not chosen and all(each.llvm > newest for each in zig):
        problems.append(Diagnostic(code="E0407", message=f"there is no clang that writes LLVM {newest} or older, as the engine needs it"))
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
