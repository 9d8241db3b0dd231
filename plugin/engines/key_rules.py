"""Rules between keys that only who knows the pinned artifacts can check; `check` asks them beside those of bootstrap/config/rules.py."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from bootstrap.config.model import Config
from bootstrap.config.rules import Rule, Violation
from bootstrap.diagnostics import Failure, Severity
from plugin.engines import provider

PINNED = frozenset({"auto", "pinned"})
"""The providers for which `enzyme.artifact` counts."""
_ARTIFACT = ("enzyme", "artifact")


def the_engine_is_pinned(config: Config, root: Path) -> Iterator[Violation]:
    """With derivatives switched on, the artifact must be an engine, and one for this machine."""
    del root
    if not config.llvm.enzyme or config.enzyme.provider not in PINNED:
        return
    name, engines = config.enzyme.artifact, provider.engines()
    if name not in engines:
        near = difflib.get_close_matches(name[:100], engines, n=1)
        listed = f"one of {', '.join(f'`{each}`' for each in engines)}"
        label = f"did you mean `{near[0]}`? {listed}" if near else listed
        yield Violation(code="E0278", key=_ARTIFACT, message=f"`{name}` is no pinned engine", label=label)
        return
    try:
        provider.artifact(name)
    except Failure as failure:
        (found,) = failure.diagnostics
        yield Violation(
            code="E0279",
            key=_ARTIFACT,
            message=f"{found.message}; units are built without their derivatives",
            label="; ".join(found.notes),
            other=("llvm", "enzyme"),
            other_label="derivatives are switched on here",
            severity=Severity.WARNING,
        )


RULES = (Rule(keys=(("llvm", "enzyme"), ("enzyme", "provider"), _ARTIFACT), check=the_engine_is_pinned),)
