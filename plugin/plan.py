"""A unit as the configuration has it, checked as far as that can be done without its module, and where its files lie."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bootstrap import llvm
from bootstrap.config import Resolved
from bootstrap.config.model import AutoDiff, Input, Uniform, Unit
from bootstrap.config.model import Rule as RuleEntry
from bootstrap.config.toml import KeyPath
from bootstrap.diagnostics import Diagnostic, Failure
from bootstrap.steps import Record, digest
from plugin.compile import OutputKind
from plugin.engines import fallback
from plugin.engines.provider import artifacts
from plugin.items.activity import ENZYME, AutoDiffItem, DiffActivity, DiffMode
from plugin.items.signature import Derivative
from plugin.languages import Language, language_of
from plugin.native import Number
from plugin.rules.rule import Rule
from plugin.target import target_of
from plugin.types.type_language import parse
from plugin.verify import Check

if TYPE_CHECKING:
    from plugin.types.type_language import Type

TOOL = max(each.stat().st_mtime_ns for each in Path(__file__).parent.rglob("*.py"))
"""What tells this holoenzyme from another one: when its sources were last changed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """One unit to build. `folder` is where its files go, `items` are its derivatives.

    With a `missing_engine`, which says why there is none, the unit is built without its derivatives, and so without their checks.
    """

    name: str
    unit: Unit
    resolved: Resolved
    folder: Path
    sources: tuple[Path, ...]
    languages: frozenset[Language]
    items: tuple[AutoDiffItem, ...]
    rules: tuple[Rule, ...] = ()
    cfgs: tuple[str, ...] = ()
    missing_engine: Diagnostic | None = None

    @classmethod
    def of(cls, resolved: Resolved, name: str, cfgs: Sequence[str] = ()) -> Self:
        """The plan for a unit of the configuration, with the cfgs of `--cfg`, for what this machine has.

        Raises `Failure` with all that is wrong with the unit (E0230, E0232, E0233, E0236, E0245, E0249, E0280).
        """
        unit = resolved.config.unit[name]
        sources = tuple(root_of(resolved) / source for source in unit.sources)
        rules = tuple(_rule(index, each) for index, each in enumerate(unit.rule))
        faults = [*_faults_of_sources(name, sources), *_faults_of_items(resolved, name), *_faults_of_rules(name, rules)]
        if faults:
            raise Failure(*(placed(resolved, each) for each in faults))
        missing_engine = fallback.missing_engine(resolved)
        if missing_engine is not None:
            unit = unit.model_copy(update={"autodiff": (), "verify": ()})
        return cls(
            name=name,
            unit=unit,
            resolved=resolved,
            folder=unit_folder(resolved, name),
            sources=sources,
            languages=frozenset(map(language_of, sources)),
            items=tuple(_item(resolved, name, index, each) for index, each in enumerate(unit.autodiff)),
            rules=rules,
            cfgs=tuple(cfgs),
            missing_engine=missing_engine,
        )

    @property
    def kind(self) -> OutputKind:
        """What the unit becomes."""
        return OutputKind(self.unit.kind)

    @property
    def output(self) -> Path:
        """The unit's file."""
        return self.folder / self.kind.name_for(self.name)

    @property
    def library(self) -> Path:
        """The shared library in which the unit's derivatives can be called."""
        shared = OutputKind.SHARED.name_for(self.name)
        return self.output if self.kind is OutputKind.SHARED else self.folder / "callable" / shared

    @property
    def record_path(self) -> Path:
        """What was built from what by what."""
        return self.folder / f"{self.name}.json"

    @property
    def links(self) -> bool:
        """Whether a linker is needed."""
        return bool(self.unit.verify) or self.kind in {OutputKind.SHARED, OutputKind.EXECUTABLE}

    def records(self) -> dict[str, Record]:
        """The records of the steps that were done, by name; none when the file is missing or is not ours."""
        try:
            data = json.loads(self.record_path.read_bytes())
            return {name: Record.from_json(data["steps"][name]) for name in ("compile", "verify") if name in data["steps"]}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def compile_request(self) -> str:
        """The digest of all that decides what the unit becomes, but for the contents of files."""
        config = self.resolved.config
        target = target_of(config)
        return digest(
            {
                "tool": TOOL,
                "unit": repr(self.unit.model_copy(update={"verify": ()})),
                "checked": bool(self.unit.verify),
                "sources": self.sources,
                "root": root_of(self.resolved),
                "enzyme": [repr(config.enzyme), _engine_source(self.resolved)] if config.llvm.enzyme else "",
                "artifacts": [each.sha256 for each in artifacts()],
                "target": repr(target),
                "cfgs": [repr(config.cfg), self.cfgs, repr(config.rust), config.llvm.enzyme, self.missing_engine is None],
                "host": llvm.host_cpu() if target.cpu == "native" else "",
            }
        )

    def definitions(self) -> dict[Language, tuple[str, ...]]:
        """The active cfgs as each language's compiler is told them; raises `Failure` (E0251, E0252)."""
        from bootstrap import cfg  # noqa: PLC0415 - 20 ms that a build with nothing to do need not spend

        passed = cfg.passed(self.resolved, engine_usable=self.missing_engine is None, cfgs=self.cfgs)
        macros = tuple(cfg.c_flags(passed))
        rust = tuple(cfg.rustc_flags(passed, cfg.users(self.resolved, cfgs=self.cfgs)))
        return {Language.C: macros, Language.CXX: macros, Language.RUST: rust}

    def verify_request(self, compiled: Record) -> str:
        """The digest of all that decides what the checks give."""
        return digest({"checks": repr(self.unit.verify), "library": [each.sha256 for each in compiled.outputs], "tool": TOOL})

    def checks(self, derivatives: Iterable[Derivative]) -> tuple[Check, ...]:
        """The unit's verify entries, with their generated arguments."""
        by_target = {each.item.target: each for each in derivatives}
        types = {each.target: each.types for each in self.items}
        return tuple(
            Check(
                derivative=by_target[entry.target],
                arguments=tuple(_argument(value) for value in entry.args),
                types=types[entry.target],
                tolerance=entry.tolerance,
                key=f"verify.{index}",
            )
            for index, entry in enumerate(self.unit.verify)
        )

    def placed(self, diagnostic: Diagnostic) -> Diagnostic:
        """A diagnostic of this unit, with the place in the configuration that its key names."""
        if not diagnostic.key:
            return diagnostic
        return placed(self.resolved, dataclasses.replace(diagnostic, key=f"unit.{self.name}.{diagnostic.key}"))


