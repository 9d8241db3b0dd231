"""C13 to C15 and C17: gates, features, symbols and flags."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.cfg.facts import Facts
from bootstrap.cfg.lists import Entry
from bootstrap.cfg.rules.rule import PREDICATES, Finding, beside, rule
from bootstrap.cfg.rust.features import Feature
from bootstrap.diagnostics import Severity

NAMED_OTHERWISE = frozenset(
    {"autodiff", "fmt_debug", "cfg_sanitizer_cfi", "cfg_target_has_atomic", "cfg_target_has_reliable_f16_f128", "cfg_emscripten_wasm_eh"}
)
"""Features whose name is not `cfg_` and the cfg's, on purpose."""
TOP = "--"


@rule("E0163", "the feature of a gate is declared and unstable", Severity.ERROR, "gated", "features")
def feature_is_declared(facts: Facts) -> Iterator[Finding]:
    """The feature of each row of G is declared with a version and, unless it is internal, an issue; an accepted one needs no gate.

    The other way round, an unstable feature `cfg_NAME` of a cfg has its row.
    """
    for entry in facts.lists.entries("gated"):
        yield from _judged(entry, (facts.features or {}).get(entry.feature))
    gates = {each.feature for each in facts.lists.entries("gated")}
    names = set(facts.lists.names())
    for feature in (facts.features or {}).values():
        cfg = feature.name.removeprefix("cfg_")
        if feature.name not in {*gates, cfg} and cfg in names and feature.status not in {"accepted", "removed"}:
            yield Finding(
                name=cfg, message=f"the feature `{feature.name}` is {feature.status}, and no row gates `{cfg}`", span=feature.span
            )


def _judged(entry: Entry, feature: Feature | None) -> Iterator[Finding]:
    """What is wrong with the feature of one gate."""
    if feature is None:
        message = f"the gate of `{entry.name}` needs the feature `{entry.feature}`, which is not declared"
        yield Finding(name=entry.name, message=message, span=entry.span)
    elif feature.status in {"accepted", "removed"}:
        places = beside((feature.span, f"{feature.status} here"))
        message = f"`{entry.name}` is gated by `{entry.feature}`, which is {feature.status}"
        yield Finding(name=entry.name, message=message, span=entry.span, related=places)
    elif not feature.version or (feature.issue is None and feature.status != "internal"):
        lacks = "version" if not feature.version else "tracking issue"
        message = f"the feature `{entry.feature}` of the gate of `{entry.name}` has no {lacks}"
        yield Finding(name=entry.name, message=message, span=feature.span)


@rule("E0164", "the feature of a gate is called cfg_NAME", Severity.NOTE, "gated")
def feature_is_named(facts: Facts) -> Iterator[Finding]:
    """The names of features follow those of the cfgs."""
    for entry in facts.lists.entries("gated"):
        if entry.feature and entry.feature != f"cfg_{entry.name}" and entry.feature not in NAMED_OTHERWISE:
            yield Finding(
                name=entry.name,
                message=f"the feature of `{entry.name}` is called `{entry.feature}`, not `cfg_{entry.name}`",
                span=entry.span,
            )


@rule("E0165", "every symbol of a cfg is used", Severity.WARNING, "symbols", "unused")
def symbols_are_used(facts: Facts) -> Iterator[Finding]:
    """A symbol of a cfg or of its gate that nothing uses was left behind, or its feature was forgotten."""
    for name in sorted(facts.unused or ()):
        if facts.symbols is not None:
            yield Finding(
                name=name,
                message=f"the symbol `{name}` is used nowhere, and no feature has its name",
                span=facts.symbols[name].span,
                label="interned here",
            )


@rule("E0167", "the flag that controls a cfg exists, and one of -Z is gated", Severity.ERROR, "disallowed", "options")
def flags_exist(facts: Facts) -> Iterator[Finding]:
    """The flag that X shows is an option of the compiler; what an unstable one controls is gated or nightly-only."""
    gates = facts.lists.forms("gated")
    for entry in facts.lists.entries("disallowed"):
        group, name = _option(entry)
        if name not in (facts.options or {}).get(group, ()):
            yield Finding(
                name=entry.name,
                message=f"`{entry.name}` is said to be controlled by `{entry.controlled_by}`, and there is no such flag",
                span=entry.span,
            )
        elif group == "Z" and facts.lists.has("gated") and entry.name not in {*gates, *PREDICATES}:
            yield Finding(
                name=entry.name,
                message=f"`{entry.name}` is controlled by the unstable `{entry.controlled_by}`, and no feature gates it",
                span=entry.span,
            )


def _option(entry: Entry) -> tuple[str, str]:
    """The group and the name of an entry's flag: `-Z sanitizer=cfi` is sanitizer of Z, `--crate-type X` is crate-type of none."""
    first, *rest = entry.controlled_by.split()
    if first.startswith(TOP):
        return "", first.removeprefix(TOP).split("=")[0]
    name = rest[0] if rest else first[2:]
    return first[1:2], name.split("=")[0].replace("-", "_")


RULES = (feature_is_declared, feature_is_named, symbols_are_used, flags_exist)
