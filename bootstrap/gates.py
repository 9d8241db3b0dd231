"""Unstable features and the one question whether they may be used.

A *feature* is unstable, stable or removed; a *gate* is what needs it: a key, a value of a key, a cfg or a command. `require` answers in
both directions: on a channel that allows the feature, what to add; on one that does not, what to switch to; and once the feature is
stable, that asking for it is no longer needed. Making a feature stable, or adding one, is a change of `FEATURES` and of nothing else.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bootstrap.channel import UNSTABLE, VARIABLE, Channel
from bootstrap.diagnostics import Diagnostic, Related, Severity, Span

CODE = "E0208"
MAX_PLACES = 3
"""How many further places of one feature a diagnostic shows."""
ANY = object()
"""A gate with this value closes the key whatever it is set to."""
NAMED = "*"

Path = tuple[str | int, ...]


class Status(enum.StrEnum):
    """Where a feature stands in its life."""

    UNSTABLE = "unstable"
    STABLE = "stable"
    REMOVED = "removed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A key of the configuration that needs a feature; `*` in its path stands for a name, indices are left out."""

    key: tuple[str, ...]
    value: object = ANY


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One gated thing.

    `since` is the version in which it got its status, `enabled_by` the gate that asks for it where something else needs it, `note` what
    came in its place once it is removed.
    """

    name: str
    summary: str
    status: Status
    since: str
    issue: int | None = None
    enabled_by: Gate | None = None
    gates: tuple[Gate, ...] = ()
    cfgs: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    note: str = ""


_ITEM = ("unit", NAMED, "autodiff")
_ENZYME = Gate(key=("llvm", "enzyme"), value=True)
_BATCH = ("Dualv", "DualvOnly")
_ACTIVITIES = (("inputs",), ("inputs", "activity"), ("ret",))
FEATURES = (
    Feature(
        name="autodiff",
        summary="derivatives by Enzyme",
        status=Status.UNSTABLE,
        since="0.1.0",
        enabled_by=_ENZYME,
        gates=(_ENZYME, Gate(key=_ITEM)),
        cfgs=("llvm_enzyme", "autodiff_fallback"),
    ),
    Feature(
        name="forward",
        summary="forward mode",
        status=Status.UNSTABLE,
        since="0.1.0",
        gates=(Gate(key=(*_ITEM, "mode"), value="forward"),),
    ),
    Feature(
        name="batch",
        summary="several shadows in one call",
        status=Status.UNSTABLE,
        since="0.1.0",
        gates=(
            Gate(key=(*_ITEM, "width")),
            *(Gate(key=(*_ITEM, *part), value=value) for part in _ACTIVITIES for value in _BATCH),
        ),
    ),
    Feature(
        name="source-build",
        summary="an engine built from source",
        status=Status.UNSTABLE,
        since="0.1.0",
        gates=(Gate(key=("enzyme", "provider"), value="source"),),
    ),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A feature in use: `what` needs it, in words, `path` is its key if it is one, `unit` the unit that it belongs to."""

    feature: str
    what: str
    path: Path = ()
    unit: str | None = None
    enabled: bool = True
    """Whether the configuration asks for the feature, as `Feature.enabled_by` says."""


def uses(data: Mapping[str, Any], *, conditional: str | None = None, features: Sequence[Feature] = FEATURES) -> Iterator[Use]:
    """Each use of a gated feature in the merged configuration `data`.

    A unit with a `when` may be left out of the build, so it only counts when it is named by `conditional`.
    """
    for feature in features:
        asked = not feature.enabled_by or any(True for _ in _open(data, feature.enabled_by))
        for gate in feature.gates:
            for path, value in _open(data, gate):
                unit = str(path[1]) if path[0] == "unit" else None
                if unit is None or unit == conditional or "when" not in data["unit"][unit]:
                    words = f"`{_dotted(path)}`" if gate.value is ANY else f"`{_dotted(path)} = {_literal(value)}`"
                    yield Use(feature=feature.name, what=words, path=path, unit=unit, enabled=asked or gate == feature.enabled_by)


def _open(data: Mapping[str, Any], gate: Gate) -> Iterator[tuple[Path, object]]:
    """The places of `data` that `gate` closes, with their values."""
    for path, value in _at(data, gate.key, ()):
        if gate.value is ANY or (type(value), value) == (type(gate.value), gate.value):
            yield path, value


def _at(value: object, key: tuple[str, ...], path: Path) -> Iterator[tuple[Path, object]]:
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _at(each, key, (*path, index))
    elif not key:
        yield path, value
    elif isinstance(value, Mapping):
        for name in value if key[0] == NAMED else [each for each in key[:1] if each in value]:
            yield from _at(value[name], key[1:], (*path, name))


