"""Rules between keys, as data: each names the keys that it looks at, and finds those that contradict each other.

A rule is not asked about a unit, or at all, where one of its keys is wrong by itself: that is told already.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap.config.keys import dotted, literal
from bootstrap.config.model import AutoDiff, Config, Uniform, Unit
from bootstrap.config.toml import KeyPath
from bootstrap.diagnostics import Failure, Severity

if TYPE_CHECKING:
    from bootstrap.cfg.expression import Cfg, Expression


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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule: the keys that it looks at, `*` for a name of the user's, and how it is checked."""

    keys: tuple[tuple[str, ...], ...]
    check: Callable[[Config, Path], Iterator[Violation]]

    def broken(self, config: Config, root: Path, faulty: Collection[KeyPath] = ()) -> Iterator[Violation]:
        """Where the rule is broken; nothing is said of what depends on one of the keys `faulty`."""
        blind = [path for path in faulty if any(_meet(key, path) for key in self.keys)]
        if all(path[0] in NAMED_TABLES for path in blind):
            tables = {path[:2] for path in blind}
            yield from (each for each in self.check(config, root) if each.key[:2] not in tables)


NAMED_TABLES = ("target", "unit")


def _meet(key: tuple[str, ...], path: KeyPath) -> bool:
    """Whether a key of the model is the one at `path`, or one around it or in it."""
    return all(part in ("*", other) for part, other in zip(key, path, strict=False))


def _targets(item: AutoDiff) -> Iterator[tuple[str, str]]:
    """The symbols that an item makes, each with its key."""
    yield "target", item.target
    if item.augmented:
        yield "augmented", item.augmented


def targets_are_unique(config: Config, root: Path) -> Iterator[Violation]:
    """Two items of a unit must not make the same symbol."""
    del root
    for path, unit in _units(config):
        first: dict[str, KeyPath] = {}
        for index, item in enumerate(unit.autodiff):
            for key, symbol in _targets(item):
                place = (*path, "autodiff", index, key)
                if symbol in first:
                    yield Violation(
                        code="E0211",
                        key=place,
                        message=f"two derivatives of the unit `{path[-1]}` have the symbol `{symbol}`",
                        label="the second",
                        other=first[symbol],
                        other_label="the first",
                    )
                first.setdefault(symbol, place)