def _engine_source(resolved: Resolved) -> str:
    """The state of the source that the engine is built from, where it is."""
    enzyme = resolved.config.enzyme
    if enzyme.provider != "source" or not enzyme.source:
        return ""
    from plugin.engines import source_build  # noqa: PLC0415 - few build their engine

    return source_build.state(root_of(resolved) / enzyme.source)


def unit_folder(resolved: Resolved, name: str) -> Path:
    """Where what is made of a unit lies: BUILD-DIR/TRIPLE/UNIT."""
    return root_of(resolved) / resolved.config.build.build_dir / llvm.host_triple() / name


def root_of(resolved: Resolved) -> Path:
    """The folder that relative paths of units start from, absolute: compilers run in it."""
    return resolved.root.absolute()


def placed(resolved: Resolved, diagnostic: Diagnostic) -> Diagnostic:
    """A diagnostic with the place of its key, where it has none of its own."""
    if diagnostic.span is not None or not diagnostic.key:
        return diagnostic
    return dataclasses.replace(diagnostic, span=resolved.span_of(diagnostic.key))


def _item(resolved: Resolved, unit: str, index: int, entry: AutoDiff) -> AutoDiffItem:
    """An item of the configuration; raises `Failure` with each type that cannot be read (E0249)."""
    path: KeyPath = ("unit", unit, "autodiff", index)
    places: dict[KeyPath, str | None] = {("inputs", number, "type"): _said(each) for number, each in enumerate(entry.inputs)}
    places["ret-type",] = entry.ret_type
    types: list[Type | None] = []
    faults: list[Diagnostic] = []
    for place, text in places.items():
        try:
            types.append(None if text is None else parse(text, origin="type", span=resolved.span_of((*path, *place))))
        except Failure as failure:
            faults += failure.diagnostics
    if faults:
        raise Failure(*faults)
    return AutoDiffItem(
        source=entry.source,
        target=entry.target,
        mode=DiffMode(entry.mode),
        inputs=tuple(DiffActivity(_activity(each)) for each in entry.inputs),
        ret=DiffActivity(entry.ret),
        index=index,
        types=tuple(types[:-1]),
        ret_type=types[-1],
        width=entry.width,
        augmented=entry.augmented or "",
        on_short_shadow=entry.on_short_shadow or "",
        runtime_activity=entry.runtime_activity,
        strong_zero=entry.strong_zero,
        inactive_globals=entry.inactive_globals,
        active_globals=entry.active_globals,
    )


