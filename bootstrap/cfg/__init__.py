"""cfgs: conditions for units and sources, the lists that must agree about them, and their audit.

`active` and `holds` are what a build asks; `check` is what is wrong with a configuration's cfgs. The audit is in bootstrap.cfg.audit.
"""

from __future__ import annotations

from bootstrap.cfg.configured import active, c_flags, check, expected, passed, rustc_flags, users, when_of
from bootstrap.cfg.expression import Cfg, Expression, holds, parse, shown

__all__ = [
    "Cfg",
    "Expression",
    "active",
    "c_flags",
    "check",
    "expected",
    "holds",
    "parse",
    "passed",
    "rustc_flags",
    "shown",
    "users",
    "when_of",
]
