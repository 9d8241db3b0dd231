"""A derivative against central differences, with the library as its users call it: the job of a worker.

All arguments and results are seen as one vector function of the differentiable arguments. In reverse mode the shadows are preset to
weights, so what the derivative must add is the gradient of one scalar: the weighted sum of everything that the primal returns or
writes. In forward mode the tangents are drawn, so what it must give are derivatives along one direction. Differences are central, with
one step of Richardson's extrapolation, so their error is of fourth order in the step.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.diagnostics import Diagnostic, Failure
from plugin.activity import DiffMode
from plugin.native import Arguments, Call, Number, Vector, load
from plugin.signature import Derivative

if TYPE_CHECKING:
    from plugin.type_language import Type
    from plugin.worker import Begin

STEP = 2e-3
"""The step of the differences, relative to an argument of size 1 or more."""

ELEMENTS = 1000
"""Of a longer array this many elements are checked, drawn evenly."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One verify entry: `arguments` for the primal of `derivative`, `types` what was said of each one's type, `key` its place."""

    derivative: Derivative
    arguments: tuple[Number | tuple[Number, ...], ...]
    types: tuple[Type | None, ...]
    tolerance: float
    key: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a check: the largest relative difference, and where it was, with both values."""

    target: str
    error: float
    where: str
    found: float
    expected: float
    tolerance: float
    key: str

    @property
    def passed(self) -> bool:
        """Whether the derivative agrees within the tolerance; one that is not a number never does."""
        return self.error <= self.tolerance


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VerifyUnit:
    """The job: hold the derivatives of `library` against central differences."""

    library: Path
    checks: tuple[Check, ...]

    def run(self, begin: Begin) -> tuple[Verdict, ...]:
        """A verdict for each check, in order; raises `Failure` with each that cannot be made (E0519, E0520)."""
        library = load(self.library)
        verdicts: list[Verdict] = []
        faults: list[Diagnostic] = []
        for check in self.checks:
            begin(check.derivative.item.target)
            try:
                arguments = Arguments.build(check.derivative, check.arguments, check.types, check.key)
                call = Call(library, check.derivative)
            except Failure as failure:
                faults += (dataclasses.replace(each, key=each.key or f"{check.key}.target") for each in failure.diagnostics)
                continue
            measure = _reverse if check.derivative.item.mode is DiffMode.REVERSE else _forward
            verdicts.append(_verdict(check, measure(call, arguments)))
        if faults:
            raise Failure(*faults)
        return tuple(verdicts)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """One number of a derivative beside what the differences say; `scale` is how large its neighbours are."""

    where: str
    found: float
    expected: float
    scale: float

    @property
    def error(self) -> float:
        """The difference, relative to the larger of both, but at least to a thousandth of the largest neighbour."""
        if not (math.isfinite(self.found) and math.isfinite(self.expected)):
            return math.inf
        return abs(self.found - self.expected) / max(abs(self.found), abs(self.expected), 1e-3 * self.scale, 1e-12)


def _verdict(check: Check, comparisons: Sequence[_Comparison]) -> Verdict:
    worst = max(comparisons, key=lambda each: each.error, default=_Comparison(where="nothing", found=0, expected=0, scale=0))
    return Verdict(
        target=check.derivative.item.target,
        error=worst.error,
        where=worst.where,
        found=worst.found,
        expected=worst.expected,
        tolerance=check.tolerance,
        key=check.key,
    )


def _richardson(function: Callable[[float], Vector], point: float) -> Vector:
    """The derivative of a vector function of one number by central differences at two steps."""
    step = STEP * max(1.0, abs(point))
    coarse, fine = (_central(function, point, each) for each in (step, step / 2))
    return [(4 * b - a) / 3 for a, b in zip(coarse, fine, strict=True)]


def _central(function: Callable[[float], Vector], point: float, step: float) -> Vector:
    above, below = point + step, point - step
    return [(a - b) / (above - below) for a, b in zip(function(above), function(below), strict=True)]


def _sample(random_: random.Random, length: int) -> list[int]:
    return list(range(length)) if length <= ELEMENTS else sorted(random_.sample(range(length), ELEMENTS))


def _reverse(call: Call, arguments: Arguments) -> list[_Comparison]:
    random_ = random.Random(1)  # noqa: S311 - weights, not secrets
    item = call.derivative.item
    value, written = call.primal(arguments)
    duplicated = [index for index, activity in enumerate(item.inputs) if activity.has_shadow]
    weights = {index: [random_.uniform(0.5, 1.5) for _ in written[index]] for index in duplicated}
    seed = random_.uniform(0.5, 1.5) if item.ret.is_active else 0.0
    # What the primal leaves as it was passes its weight through; it is kept out of the sum, where it would only add rounding.
    changed = [index for index in duplicated if written[index] != arguments.vector(index)]

    def weighted_sum(at: Arguments) -> float:
        returned, after = call.primal(at)
        terms = (weight * entry for index in changed for weight, entry in zip(weights[index], after[index], strict=True))
        return math.fsum(terms) + (seed * returned if seed else 0.0)

    results, shadows = call.derived(arguments, weights, seed)
    gradients = list(results)
    comparisons = _value(call.derivative, gradients, value)
    for index, activity in enumerate(item.inputs):
        if not (activity.is_active or activity.has_shadow):
            continue
        length = len(shadows[index]) if activity.has_shadow else 1
        found = shadows[index] if activity.has_shadow else [gradients.pop(0)]
        passed = weights[index] if activity.has_shadow and index not in changed else [0.0] * length
        for element in _sample(random_, length):
            varied = functools.partial(_varied, weighted_sum, arguments, index, element)
            difference = _richardson(varied, arguments.number(index, element))
            name = f"the gradient of argument {index + 1}" + (f", element {element}" if activity.has_shadow else "")
            comparisons.append(_Comparison(where=name, found=found[element] - passed[element], expected=difference[0], scale=0.0))
    return _scaled(comparisons)


def _varied(function: Callable[[Arguments], float], arguments: Arguments, index: int, element: int, number: float) -> Vector:
    """A function of arguments as one of one of their numbers."""
    return [function(arguments.replaced(index, element, number))]


def _forward(call: Call, arguments: Arguments) -> list[_Comparison]:
    random_ = random.Random(1)  # noqa: S311 - tangents, not secrets
    item = call.derivative.item
    value, written = call.primal(arguments)
    dual = [index for index, activity in enumerate(item.inputs) if activity.has_shadow]
    tangents = {index: [random_.uniform(-1, 1) for _ in arguments.vector(index)] for index in dual}

    def moved(distance: float) -> Vector:
        returned, after = call.primal(arguments.moved(tangents, distance))
        return [returned, *(entry for index in dual if index in written for entry in after[index])]

    # Along a line the argument is the distance, so the step is STEP itself.
    expected = _richardson(moved, 0.0)
    results, shadows = call.derived(arguments, tangents, 0.0)
    values = list(results)
    comparisons = _value(call.derivative, values, value)
    if item.ret.has_shadow:
        comparisons.append(_Comparison(where="the tangent of the return", found=values.pop(0), expected=expected[0], scale=0.0))
    found = [(index, element, entry) for index in dual if index in written for element, entry in enumerate(shadows[index])]
    for (index, element, entry), difference in zip(found, expected[1:], strict=True):
        name = f"the tangent of argument {index + 1}, element {element}"
        comparisons.append(_Comparison(where=name, found=entry, expected=difference, scale=0.0))
    return _scaled(comparisons)


def _value(derivative: Derivative, results: Vector, expected: float) -> list[_Comparison]:
    """The comparison of the primal's value, which is taken from the front of the results where the derivative returns it."""
    if not derivative.item.ret.returns_primal:
        return []
    found = results.pop(0)
    if derivative.primal.returns == "ptr":  # each call has arrays of its own
        return []
    return [_Comparison(where="the value", found=found, expected=expected, scale=abs(expected))]


def _scaled(comparisons: list[_Comparison]) -> list[_Comparison]:
    """The comparisons with the largest expected number as the scale of all that have none of their own."""
    scale = max((abs(each.expected) for each in comparisons if not each.scale), default=0.0)
    return [each if each.scale else dataclasses.replace(each, scale=scale) for each in comparisons]
