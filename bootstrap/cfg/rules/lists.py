"""C1 to C12, C16, C29 and C30: the lists agree with each other, in names, forms and values."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bootstrap.cfg.expression import shown
from bootstrap.cfg.facts import Facts
from bootstrap.cfg.lists import Entry, Forms, Lists
from bootstrap.cfg.rules.rule import INTERNAL, PREDICATES, RESERVED, TOOLS, USE_GATED, USER_SPACE, Finding, beside, rule
from bootstrap.diagnostics import Severity

WHOLE = Forms(bare=True, values=None)
NUMBERS = {word: number for number, word in enumerate(["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], 2)}


@rule("E0151", "every cfg that is set is well known", Severity.ERROR, "default", "well_known")
def set_is_known(facts: Facts) -> Iterator[Finding]:
    """A name in D is in W, but for user-space and internal ones."""
    known = facts.lists.forms("well_known")
    for name in facts.lists.forms("default"):
        if name not in known and name not in USER_SPACE | INTERNAL:
            entry = facts.lists.first("default", name)
            yield Finding(name=name, message=f"`{name}` is set by default and is not well known", span=entry.span, label="it is set here")


@rule("E0152", "every well-known cfg is set, or a tool sets it", Severity.ERROR, "default", "well_known", "complete")
def known_is_set(facts: Facts) -> Iterator[Finding]:
    """A name in W is in D or belongs to a tool."""
    default = facts.lists.forms("default")
    for name in facts.lists.forms("well_known"):
        if name not in default and name not in TOOLS | USER_SPACE:
            entry = facts.lists.first("well_known", name)
            yield Finding(name=name, message=f"`{name}` is well known and is never set", span=entry.span, label="it is expected here")


@rule("E0153", "every cfg that is set is disallowed for --cfg", Severity.ERROR, "default", "disallowed")
def set_is_disallowed(facts: Facts) -> Iterator[Finding]:
    """A name in D is in X, but for `test`."""
    refused = facts.lists.forms("disallowed")
    for name in facts.lists.forms("default"):
        if name not in refused and name not in USER_SPACE:
            entry = facts.lists.first("default", name)
            yield Finding(
                name=name, message=f"`{name}` is set by default and `--cfg` may set it too", span=entry.span, label="it is set here"
            )


@rule("E0154", "what tools and users set is not disallowed", Severity.ERROR, "disallowed")
def reserved_is_allowed(facts: Facts) -> Iterator[Finding]:
    """X has no name that Cargo, a tool or the build system passes."""
    for name in facts.lists.forms("disallowed"):
        if name in RESERVED:
            entry = facts.lists.first("disallowed", name)
            yield Finding(
                name=name, message=f"`{name}` is disallowed, and yet it is others' to set", span=entry.span, label="it is refused here"
            )


@rule("E0155", "every form that is set is disallowed", Severity.ERROR, "default", "disallowed")
def forms_are_disallowed(facts: Facts) -> Iterator[Finding]:
    """The forms of X cover those of D; values are C8's."""
    refused, default = facts.lists.forms("disallowed"), facts.lists.forms("default")
    for name in refused:
        for form, word in missing(default.get(name, Forms()), refused[name]):
            entry = with_form(facts.lists, "default", name, form)
            places = beside((facts.lists.first("disallowed", name).span, "only these forms are refused"))
            yield Finding(
                name=f"{name} {form}",
                message=f"{word} `{name}` is set by default and `--cfg` may set it too",
                span=entry.span,
                label=f"{word} `{name}` is set here" + (", on nightly" if entry.nightly else ""),
                related=places,
            )


@rule("E0156", "every form that is expected can be set", Severity.WARNING, "default", "well_known", "complete")
def forms_can_be_set(facts: Facts) -> Iterator[Finding]:
    """The forms of W are among those of D, for names that are set."""
    known, default = facts.lists.forms("well_known"), facts.lists.forms("default")
    for name in known:
        for form, word in missing(known[name], default[name]) if name in default else ():
            entry = facts.lists.first("well_known", name)
            places = beside((facts.lists.first("default", name).span, "what is set"))
            yield Finding(
                name=f"{name} {form}",
                message=f"{word} `{name}` is expected and can never be set",
                span=entry.span,
                label="it is expected here",
                related=places,
            )


