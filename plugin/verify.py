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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.diagnostics import Diagnostic, Failure
from plugin.items.activity import AutoDiffItem, DiffMode
from plugin.items.layout import FLOAT_SIZES
from plugin.items.signature import Derivative
from plugin.native import Arguments, Call, Number, Vector, load

if TYPE_CHECKING:
    from plugin.types.type_language import Type
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


def _sample(random_: random.Random, elements: list[int]) -> list[int]:
    return elements if len(elements) <= ELEMENTS else sorted(random_.sample(elements, ELEMENTS))


def _reverse(call: Call, arguments: Arguments) -> list[_Comparison]:
    random_ = random.Random(1)  # noqa: S311 - weights, not secrets
    item = call.derivative.item
    lanes = range(item.width)
    value, written = call.primal(arguments)
    duplicated = [index for index, activity in enumerate(item.inputs) if activity.has_shadow]
    weights = {index: [_drawn(random_, 0.5, written[index]) for _ in lanes] for index in duplicated}
    seeds = [_drawn(random_, 0.5, value) for _ in lanes] if item.ret.is_active else []
    # What the primal leaves as it was passes its weight through; it is kept out of the sum, where it would only add rounding.
    changed = [index for index in duplicated if written[index] != arguments.vector(index)]

    def weighted_sums(at: Arguments) -> Vector:
        returned, after = call.primal(at)
        parts = [[*zip(weights[index][lane], after[index], strict=True)] for lane in lanes for index in changed]
        sums = [math.fsum(a * b for part in parts[lane * len(changed) : (lane + 1) * len(changed)] for a, b in part) for lane in lanes]
        return [sums[lane] + (_product(seeds[lane], returned) if seeds else 0.0) for lane in lanes]

    results, shadows = call.derived(arguments, weights, seeds)
    gradients = list(results)
    comparisons = _value(call.derivative, gradients, value)
    for index, activity in enumerate(item.inputs):
        if not (activity.is_active or activity.has_shadow):
            continue
        found = shadows[index] if activity.has_shadow else _by_lane(gradients.pop(0), item.width)
        passed = weights[index] if activity.has_shadow and index not in changed else [[0.0] * len(found[0])] * item.width
        for element in _sample(random_, arguments.differentiable(index)):
            varied = functools.partial(_varied, weighted_sums, arguments, index, element)
            differences = _richardson(varied, arguments.number(index, element))
            for lane in lanes:
                where = f"the gradient of argument {index + 1}{_element(arguments, index, element)}{_lane(item, lane)}"
                gradient = found[lane][element] - passed[lane][element]
                comparisons.append(_Comparison(where=where, found=gradient, expected=differences[lane], scale=0.0))
    return _scaled(comparisons)


def _drawn(random_: random.Random, low: float, like: Vector) -> Vector:
    """As many numbers as `like` has, between `low` and its distance from 2, or -1 and 1."""
    return [random_.uniform(low, 1.5 if low > 0 else 1) for _ in like]


def _product(seeds: Vector, values: Vector) -> float:
    return math.fsum(seed * value for seed, value in zip(seeds, values, strict=True))


def _by_lane(scalars: Vector, width: int) -> list[Vector]:
    length = len(scalars) // width
    return [scalars[lane * length : (lane + 1) * length] for lane in range(width)]


def _element(arguments: Arguments, index: int, element: int) -> str:
    return f", element {element}" if isinstance(arguments.values[index], tuple) else ""


def _lane(item: AutoDiffItem, lane: int) -> str:
    return f", lane {lane}" if item.width > 1 else ""


def _varied(function: Callable[[Arguments], Vector], arguments: Arguments, index: int, element: int, number: float) -> Vector:
    """A function of arguments as one of one of their numbers."""
    return function(arguments.replaced(index, element, number))


def _forward(call: Call, arguments: Arguments) -> list[_Comparison]:
    random_ = random.Random(1)  # noqa: S311 - tangents, not secrets
    item = call.derivative.item
    value, _ = call.primal(arguments)
    dual = [index for index, activity in enumerate(item.inputs) if activity.has_shadow]
    tangents = {index: [_tangent(random_, arguments, index) for _ in range(item.width)] for index in dual}
    results, shadows = call.derived(arguments, tangents, [])
    values = list(results)
    comparisons = _value(call.derivative, values, value)
    found = _by_lane(values.pop(0), item.width) if item.ret.has_shadow else []
    for lane in range(item.width):
        comparisons += _of_lane(call, arguments, {index: tangents[index][lane] for index in dual}, lane, found, shadows)
    return _scaled(comparisons)


def _tangent(random_: random.Random, arguments: Arguments, index: int) -> Vector:
    varied = set(arguments.differentiable(index))
    return [random_.uniform(-1, 1) if element in varied else 0.0 for element in range(len(arguments.vector(index)))]


def _of_lane(
    call: Call, arguments: Arguments, tangents: dict[int, Vector], lane: int, found: list[Vector], shadows: dict[int, list[Vector]]
) -> Iterator[_Comparison]:
    """The comparisons of one lane: what the return's tangents and the shadows have, beside differences along the tangents."""
    item = call.derivative.item
    numbers = _numbers(call.derivative) if found else []

    def moved(distance: float) -> Vector:
        value, after = call.primal(arguments.moved(tangents, distance))
        return [*(value[element] for element in numbers), *(entry for index in shadows for entry in after[index])]

    # Along a line the argument is the distance, so the step is STEP itself.
    expected = iter(_richardson(moved, 0.0))
    for element in numbers:
        where = "the tangent of the return" + (f", element {element}" if len(found[lane]) > 1 else "") + _lane(item, lane)
        yield _Comparison(where=where, found=found[lane][element], expected=next(expected), scale=0.0)
    for index in shadows:
        for element, entry in enumerate(shadows[index][lane]):
            where = f"the tangent of argument {index + 1}, element {element}{_lane(item, lane)}"
            yield _Comparison(where=where, found=entry, expected=next(expected), scale=0.0)


def _numbers(derivative: Derivative) -> list[int]:
    """Which scalars of what the primal returns have a derivative."""
    scalars = derivative.value.scalars if derivative.value else ()
    return [element for element, (_, type_) in enumerate(scalars) if type_ in FLOAT_SIZES]


def _value(derivative: Derivative, results: list[Vector], expected: Vector) -> list[_Comparison]:
    """The comparisons of the primal's value, which is taken from the front of the results where the derivative returns it."""
    if not derivative.item.ret.returns_primal:
        return []
    found = results.pop(0)
    value = derivative.value
    if value is None or value.has_pointers:  # each call has arrays of its own
        return []
    return [
        _Comparison(where="the value" + (f", element {element}" if len(found) > 1 else ""), found=one, expected=other, scale=abs(other))
        for element, (one, other) in enumerate(zip(found, expected, strict=True))
    ]


def _scaled(comparisons: list[_Comparison]) -> list[_Comparison]:
    """The comparisons with the largest expected number as the scale of all that have none of their own."""
    scale = max((abs(each.expected) for each in comparisons if not each.scale), default=0.0)
    return [each if each.scale else dataclasses.replace(each, scale=scale) for each in comparisons]