def _rule(index: int, entry: RuleEntry) -> Rule:
    given = {key: value for key, value in entry if value is not None}
    return Rule(**given, index=index)


def _faults_of_rules(name: str, rules: Iterable[Rule]) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for rule in rules:
        key = f"unit.{name}.rule.{rule.index}"
        if rule.symbol in seen:
            message = f"there are two rules for `{rule.symbol}`"
            yield Diagnostic(code="E0280", message=message, key=f"{key}.symbol", help=("say all that there is to say in one",))
        seen.add(rule.symbol)
        for part, message, remedy in rule.faults_of_form():
            yield Diagnostic(code="E0280", message=message, key=f"{key}.{part}", help=(remedy,))


def _said(entry: str | Input) -> str | None:
    return entry.type if isinstance(entry, Input) else None


def _activity(entry: str | Input) -> str:
    return entry.activity if isinstance(entry, Input) else entry


def _argument(value: Any) -> Number | tuple[Number, ...]:
    if isinstance(value, Uniform):
        generator = random.Random(value.seed)  # noqa: S311 - data for a check
        return tuple(generator.uniform(value.low, value.high) for _ in range(value.count))
    return tuple(value) if isinstance(value, tuple) else value


def _faults_of_sources(name: str, sources: Iterable[Path]) -> Iterator[Diagnostic]:
    for index, source in enumerate(sources):
        key = f"unit.{name}.sources.{index}"
        if not source.is_file():
            found = "is a directory" if source.is_dir() else "does not exist"
            yield Diagnostic(code="E0232", message=f"the source `{source}` {found}", key=key)
            continue
        try:
            language_of(source)
        except Failure as failure:
            yield from (dataclasses.replace(each, key=key) for each in failure.diagnostics)


def _faults_of_items(resolved: Resolved, name: str) -> Iterator[Diagnostic]:
    for index, entry in enumerate(resolved.config.unit[name].autodiff):
        key = f"unit.{name}.autodiff.{index}"
        for part, symbol in {"source": entry.source, "target": entry.target, "augmented": entry.augmented or ""}.items():
            if ENZYME in symbol:
                message = f"a symbol with `{ENZYME}` in its name is taken by Enzyme for a call of its own"
                yield Diagnostic(code="E0236", message=message, key=f"{key}.{part}", help=("give it another name",))
        try:
            item = _item(resolved, name, index, entry)
        except Failure as failure:
            yield from failure.diagnostics
            continue
        for each in sorted({*item.active_globals} & {*item.inactive_globals}):
            part = f"inactive-globals.{item.inactive_globals.index(each)}"
            message = f"`{each}` cannot have a derivative and have none"
            yield Diagnostic(code="E0247", message=message, key=f"{key}.{part}", help=("leave it out of one of the two",))
        for part, message, remedy in item.faults_of_mode():
            yield Diagnostic(code="E0230", message=message, key=f"{key}.{part}", help=(remedy,))
        if item.augmented and item.mode is DiffMode.FORWARD:
            message = "only reverse mode is made of two functions"
            yield Diagnostic(code="E0245", message=message, key=f"{key}.augmented", help=('write `mode = "reverse"`, or leave it out',))