def require(use: Use, channel: Channel, *, features: Sequence[Feature] = FEATURES) -> Diagnostic | None:
    """What is to be said about `use` on `channel`, without its place; None when it is simply allowed."""
    feature = next(each for each in features if each.name == use.feature)
    if feature.status is Status.REMOVED:
        return Diagnostic(
            code=CODE,
            message=f"{use.what}: the feature `{feature.name}` was removed in {feature.since}",
            notes=tuple(filter(None, [feature.note])),
        )
    if feature.status is Status.STABLE:
        return _stable(use, feature)
    if not channel.allows_unstable(use.unit):
        return _refused(use, feature, channel)
    if not use.enabled and feature.enabled_by:
        message = f"{use.what} needs the feature `{feature.name}` ({feature.summary}), which is not switched on"
        return Diagnostic(code=CODE, message=message, help=(f"add {_line(feature.enabled_by)}",))
    return None


def _stable(use: Use, feature: Feature) -> Diagnostic | None:
    """A stable feature needs no asking; say so where the configuration still asks."""
    asking = feature.enabled_by
    if asking is None or tuple(part for part in use.path if isinstance(part, str)) != asking.key:
        return None
    message = f"the feature `{feature.name}` is stable since {feature.since}, {use.what} is no longer needed"
    return Diagnostic(code=CODE, severity=Severity.WARNING, message=message)


def _refused(use: Use, feature: Feature, channel: Channel) -> Diagnostic:
    """The channel does not allow an unstable feature."""
    notes = [
        f"the channel is `{channel.name}`{f' ({channel.reason})' if channel.reason else ''}; unstable features need `nightly` or `dev`"
    ]
    remedy = 'set `channel = "nightly"` under `[rust]`'
    if channel.bootstrap == "-1":
        notes = [f"{VARIABLE}=-1 makes every channel behave as stable"]
        remedy = f"unset {VARIABLE}" + ("" if channel.name in UNSTABLE else f" and {remedy}")
    elif channel.bootstrap:
        notes.append(f"{VARIABLE}={channel.bootstrap} allows them for the units that it names")
    if feature.issue:
        notes.append(f"see issue {feature.issue}")
    add = () if use.enabled or not feature.enabled_by else (f"then add {_line(feature.enabled_by)}",)
    message = f"{use.what} needs the feature `{feature.name}` ({feature.summary}), which is unstable"
    return Diagnostic(code=CODE, message=message, label=f"not allowed on {channel.name}", notes=tuple(notes), help=(remedy, *add))


def require_all(
    found: Sequence[Use],
    channel: Channel,
    *,
    span_of: Callable[[Path], Span | None],
    channel_key: Path | None = None,
    features: Sequence[Feature] = FEATURES,
) -> list[Diagnostic]:
    """What is to be said about all uses `found`: each feature once, at its first place, with those that follow beside it.

    `channel_key` is the key of the channel, where it is set. No place is looked for when there is nothing to say.
    """
    answers: dict[str, list[tuple[Use, Diagnostic]]] = {}
    for use in found:
        answer = require(use, channel, features=features)
        if answer:
            answers.setdefault(use.feature, []).append((use, answer))
    told = sorted(
        (_summed_up(each, span_of) for each in answers.values()),
        key=lambda each: (each.span.line, each.span.column) if each.span else (0, 0),
    )
    return list(_once(told, span_of(channel_key) if told and channel_key else None))


def _summed_up(answers: Sequence[tuple[Use, Diagnostic]], span_of: Callable[[Path], Span | None]) -> Diagnostic:
    """The first answer about a feature, at its place, with the places of the others."""
    (use, answer), *others = answers
    places = dict.fromkeys(filter(None, (span_of(other.path) for other, _ in others[:MAX_PLACES])))
    more = (f"and in {len(others) - MAX_PLACES} more places",) if len(others) > MAX_PLACES else ()
    related = tuple(Related(span=span, message="and here") for span in places)
    return dataclasses.replace(answer, span=span_of(use.path), related=related, notes=(*answer.notes, *more))


def _once(told: Iterable[Diagnostic], channel_span: Span | None) -> Iterator[Diagnostic]:
    """The same diagnostics, with the reasons of the channel, and where it is set, only at the first that it refuses."""
    said: set[str] = set()
    for each in told:
        notes = tuple(note for note in each.notes if note not in said)
        is_first = each.label and not said
        said.update(notes if each.label else ())
        place = (Related(span=channel_span, message="the channel is set here"),) if channel_span and is_first else ()
        yield dataclasses.replace(each, notes=notes, related=(*place, *each.related))


def _line(gate: Gate) -> str:
    """The line to write, and where."""
    *table, name = gate.key
    return f"`{name} = {_literal(gate.value)}`" + (f" under `[{'.'.join(table)}]`" if table else "")


def _literal(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path if isinstance(part, str))
