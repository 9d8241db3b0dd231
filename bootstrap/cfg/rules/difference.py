"""C11 and C30, which compare a source with an older one: nothing becomes stable by accident, and nothing is left of what was removed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from bootstrap.cfg.facts import Facts
from bootstrap.cfg.lists import LETTERS, LISTS
from bootstrap.cfg.rules.rule import USER_SPACE, Finding, Rule
from bootstrap.diagnostics import Severity


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An older and a newer source."""

    old: Facts
    new: Facts


def insta_stable(pair: Pair) -> Iterator[Finding]:
    """A name that is new in D is gated or nightly-only, or it was, and its feature has been accepted since."""
    before, gates = pair.old.lists.forms("default"), pair.new.lists.forms("gated")
    accepted = {each.name for each in (pair.new.features or {}).values() if each.status == "accepted"}
    for name in pair.new.lists.forms("default"):
        entries = [each for each in pair.new.lists.entries("default") if each.name == name]
        passed = name in gates or f"cfg_{name}" in accepted or name in USER_SPACE
        if name not in before and not passed and not all(each.nightly for each in entries):
            yield Finding(
                name=name,
                message=f"`{name}` is new, and stable at once: no feature gates it and every channel sets it",
                span=entries[0].span,
            )


def left_behind(pair: Pair) -> Iterator[Finding]:
    """A name that is gone from D is gone from W, X and G too, and its feature is removed."""
    now = pair.new.lists.forms("default")
    for name in pair.old.lists.forms("default"):
        if name in now:
            continue
        for which in LISTS[1:]:
            for entry in pair.new.lists.entries(which):
                if entry.name == name:
                    yield Finding(
                        name=f"{name} {which}",
                        message=f"`{name}` is no longer set, and is still in the list {LETTERS[which]}",
                        span=entry.span,
                    )
        symbol = (pair.new.symbols or {}).get(name)
        if symbol is not None and name in (pair.new.unused or ()):
            yield Finding(name=f"{name} symbol", message=f"`{name}` is no longer set, and its symbol is still there", span=symbol.span)
        yield from _feature_left(pair, name)


def _feature_left(pair: Pair, name: str) -> Iterator[Finding]:
    gate = next((each.feature for each in pair.old.lists.entries("gated") if each.name == name), None)
    feature = (pair.new.features or {}).get(gate or "")
    if (
        feature is not None
        and feature.status in {"unstable", "incomplete"}
        and gate not in {each.feature for each in pair.new.lists.entries("gated")}
    ):
        yield Finding(
            name=f"{name} feature", message=f"`{name}` is gone, and its feature `{gate}` is still {feature.status}", span=feature.span
        )


def _never(facts: Facts) -> Iterator[Finding]:
    """These rules are asked with two sources."""
    del facts
    return iter(())


INSTA_STABLE = Rule(code="E0161", title="a new cfg is gated or nightly-only", severity=Severity.ERROR, needs=(), check=_never)
LEFT_BEHIND = Rule(code="E0180", title="of a removed cfg nothing is left", severity=Severity.ERROR, needs=(), check=_never)
RULES = ((INSTA_STABLE, insta_stable), (LEFT_BEHIND, left_behind))
