"""From files, environment and flags to one frozen configuration in which every value knows where it came from."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bootstrap import channel, gates
from bootstrap.config import faults, files
from bootstrap.config import overrides as words
from bootstrap.config.layers import Layer, Origin, Source, merge, unflatten, winners
from bootstrap.config.model import Config
from bootstrap.config.toml import KeyPath
from bootstrap.diagnostics import Diagnostic, Failure, Related, Severity, Span

if TYPE_CHECKING:
    from bootstrap.config.rules import Rule, Violation

CHANNEL = ("rust", "channel")
FLAGS: Mapping[KeyPath, str] = {("profile",): "--profile", ("build", "jobs"): "--jobs"}
"""The options that set a key."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Resolved:
    """A configuration and its history.

    `file` is the configuration file, None when there is none; relative paths are relative to `root`. `data` is the table of what the layers
    set, without defaults; `origins` has for each of its keys the winner and then the losers; `layers` are the weakest first. `faulty` are
    the keys that are wrong, and that `config` and `data` are without; only `examine` gives a configuration that has any.
    """

    config: Config
    data: Mapping[str, Any]
    file: Path | None
    root: Path
    origins: Mapping[KeyPath, tuple[Origin, ...]]
    layers: tuple[Layer, ...]
    environment: Mapping[str, str]
    warnings: tuple[Diagnostic, ...] = ()
    faulty: frozenset[KeyPath] = frozenset()

    def origin(self, key: str | KeyPath) -> Origin | None:
        """The origin of the value in force at `key`, or of the value that it is inside of; None when it is the default."""
        found = self.layers_of(key)
        return found[0] if found else None

    def layers_of(self, key: str | KeyPath) -> tuple[Origin, ...]:
        """What every layer gives to `key`, or to the array that it is inside of; the winner first."""
        path = self.path(key)
        if path in self.origins:
            return self.origins[path]
        above = (self.origins.get(path[:length], ()) for length in range(len(path) - 1, 0, -1))
        return next((each for each in above if each and each[0].value != {}), ())

    def span_of(self, key: str | KeyPath) -> Span | None:
        """The place of the value of `key`, such as `unit.gmm.autodiff.0.inputs`, or of the closest table around it in a file."""
        path = self.path(key)
        for length in range(len(path), 0, -1):
            below = (each[0] for place, each in self.origins.items() if place[:length] == path[:length])
            origin = self.origin(path[:length]) or next(below, None)
            if origin:
                return origin.layer.document.value_span(path) if origin.layer.document else None
        return None

    def path(self, key: str | KeyPath) -> KeyPath:
        """`key` as a path. In a string, names of units and targets may have dots, and numbers are indices."""
        return key if isinstance(key, tuple) else words.parse_key(key, names=[*self.config.unit, *self.config.target])

    @functools.cached_property
    def channel(self) -> channel.Channel:
        """The release channel in force; asks rustc only for `auto-detect`."""
        named = next((each.rustc for each in self.config.target.values() if each.rustc), None)
        rustc = named or self.environment.get("RUSTC") or "rustc"
        return channel.resolve(self.config.rust.channel, root=self.root, rustc=rustc, environment=self.environment)


def load(
    path: Path | None,
    *,
    overrides: Sequence[str] = (),
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
    flags: Mapping[KeyPath, Any] | None = None,
) -> Resolved:
    """The configuration of `path` (a file, a directory with a `config.toml`, or None for the search order), valid and allowed.

    `overrides` are `KEY=VALUE` as `--set` takes them, `flags` the values of other options by key. Raises `Failure` with every fault of
    every file: what `read` raises, broken rules between keys, and features that the channel does not allow.
    """
    return _allowed(*examine(path, overrides=overrides, profile=profile, environment=environment, flags=flags))


