"""The audit: rules over the facts of a source, and what it could not answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bootstrap.cfg import table
from bootstrap.cfg.facts import Facts
from bootstrap.cfg.rules import RULES, Rule, difference
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


def _where(diagnostic: Diagnostic) -> tuple[Path, int, int]:
    span = diagnostic.span
    return (span.path, span.line, span.column) if span else (Path(), 0, 0)