def target_is_not_source(config: Config, root: Path) -> Iterator[Violation]:
    """A derivative cannot take the place of its own primal."""
    del root
    for path, unit in _units(config):
        for index, item in enumerate(unit.autodiff):
            for key, symbol in _targets(item):
                if symbol == item.source:
                    yield Violation(
                        code="E0211",
                        key=(*path, "autodiff", index, key),
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


def whens_can_be_true(config: Config, root: Path) -> Iterator[Violation]:
    """The condition of a unit must be true for some target and some cfgs, or the unit is never built."""
    del root
    for path, unit in _units(config):
        if unit.when is not None and not _possible(unit.when, {}):
            yield Violation(
                code="E0275",
                key=(*path, "when"),
                message=f"the condition of the unit `{path[-1]}` can never be true, and the unit is never built",
                label="no target and no cfgs make it true",
            )


def whens_can_be_true_here(config: Config, root: Path) -> Iterator[Violation]:
    """The condition of a unit should not contradict what the configuration says; it may be meant so, so this is a warning."""
    del root
    settled = _settled(config)
    together = {cfg: value for given in settled.values() for cfg, value in given.items()}
    for path, unit in _units(config):
        if unit.when is not None and not _possible(unit.when, together) and _possible(unit.when, {}):
            alone = (key for key, given in settled.items() if not _possible(unit.when, given))
            other = next(alone, None)
            because = f"`{dotted(other)}` is `{literal(_value(config, other))}`" if other else "of what `[llvm]` and `[cfg]` say"
            yield Violation(
                code="E0276",
                key=(*path, "when"),
                message=f"the unit `{path[-1]}` is never built, because {because}",
                label="this cannot be true",
                other=other,
                other_label="as long as this is so",
                severity=Severity.WARNING,
            )


def _settled(config: Config) -> Mapping[KeyPath, Mapping[Cfg, bool]]:
    """The cfgs that a key of the configuration alone decides, whatever the target is."""
    from bootstrap.cfg import specification, table  # noqa: PLC0415 - only for configurations with units

    found: dict[KeyPath, Mapping[Cfg, bool]] = {}
    if not config.llvm.enzyme:
        found["llvm", "enzyme"] = {("llvm_enzyme", None): False, ("autodiff_fallback", None): False}
    for index, text in enumerate(config.cfg.set):
        with contextlib.suppress(Failure):  # what cannot be read is told as that
            cfg = specification.parse_cfg(text, origin="cfg.set")
            if table.disallowed(cfg) is None:
                found["cfg", "set", index] = {cfg: True}
    return found


def _possible(when: str, given: Mapping[Cfg, bool]) -> bool:
    """Whether a condition can be true; one that cannot be read is told as that, and counts as possible."""
    from bootstrap.cfg import possible  # noqa: PLC0415 - only for units with conditions

    tree = _tree(when)
    return tree is None or possible.possible(tree, given)


@functools.cache
def _tree(when: str) -> Expression | None:
    """A condition, or None when it cannot be read; every rule about conditions asks for it."""
    from bootstrap.cfg import expression  # noqa: PLC0415 - as above

    try:
        return expression.parse(when)
    except Failure:
        return None


def plugins_share_llvm(config: Config, root: Path) -> Iterator[Violation]:
    """A plugin of Enzyme runs in the libLLVM of the program that loads it, so there has to be one."""
    del root
    if config.llvm.link_shared or not config.llvm.enzyme:
        return
    by_artifact = config.enzyme.provider in ("auto", "pinned") and config.enzyme.artifact.startswith(PLUGIN)
    if by_artifact or config.enzyme.provider in OF_PLUGINS:
        key = ("enzyme", "artifact" if by_artifact else "provider")
        yield Violation(
            code="E0277",
            key=("llvm", "link-shared"),
            message=f"`{dotted(key)} = {literal(_value(config, key))}` is a plugin of Enzyme, and it needs libLLVM as a shared library",
            label="write `true`, or leave it out",
            other=key,
            other_label="the plugin",
        )


PROVIDED_BY = {"path": ("path",), "url": ("url", "sha256"), "source": ("source",)}
"""The keys of `enzyme` that a provider cannot do without."""


def providers_have_their_keys(config: Config, root: Path) -> Iterator[Violation]:
    """A provider needs the keys that say what it brings; a download needs a digest."""
    del root
    for name in PROVIDED_BY.get(config.enzyme.provider, ()):
        if getattr(config.enzyme, name) is None:
            yield Violation(
                code="E0260",
                key=("enzyme", "provider"),
                message=f'`enzyme.provider = "{config.enzyme.provider}"` needs `enzyme.{name}`, which is not set',
                label=f"set `{name}`" + (", the digest of the file: nothing is downloaded without one" if name == "sha256" else ""),
            )


def providers_use_their_keys(config: Config, root: Path) -> Iterator[Violation]:
    """A key that says where an engine comes from does nothing when it is to come from elsewhere."""
    del root
    for provider, (name, *_) in PROVIDED_BY.items():
        if getattr(config.enzyme, name) is not None and config.enzyme.provider != provider:
            yield Violation(
                code="E0261",
                key=("enzyme", name),
                message=f"`enzyme.{name}` is not used: the engine comes from the provider `{config.enzyme.provider}`",
                label=f'set `enzyme.provider = "{provider}"`, or leave it out',
                severity=Severity.WARNING,
            )


PLUGIN = "plugin-"
"""How the name of a pinned plugin begins; a driver has its LLVM in itself."""
OF_PLUGINS = frozenset({"path", "url", "source"})
"""The providers that bring a plugin."""


def _value(config: Config, path: KeyPath) -> object:
    """The value at a key of a section, or an item of it."""
    section, name, *index = path
    value: Any = getattr(getattr(config, str(section)), str(name).replace("-", "_"))
    return value[index[0]] if index else value


_UNIT = ("unit", "*")
RULES: tuple[Rule, ...] = (
    Rule(keys=((*_UNIT, "autodiff"),), check=targets_are_unique),
    Rule(keys=((*_UNIT, "autodiff"),), check=target_is_not_source),
    Rule(keys=((*_UNIT, "autodiff"), (*_UNIT, "verify")), check=verified_targets_exist),
    Rule(keys=((*_UNIT, "verify"),), check=bounds_are_ordered),
    Rule(keys=(("build", "build-dir"),), check=build_dir_is_its_own),
    Rule(keys=((*_UNIT, "when"),), check=whens_can_be_true),
    Rule(keys=(("llvm", "link-shared"), ("llvm", "enzyme"), ("enzyme", "provider"), ("enzyme", "artifact")), check=plugins_share_llvm),
    Rule(keys=(("enzyme",),), check=providers_have_their_keys),
)
"""What every command holds a configuration to."""
ADVICE: tuple[Rule, ...] = (
    Rule(keys=((*_UNIT, "sources"), ("target", "*")), check=paths_exist),
    Rule(keys=((*_UNIT, "when"), ("llvm", "enzyme"), ("cfg", "set")), check=whens_can_be_true_here),
    Rule(keys=(("enzyme",),), check=providers_use_their_keys),
)
"""What only `check` tells; its warnings need places, and those take longer than all the rest."""


def _units(config: Config) -> Iterator[tuple[KeyPath, Unit]]:
    for name, unit in config.unit.items():
        yield ("unit", name), unit
