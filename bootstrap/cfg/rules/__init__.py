"""The rules of the audit, in the order of their numbers."""

from __future__ import annotations

from bootstrap.cfg.rules import build, features, lists, suites
from bootstrap.cfg.rules.rule import Rule

RULES: tuple[Rule, ...] = tuple(sorted((*lists.RULES, *features.RULES, *suites.RULES, *build.RULES), key=lambda rule: rule.code))

__all__ = ["RULES", "Rule"]