@rule("E0157", "there is one policy about forms that do not exist", Severity.NOTE, "default", "well_known", "disallowed")
def forms_follow_a_policy(facts: Facts) -> Iterator[Finding]:
    """Either X refuses every form of each of its names, or only those of W and D: what is refused, or let through, beside that is told."""
    refused, known, default = (facts.lists.forms(which) for which in ("disallowed", "well_known", "default"))
    if all(forms == WHOLE for forms in refused.values()):
        return
    for name, forms in refused.items():
        there = known.get(name, Forms()) | default.get(name, Forms())
        for form, word in missing(forms, there):
            entry = with_form(facts.lists, "disallowed", name, form)
            yield Finding(name=f"{name} {form}", message=f"{word} `{name}` is disallowed and is neither set nor expected", span=entry.span)
        for form, word in missing(WHOLE, forms | there):
            entry = facts.lists.first("disallowed", name)
            yield Finding(name=f"{name} {form} free", message=f"`{name}` is disallowed, and yet {word} `{name}` is not", span=entry.span)
        if forms.values:
            entry = facts.lists.first("disallowed", name)
            listed = ", ".join(f"`{each}`" for each in sorted(forms.values))
            yield Finding(name=f"{name} values", message=f"`{name}` is disallowed with {listed}, and with no other value", span=entry.span)


@rule("E0158", "a list of disallowed values has every value", Severity.ERROR, "disallowed", "well_known")
def values_are_disallowed(facts: Facts) -> Iterator[Finding]:
    """Where X lists values, they are those of W."""
    for name, forms in facts.lists.forms("disallowed").items():
        expected = known_values(facts, name)
        if not forms.values or expected is None:
            continue
        entry = facts.lists.first("disallowed", name)
        for value in sorted(expected - forms.values):
            yield Finding(
                name=shown((name, value)),
                message=f"`{shown((name, value))}` is not disallowed, other values of `{name}` are",
                span=entry.span,
            )
        for value in sorted(forms.values - expected):
            yield Finding(
                name=shown((name, value)),
                message=f"`{shown((name, value))}` is disallowed, and `{name}` has no such value",
                span=entry.span,
            )


@rule("E0159", "every value that is expected can be set", Severity.WARNING, "default", "well_known", "complete")
def values_can_be_set(facts: Facts) -> Iterator[Finding]:
    """No value of W is rewritten to another before it is set; where D lists values, W has no more."""
    for value, rewrite in facts.unreachable or ():
        for name in facts.lists.forms("well_known"):
            expected = known_values(facts, name)
            if expected is not None and value in expected:
                label = f"`{rewrite.before}` becomes `{rewrite.after}` before it is set"
                place = facts.values[name][1] if facts.values and name in facts.values else facts.lists.first("well_known", name).span
                yield Finding(
                    name=shown((name, value)),
                    message=f"`{shown((name, value))}` is expected and can never be set",
                    span=rewrite.span,
                    label=label,
                    related=beside((place, "it is expected here")),
                )
    for name, forms in facts.lists.forms("default").items():
        expected = known_values(facts, name)
        for value in sorted(expected - forms.values) if forms.values and expected is not None else ():
            entry = facts.lists.first("default", name)
            yield Finding(
                name=shown((name, value)),
                message=f"`{shown((name, value))}` is expected and can never be set",
                span=entry.span,
                label="what is set",
            )


@rule("E0160", "a gated cfg is well known, and set on nightly alone or on purpose", Severity.WARNING, "default", "well_known", "gated")
def gated_is_known(facts: Facts) -> Iterator[Finding]:
    """A name in G is in W, or internal and in D; it is set by nightly builds only, or it is known that only its use is gated."""
    known, default = facts.lists.forms("well_known"), facts.lists.forms("default")
    for entry in facts.lists.entries("gated"):
        if entry.name in INTERNAL - set(default) and facts.complete:
            message = f"`{entry.name}` is gated, and is neither set nor well known"
            yield Finding(name=entry.name, message=message, span=entry.span, label="it is gated here", severity=Severity.ERROR)
        if entry.name in PREDICATES | INTERNAL:
            continue
        if entry.name not in known:
            yield Finding(
                name=entry.name, message=f"`{entry.name}` is gated and is not well known", span=entry.span, label="it is gated here"
            )
        stable = [each for each in facts.lists.entries("default") if each.name == entry.name and not each.nightly]
        if stable and entry.name in default and entry.name not in USE_GATED:
            message = f"`{entry.name}` is gated, and yet it is set on every channel"
            yield Finding(
                name=entry.name,
                message=message,
                span=stable[0].span,
                label="this needs no nightly",
                related=beside((entry.span, "it is gated here")),
            )


