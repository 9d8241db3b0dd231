"""How severe a lint or a rule is: its own severity, unless `-A`, `-W` or `-D` says otherwise; the last one that names it wins.

A name is a code (`E0258`), the name of a lint (`unexpected_cfgs`), a rule of the audit (`C6`), or `warnings` for everything that warns.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Iterable

from bootstrap.diagnostics import Diagnostic, Severity, fail

DISALLOWED = "E0258"
UNEXPECTED = "E0259"
LINTS = {"explicit_builtin_cfgs_in_flags": DISALLOWED, "unexpected_cfgs": UNEXPECTED}
RULE = re.compile(r"C([1-9]|[12]\d|3[01])")
CODE = re.compile(r"E01\d\d|E024[08]|E025[89]")
SEVERITIES = {"-A": None, "-W": Severity.WARNING, "-D": Severity.ERROR}

Level = tuple[str, str]
"""The flag and the code, or `warnings`."""


def given(options: argparse.Namespace) -> tuple[Level, ...]:
    """The levels of the command line. Raises `Failure` (E0257) for a name that there is not."""
    return tuple((flag, code_of(name)) for flag, name in getattr(options, "levels", None) or ())


def code_of(name: str) -> str:
    """The code that a name stands for, or `warnings`."""
    rule = RULE.fullmatch(name)
    if rule:
        return f"E0{150 + int(rule[1])}"
    lint = LINTS.get(name.replace("-", "_"), name)
    if lint != "warnings" and not CODE.fullmatch(lint):
        raise fail(
            "E0257",
            f"there is no lint or rule `{name}`",
            help=[f"name a code, a rule (C1 to C31), `warnings`, or one of {', '.join(f'`{each}`' for each in LINTS)}"],
        )
    return lint


def apply(diagnostics: Iterable[Diagnostic], levels: Iterable[Level]) -> list[Diagnostic]:
    """`diagnostics` at their levels; without those that are allowed."""
    chosen = list(levels)
    return [changed for each in diagnostics if (changed := _leveled(each, chosen)) is not None]


def _leveled(diagnostic: Diagnostic, levels: list[Level]) -> Diagnostic | None:
    if not CODE.fullmatch(diagnostic.code):
        return diagnostic
    for flag, name in reversed(levels):
        if name == diagnostic.code or (name == "warnings" and diagnostic.severity is Severity.WARNING):
            severity = SEVERITIES[flag]
            return dataclasses.replace(diagnostic, severity=severity) if severity else None
    return diagnostic
