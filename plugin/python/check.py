"""A gradient against central differences, in the process itself: for a test of one's own, as `verify` is for a unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bootstrap.diagnostics import fail
from plugin.python.primal import source_of
from plugin.python.transforms import grad

if TYPE_CHECKING:
    from plugin.python.toolchain import Toolchain

STEP = 4e-4
"""The step of the differences, relative to an argument of size 1 or more."""

ELEMENTS = 50
"""Of a longer array this many elements are looked at one by one, drawn evenly, beside `DIRECTIONS` that move all of them."""
DIRECTIONS = 3


def check_grad(
    function: Any, *arguments: Any, argnums: int = 0, tolerance: float = 1e-6, seed: int = 1, toolchain: Toolchain | None = None
) -> float:
    """Hold `grad(function, argnums)` at these arguments against central differences, which are of fourth order in their step.

    Args:
        function: as `grad` takes it.
        arguments: where to look; arrays are copied for each call, so that a function may write to them.
        argnums: the place of the argument to differentiate by.
        tolerance: the largest relative difference that passes; for single precision 1e-2 is much already.
        seed: which elements and directions are drawn.
        toolchain: as `grad` takes it.

    Returns:
        The largest relative difference.

    Raises:
        Error: E0101 when it is larger than `tolerance`, with the place and both values; else as `grad` does.
    """
    primal = source_of(function, toolchain).primal(arguments)
    gradient = np.asarray(grad(function, argnums, toolchain=toolchain)(*_copied(arguments)))
    point = np.asarray(arguments[argnums])

    def value(moved: Any) -> float:
        changed = _copied(arguments)
        changed[argnums] = moved if isinstance(arguments[argnums], np.ndarray) else float(moved)
        return float(primal.call(changed))

    scale = float(np.max(np.abs(gradient), initial=0.0))
    worst, words = 0.0, ""
    for where, direction in _directions(point, np.random.default_rng(seed)):
        found, expected = float(np.sum(gradient * direction)), _derivative(value, point, direction)
        error = abs(found - expected) / max(abs(found), abs(expected), 1e-3 * scale, 1e-12)
        if not error <= worst:
            worst, words = (error if math.isfinite(error) else math.inf), f"{where}: found {found:.9g}, expected {expected:.9g}"
    if worst > tolerance:
        name = primal.function.__name__
        message = f"the gradient of `{name}` by argument {argnums} differs from central differences by {worst:.1e}"
        raise fail("E0101", message, notes=[words], help=["move the arguments to where the function is smooth, or raise `tolerance`"])
    return worst


def _copied(arguments: Sequence[Any]) -> list[Any]:
    return [each.copy(order="K") if isinstance(each, np.ndarray) else each for each in arguments]


def _directions(point: Any, generator: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """What to move along, each with its words: single elements, and for an array directions of all of them."""
    count = min(point.size, ELEMENTS)
    for flat in sorted(generator.choice(point.size, count, replace=False)) if point.size else ():
        direction = np.zeros_like(point, dtype=np.float64)
        direction.flat[flat] = 1
        yield f"element {', '.join(map(str, np.unravel_index(flat, point.shape)))}" if point.ndim else "the number", direction
    for number in range(DIRECTIONS if point.size > 1 else 0):
        yield f"direction {number}", generator.standard_normal(point.shape)


def _derivative(value: Callable[[Any], float], point: Any, direction: Any) -> float:
    """The derivative along a direction by central differences at two steps, with one of Richardson's extrapolations."""
    size = float(np.max(np.abs(np.where(direction != 0, point, 0)), initial=1.0))
    # In single precision a step has to be seen among fewer digits.
    step = STEP * size * (10 if point.dtype.itemsize < np.dtype(np.float64).itemsize else 1) / float(np.max(np.abs(direction)))

    def central(distance: float) -> float:
        above, below = ((point + sign * distance * direction).astype(point.dtype) for sign in (1, -1))
        return (value(above) - value(below)) / (2 * distance)

    return (4 * central(step / 2) - central(step)) / 3
