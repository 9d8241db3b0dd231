"""The audit: rules over the facts of a source, and what it could not answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from bootstrap.cfg import lists, table
from bootstrap.cfg.facts import Facts
from bootstrap.cfg.lists import Difference, Entry, Forms, Lists
from bootstrap.cfg.rules import RULES, Rule, difference
from bootstrap.cfg.rules.lists import known_values
from bootstrap.cfg.rules.rule import PREDICATES
from bootstrap.diagnostics import Diagnostic, Severity

WEIGHT = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def own() -> Facts:
    """The facts of our own table."""
    return Facts(lists=table.lists())


def audit(facts: Facts, rules: Sequence[Rule] = RULES) -> list[Diagnostic]:
    """What is wrong: the gaps, then the findings of each rule that the source can answer; errors first."""
    findings = [rule.diagnostic(each) for rule in rules if rule.answers(facts) for each in rule.check(facts)]
    return [*facts.gaps, *sorted(findings, key=lambda each: (WEIGHT[each.severity], each.code, _where(each)))]


def unanswered(facts: Facts, rules: Sequence[Rule] = RULES) -> list[Rule]:
    """The rules that the source cannot answer."""
    return [each for each in rules if not each.answers(facts)]


def compare(old: Facts, new: Facts) -> list[Diagnostic]:
    """What the rules about two versions find, and the gaps of both."""
    pair = difference.Pair(old=old, new=new)
    return [*old.gaps, *new.gaps, *(rule.diagnostic(each) for rule, check in difference.RULES for each in check(pair))]


def differences(old: Facts, new: Facts) -> list[Difference]:
    """What the lists of the newer source add, remove and change, with the values that its snapshots tell.

    A compiler does not tell where a cfg is set, nor which of the gated ones are predicates: of that nothing is said where one is compared.
    """
    seen_alone = old.complete is None or new.complete is None
    return lists.differences(_told(old, seen_alone=seen_alone), _told(new, seen_alone=seen_alone))


def _told(facts: Facts, *, seen_alone: bool) -> Lists:
    """The lists, with the values of W from the snapshot where the list computes them; `seen_alone`: what a compiler can tell too."""
    told = facts.lists
    if told.well_known is not None and facts.values:
        told = dataclasses.replace(told, well_known=tuple(_with_values(facts, each) for each in told.well_known))
    if not seen_alone:
        return told
    default = None if told.default is None else tuple(dataclasses.replace(each, elsewhere=False, nightly=False) for each in told.default)
    gated = None if told.gated is None else tuple(each for each in told.gated if each.name not in PREDICATES)
    return dataclasses.replace(told, default=default, gated=gated)


def _with_values(facts: Facts, entry: Entry) -> Entry:
    values = known_values(facts, entry.name)
    return entry if values is None else dataclasses.replace(entry, forms=Forms(bare=entry.forms.bare, values=values))


def _where(diagnostic: Diagnostic) -> tuple[Path, int, int]:
    span = diagnostic.span
    return (span.path, span.line, span.column) if span else (Path(), 0, 0)
