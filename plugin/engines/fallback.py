"""A machine without an engine: units are compiled without their derivatives, and the cfg `autodiff_fallback` tells their sources so.

That is for channels that allow unstable features; on others a missing engine ends a build. A machine has no engine when the artifact
that the configuration names is not pinned for its platform, or not able to run there. What a user got wrong, a name for one, is no reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bootstrap.config import Resolved
from bootstrap.diagnostics import Diagnostic, Failure, Severity
from plugin.engines import provider
from plugin.target import target_of

if TYPE_CHECKING:
    from plugin.plan import Plan

CODE = "E0240"
UNAVAILABLE = "E0306"
PINNED = frozenset({"auto", "pinned"})
"""The providers that take an artifact of the pinned list; what the others name is the user's, and must be there."""


def missing_engine(resolved: Resolved) -> Diagnostic | None:
    """Why this machine has no engine for the configuration; None when it has one, needs none, or may not do without."""
    config = resolved.config
    if not config.llvm.enzyme or config.enzyme.provider not in PINNED or not resolved.channel.allows_unstable():
        return None
    try:
        provider.artifact(config.enzyme.artifact)
    except Failure as failure:
        missing = next((each for each in failure.diagnostics if each.code == UNAVAILABLE), None)
        return None if missing and config.enzyme.provider == "auto" and _is_replaced(resolved) else missing
    return None


def _is_replaced(resolved: Resolved) -> bool:
    """Whether another engine than the one that is named can be used."""
    from plugin.engines import choice as engines  # noqa: PLC0415 - a build with nothing to do need not know where engines come from

    return engines.available(resolved.config, target_of(resolved.config), resolved.root)


def warnings(resolved: Resolved, plans: Sequence[Plan]) -> list[Diagnostic]:
    """What is to be said of units that are built without derivatives: one warning, which names the derivatives and checks left out."""
    reason = next((each.missing_engine for each in plans if each.missing_engine), None)
    if reason is None:
        return []
    units = [resolved.config.unit[each.name] for each in plans]
    targets = [f"`{each.target}`" for unit in units for each in unit.autodiff]
    checks = sum(len(unit.verify) for unit in units)
    left_out = (
        *([f"not made, and left as the sources have them: {', '.join(targets)}"] if targets else []),
        *([f"skipped: {checks} entr{'y' if checks == 1 else 'ies'} of `verify`"] if checks else []),
    )
    return [warning(resolved, reason, *left_out)]


def warning(resolved: Resolved, reason: Diagnostic, *left_out: str) -> Diagnostic:
    """The warning that there is no engine, for the `reason` that `missing_engine` gave."""
    return Diagnostic(
        code=CODE,
        severity=Severity.WARNING,
        message="there is no engine for this machine: units are compiled without derivatives",
        notes=(reason.message, *reason.notes, *left_out),
        help=(
            "under the cfg `autodiff_fallback`, in C `HOLOENZYME_CFG_AUTODIFF_FALLBACK`, the sources can do something else instead",
            f"`-D {CODE}` makes this an error",
        ),
        span=resolved.span_of(("llvm", "enzyme")),
    )
