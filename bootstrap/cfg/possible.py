"""Whether a cfg expression can be true at all: for some target, and some cfgs that are set beside it.

The expression is searched for one set of its options that may hold together (an analytic tableau). Which may, the table of cfgs says: a
name with one value at a time has no second one, an operating system has its families, Enzyme cannot be there and missing at once. What the
table does not know may always hold, and so may a value that a newer rustc could bring.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bootstrap.cfg import table, targets
from bootstrap.cfg.expression import Cfg, Expression, Literal, Option

STEPS = 5_000
"""How long is searched; what is not decided by then counts as possible."""
FAMILY, SYSTEM = "target_family", "target_os"
EITHER = (("llvm_enzyme", "autodiff_fallback"),)
"""Names of which one at most is set."""

Wanted = tuple[Expression, bool, "Wanted"] | None
"""A part of the expression, whether it is to be true, and what is wanted besides."""
Assumed = Mapping[Cfg, bool]
State = tuple[Wanted, Assumed]


def possible(expression: Expression, given: Assumed | None = None) -> bool:
    """Whether `expression` is true for some target and some setting of its options, where `given` holds as it says."""
    assumed = {_same(cfg): value for cfg, value in (given or {}).items()}
    states: list[State] = [((expression, True, None), assumed)]
    for _ in range(STEPS):
        if not states:
            return False
        wanted, assumed_here = states.pop()
        if wanted is None:
            return True
        states += _next(*wanted, assumed_here)
    return True


def _next(each: Expression, value: bool, rest: Wanted, assumed: Assumed) -> Iterator[State]:  # noqa: FBT001 - as in `Wanted`
    """What is left to do, in one state for each way in which `each` can have its value."""
    if isinstance(each, Literal):
        if each.value == value:
            yield rest, assumed
    elif isinstance(each, Option):
        cfg = _same((each.name, each.value))
        if _agrees(cfg, value, assumed):
            yield rest, {**assumed, cfg: value}
    elif each.kind == "not":
        yield (each.operands[0], not value, rest), assumed
    elif (each.kind == "all") == value:
        # What leaves no choice comes first, so that it is not found wanting again in each of the others' ways.
        for operand in sorted(each.operands, key=lambda operand: isinstance(operand, Option | Literal)):
            rest = (operand, value, rest)
        yield rest, assumed
    else:
        yield from (((operand, value, rest), assumed) for operand in each.operands)


def _same(cfg: Cfg) -> Cfg:
    """`unix` and `windows` as the families that they stand for."""
    return (FAMILY, cfg[0]) if cfg in {("unix", None), ("windows", None)} else cfg


def _agrees(cfg: Cfg, value: bool, assumed: Assumed) -> bool:  # noqa: FBT001 - as above
    """Whether a cfg can have this value beside those that are `assumed`."""
    if cfg in assumed:
        return assumed[cfg] == value
    if value and not _is_ever_set(cfg):
        return False
    together = {**assumed, cfg: value}
    return _one_value(cfg[0], together) and _one_of_two(cfg, together) and _families(together)


def _is_ever_set(cfg: Cfg) -> bool:
    """Whether a cfg has a form in which it can be set: with a value, or without one."""
    row = table.by_name().get(cfg[0])
    if row is None:
        return True
    return row.forms.bare if cfg[1] is None else row.forms.values != frozenset()


def _one_value(name: str, assumed: Assumed) -> bool:
    """A name of which one value is set has not two of them, and has not none of all that there are."""
    row = table.by_name().get(name)
    if row is None or not row.one_value:
        return True
    true = [each for each, value in assumed.items() if value and each[0] == name]
    false = {each[1] for each, value in assumed.items() if not value and each[0] == name}
    values = row.forms.values if row.set_by is table.SetBy.TARGET else None
    return len(true) <= 1 and not (values and values <= false)


def _one_of_two(cfg: Cfg, assumed: Assumed) -> bool:
    return not any(cfg[0] in pair and all(assumed.get((name, None), False) for name in pair) for pair in EITHER)


def _families(assumed: Assumed) -> bool:
    """Whether a target of the operating system that is assumed, or any target at all, has these families and not those."""
    system = next((value for (name, value), holds in assumed.items() if holds and name == SYSTEM), None)
    wanted = {value for (name, value), holds in assumed.items() if holds and name == FAMILY}
    unwanted = {value for (name, value), holds in assumed.items() if not holds and name == FAMILY}
    known = targets.families()
    combinations = known.get(system or "") or frozenset().union(*known.values())
    is_new = wanted - frozenset().union(*combinations) - targets.values(FAMILY)
    return bool(is_new) or any(wanted <= families and not unwanted & families for families in combinations)