def extended(resolved: Resolved, layer: Layer) -> Resolved:
    """`resolved` with a layer over all that it has; raises as `load` does."""
    layers = (*resolved.layers, layer)
    origins = merge(layers)
    found = [*faults.check(layer), *faults.incomplete(winners(origins), functools.partial(_opened_by, origins))]
    config, data, faulty = faults.sound(origins)
    whole = dataclasses.replace(resolved, config=config, data=data, origins=origins, layers=layers, faulty=faulty)
    found += [*broken_rules(whole), *refused_features(whole)]
    return _allowed(whole, in_order(whole, found))


def _allowed(resolved: Resolved, found: Sequence[Diagnostic]) -> Resolved:
    if any(each.severity is Severity.ERROR for each in found):
        raise Failure(*found)
    return dataclasses.replace(resolved, warnings=tuple(found))


def examine(
    path: Path | None,
    *,
    overrides: Sequence[str] = (),
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
    flags: Mapping[KeyPath, Any] | None = None,
) -> tuple[Resolved, list[Diagnostic]]:
    """As `load`, with every finding in the order of the files; the configuration is without the keys that are wrong.

    Raises `Failure` when a file is missing or cannot be read, so that nothing is known of what it sets.
    """
    resolved, found = _resolved(path, overrides=overrides, profile=profile, environment=environment, flags=flags)
    found += [*broken_rules(resolved), *refused_features(resolved)]
    return resolved, in_order(resolved, found)


def read(
    path: Path | None,
    *,
    overrides: Sequence[str] = (),
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
    flags: Mapping[KeyPath, Any] | None = None,
) -> Resolved:
    """As `load`, without the rules between keys and the gates: for showing a configuration that does not pass them."""
    resolved, found = _resolved(path, overrides=overrides, profile=profile, environment=environment, flags=flags)
    if found:
        raise Failure(*in_order(resolved, found))
    return resolved


def _resolved(
    path: Path | None, *, overrides: Sequence[str], profile: str | None, environment: Mapping[str, str], flags: Mapping[KeyPath, Any] | None
) -> tuple[Resolved, list[Diagnostic]]:
    """The configuration as far as it is sound, and what is wrong with single keys; raises `Failure` as `examine` does."""
    flags = {**(flags or {}), **({("profile",): profile} if profile is not None else {})}
    file = files.locate(path, environment)
    gatherer = gather(file, overrides=overrides, environment=environment, flags=flags)
    layers = tuple(reversed(gatherer.layers))
    origins = merge(layers)
    found = [*gatherer.faults, *(each for layer in gatherer.layers for each in faults.check(layer))]
    if gatherer.faults:
        raise Failure(*faults.in_order(found, _paths(gatherer.layers)))
    found += faults.incomplete(winners(origins), functools.partial(_opened_by, origins))
    config, data, faulty = faults.sound(origins)
    resolved = Resolved(
        config=config,
        data=data,
        file=file,
        root=file.parent if file else Path.cwd(),
        origins=origins,
        layers=layers,
        environment=environment,
        faulty=faulty,
    )
    return resolved, found


def load_for(options: argparse.Namespace) -> Resolved:
    """`load` with the global options of the command line, which keep the result as `resolved`."""
    options.resolved = load(**arguments_of(options))
    return cast("Resolved", options.resolved)


