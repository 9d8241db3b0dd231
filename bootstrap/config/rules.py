"""Rules between keys, as data: each looks at the resolved configuration and names the keys that contradict each other."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from bootstrap.config.model import Config, Uniform, Unit
from bootstrap.config.toml import KeyPath
from bootstrap.diagnostics import Severity


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A contradiction: `key` is what to change, `other` is the second place when there is one."""

    code: str
    key: KeyPath
    message: str
    label: str = ""
    other: KeyPath | None = None
    other_label: str = ""
    severity: Severity = Severity.ERROR


Rule = Callable[[Config, Path], Iterator[Violation]]


def targets_are_unique(config: Config, root: Path) -> Iterator[Violation]:
    """Two items of a unit must not make the same symbol."""
    del root
    for path, unit in _units(config):
        first: dict[str, int] = {}
        for index, item in enumerate(unit.autodiff):
            if item.target in first:
                yield Violation(
                    code="E0211",
                    key=(*path, "autodiff", index, "target"),
                    message=f"two derivatives of the unit `{path[-1]}` have the symbol `{item.target}`",
                    label="the second",
                    other=(*path, "autodiff", first[item.target], "target"),
                    other_label="the first",
                )
            first.setdefault(item.target, index)


def target_is_not_source(config: Config, root: Path) -> Iterator[Violation]:
    """A derivative cannot take the place of its own primal."""
    del root
    for path, unit in _units(config):
        for index, item in enumerate(unit.autodiff):
            if item.target == item.source:
                yield Violation(
                    code="E0211",
                    key=(*path, "autodiff", index, "target"),
                    message=f"the derivative of `{item.source}` has the primal's own symbol",
                    label="give it a name of its own",
                    other=(*path, "autodiff", index, "source"),
                    other_label="the primal",
                )


def verified_targets_exist(config: Config, root: Path) -> Iterator[Violation]:
    """A check must name a derivative of its unit."""
    del root
    for path, unit in _units(config):
        targets = list(dict.fromkeys(item.target for item in unit.autodiff))
        for index, check in enumerate(unit.verify):
            if check.target not in targets:
                names = ", ".join(f"`{each}`" for each in targets[:3]) or "none"
                yield Violation(
                    code="E0212",
                    key=(*path, "verify", index, "target"),
                    message=f"`{check.target}` is no derivative of the unit `{path[-1]}`",
                    label=f"its derivatives: {names}{', ...' if len(targets) > len(targets[:3]) else ''}",
                )


def bounds_are_ordered(config: Config, root: Path) -> Iterator[Violation]:
    """Generated numbers need a lower bound below the upper one."""
    del root
    for path, unit in _units(config):
        for index, check in enumerate(unit.verify):
            for position, argument in enumerate(check.args):
                if isinstance(argument, Uniform) and argument.low >= argument.high:
                    below = (*path, "verify", index, "args", position)
                    first, *others = [name for name in ("low", "high") if name in argument.model_fields_set]
                    unset = argument.high if first == "low" else argument.low
                    yield Violation(
                        code="E0213",
                        key=(*below, first),
                        message=f"the lower bound {argument.low} is not below the upper bound {argument.high}",
                        label="" if others else f"the other bound is {unset} when it is not given",
                        other=(*below, "high") if others else None,
                        other_label="the upper bound",
                    )


def build_dir_is_its_own(config: Config, root: Path) -> Iterator[Violation]:
    """`clean` removes the build directory, so it must not hold the configuration."""
    here = os.path.realpath(root)
    there = os.path.realpath(root / config.build.build_dir)
    if os.path.commonpath([here, there]) == there:
        yield Violation(
            code="E0214",
            key=("build", "build-dir"),
            message=f"the build directory `{config.build.build_dir}` would hold the configuration itself, and `clean` removes it",
            label="name a directory of its own",
        )


def paths_exist(config: Config, root: Path) -> Iterator[Violation]:
    """A source or a tool that is named by its path should be there; it may still be made, so this is a warning."""
    named = [((*path, "sources", index), root / each) for path, unit in _units(config) for index, each in enumerate(unit.sources)]
    for triple, target in config.target.items():
        tools = target.model_dump(by_alias=True, include={"cc", "cxx", "linker", "rustc", "llvm_config"}, exclude_none=True)
        named += [(("target", triple, key), Path(tool)) for key, tool in tools.items() if Path(tool).is_absolute()]
    for key, place in named:
        if not os.path.lexists(place):
            message, label = f"`{place.name}` does not exist", f"there is no `{place}`"
            yield Violation(code="E0219", key=key, message=message, label=label, severity=Severity.WARNING)


RULES: tuple[Rule, ...] = (
    targets_are_unique,
    target_is_not_source,
    verified_targets_exist,
    bounds_are_ordered,
    build_dir_is_its_own,
)
"""What every command holds a configuration to."""
ADVICE: tuple[Rule, ...] = (paths_exist,)
"""What only `check` tells; its warnings need places, and those take longer than all the rest."""


def _units(config: Config) -> Iterator[tuple[KeyPath, Unit]]:
    for name, unit in config.unit.items():
        yield ("unit", name), unit