@rule("E0162", "what only nightly sets is gated", Severity.ERROR, "default", "gated")
def nightly_is_gated(facts: Facts) -> Iterator[Finding]:
    """A form that only a nightly build sets belongs to a name in G: else it differs silently between channels."""
    gates = facts.lists.forms("gated")
    for entry in facts.lists.entries("default"):
        if entry.nightly and entry.name not in gates:
            word = "bare " if entry.forms.bare else ""
            yield Finding(
                name=entry.name,
                message=f"{word}`{entry.name}` is only set on nightly, and no feature gates it",
                span=entry.span,
                label="set here, on nightly",
            )


@rule("E0166", "the lists are in alphabetical order", Severity.NOTE, "paragraphs")
def in_order(facts: Facts) -> Iterator[Finding]:
    """The insertions in D and W that stand in no loop and under no comment are sorted, and so are the symbols, in one of two orders."""
    for which, paragraphs in (facts.paragraphs or {}).items():
        entries = [each for paragraph in paragraphs if not paragraph.comment for each in paragraph.entries]
        for before, after in itertools.pairwise(entries):
            if after.name < before.name:
                list_name = "default configuration" if which == "default" else "well-known list"
                yield Finding(
                    name=f"{which} {after.name}", message=f"`{after.name}` stands after `{before.name}` in the {list_name}", span=after.span
                )
    for previous, name in min((_disorder(facts.symbols or (), key) for key in (str, by_number)), key=len):
        yield Finding(
            name=f"symbol {name}",
            message=f"the symbol `{name}` stands after `{previous}`",
            span=facts.symbols[name].span if facts.symbols else None,
        )


def _disorder(names: Iterable[str], key: Callable[[str], Any]) -> list[tuple[str, str]]:
    return [(before, after) for before, after in itertools.pairwise(names) if key(after) < key(before)]


def by_number(name: str) -> list[tuple[int, str]]:
    """The order in which `f16` stands before `f128`, which the symbols have since rustc's tidy sorts so."""
    return [(int(word), word) if word.isdecimal() else (-1, word) for word in re.split(r"(\d+)", name) if word]


@rule("E0179", "comments that count are right", Severity.NOTE, "paragraphs")
def counts_are_right(facts: Facts) -> Iterator[Finding]:
    """`these four` stands before four insertions."""
    for paragraphs in (facts.paragraphs or {}).values():
        for each in paragraphs:
            said = each.comment.lower().split()
            number = next((NUMBERS[after] for before, after in itertools.pairwise(said) if before == "these" and after in NUMBERS), None)
            if number is not None and number != len(each.entries):
                names = ", ".join(entry.name for entry in each.entries)
                yield Finding(
                    name=names, message=f"the comment speaks of {number}, and {len(each.entries)} follow: {names}", span=each.span
                )


def missing(wanted: Forms, there: Forms) -> Iterator[tuple[str, str]]:
    """The forms, bare or with a value, of `wanted` that `there` has not; each with the word for it in a sentence."""
    if wanted.bare and not there.bare:
        yield "bare", "bare"
    if wanted.valued and not there.valued:
        yield "valued", "valued"


def with_form(lists: Lists, which: str, name: str, form: str) -> Entry:
    """The entry of a name that has a form."""
    return next(each for each in lists.entries(which) if each.name == name and (each.forms.bare if form == "bare" else each.forms.valued))


def known_values(facts: Facts, name: str) -> frozenset[str] | None:
    """The values that are expected of a name: from its list, else from the snapshot; None where neither tells."""
    forms = facts.lists.forms("well_known").get(name)
    if forms is None:
        return None
    if forms.values is not None:
        return forms.values
    listed = facts.values.get(name) if facts.values else None
    return frozenset(each for each in listed[0] if each is not None) if listed else None


RULES = (
    *(set_is_known, known_is_set, set_is_disallowed, reserved_is_allowed, forms_are_disallowed, forms_can_be_set, forms_follow_a_policy),
    *(values_are_disallowed, values_can_be_set, gated_is_known, nightly_is_gated, in_order, counts_are_right),
)