def arguments_of(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `load` and `read` that the global options stand for."""
    return {
        "path": Path(options.config) if options.config is not None else None,
        "overrides": options.set or (),
        "profile": options.profile,
        "flags": {("build", "jobs"): options.jobs} if options.jobs is not None else {},
    }


def gather(file: Path | None, *, overrides: Sequence[str], environment: Mapping[str, str], flags: Mapping[KeyPath, Any]) -> files.Gatherer:
    """All layers, the strongest first, and what went wrong on the way to them."""
    written = files.Gatherer()
    if file:
        written.file(file)
    strongest = files.Gatherer()
    if flags:
        strongest.layers.append(Layer(source=Source.FLAGS, name="", data=unflatten(flags), names=FLAGS))
    for layer, found in (words.from_options(overrides), variables_for(written.layers).layer(environment)):
        strongest.layers += [layer] if layer else []
        strongest.faults += found
    strongest.layers += written.layers
    strongest.faults += written.faults
    chosen = merge(reversed(strongest.layers)).get(("profile",))
    if chosen:
        document = chosen[0].layer.document
        strongest.profiles(chosen[0].value, files.Mention(document=document, path=("profile",)) if document else None)
    return strongest


def variables_for(layers: Sequence[Layer]) -> words.Variables:
    """The variables of the environment for the units and targets that stand in `layers`."""
    units, targets = ([name for layer in layers for name in _names(layer, table)] for table in ("unit", "target"))
    return words.Variables(units=units, targets=targets)


def _names(layer: Layer, table: str) -> list[str]:
    found = layer.data.get(table)
    return list(found) if isinstance(found, dict) else []


def _paths(layers: Iterable[Layer]) -> list[Path]:
    """The files of layers, in their order."""
    return [layer.document.path for layer in layers if layer.document]


def _opened_by(origins: Mapping[KeyPath, tuple[Origin, ...]], path: KeyPath) -> Layer | None:
    """The layer that set something of the closest table around `path`."""
    for length in range(len(path), 0, -1):
        for key, each in origins.items():
            if key[:length] == path[:length]:
                return each[0].layer
    return None


def broken_rules(resolved: Resolved) -> list[Diagnostic]:
    """A diagnostic, with both places, for each broken rule between keys."""
    from bootstrap.config.rules import RULES  # noqa: PLC0415 - not for who only shows a configuration

    return _broken_of(resolved, RULES)


def _broken_of(resolved: Resolved, rules: Iterable[Rule]) -> list[Diagnostic]:
    return [_broken(resolved, each) for rule in rules for each in rule.broken(resolved.config, resolved.root, resolved.faulty)]


def advice(resolved: Resolved, modules: Iterable[str] = ()) -> list[Diagnostic]:
    """What is only for `check`; `modules` of the rooms above have `RULES` of their own."""
    from bootstrap.config.rules import ADVICE  # noqa: PLC0415 - as above

    further = (rule for name in modules for rule in importlib.import_module(name).RULES)
    return _broken_of(resolved, [*ADVICE, *further])


def in_order(resolved: Resolved, found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """What was found, in the order of the configuration's files."""
    return faults.in_order(found, _paths(reversed(resolved.layers)))


def _broken(resolved: Resolved, violation: Violation) -> Diagnostic:
    other = resolved.span_of(violation.other) if violation.other else None
    return Diagnostic(
        code=violation.code,
        severity=violation.severity,
        message=violation.message,
        span=resolved.span_of(violation.key),
        label=violation.label,
        related=(Related(span=other, message=violation.other_label),) if other else (),
    )


def refused_features(resolved: Resolved, *, unit: str | None = None) -> list[Diagnostic]:
    """What the gates say about the configuration: each feature once, at its first place, with the others named.

    A unit with a `when` counts only when it is named by `unit`, and then alone.
    """
    used = [each for each in gates.uses(resolved.data, conditional=unit) if unit is None or each.unit == unit]
    if not used or resolved.faulty & {CHANNEL, *(each.enabled_by.key for each in gates.FEATURES if each.enabled_by)}:
        return []
    channel_key = CHANNEL if CHANNEL in resolved.origins else None
    return gates.require_all(used, resolved.channel, span_of=resolved.span_of, channel_key=channel_key)


def require_unit(resolved: Resolved, unit: str) -> None:
    """Ask the gates about a unit whose `when` turned out to be true. Raises `Failure` when it needs what is not allowed."""
    found = refused_features(resolved, unit=unit)
    if any(each.severity is Severity.ERROR for each in found):
        raise Failure(*found)
