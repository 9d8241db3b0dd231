"""The gradient of a kernel in Numba beside that of the same kernel in C, over a million elements, in one process.

Both go through `holoenzyme.grad`: the C source by `Toolchain.compile`, as `build` compiles it, the Numba function by its IR. The gradients
are held against each other, then timed in turns; printed are the best of each and their quotient. What is timed first is the
derivative itself, on arrays that are there, then the whole call from Python, which makes the new array of the gradient.

    python -m benchmarks.numba_gradient
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import holoenzyme
from plugin.python import derivation
from plugin.python.primal import Primal, source_of

ELEMENTS = 1_000_000
SAMPLES = 101

SOURCE = """
#include <math.h>
#include <stddef.h>

double rosenbrock(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        sum += 100 * a * a + b * b;
    }
    return sum;
}

double waves(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += sin(x[i]) * exp(-x[i] * x[i]);
    return sum;
}

double logs(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double square = x[i] * x[i];
        if (square > 0.25) sum += log(square); else sum -= square;
    }
    return sum;
}
"""


@numba.njit
def rosenbrock(x: Any) -> Any:
    """As in C."""
    total = 0.0
    for i in range(x.size - 1):
        a = x[i + 1] - x[i] * x[i]
        b = 1 - x[i]
        total += 100 * a * a + b * b
    return total


@numba.njit
def waves(x: Any) -> Any:
    """As in C."""
    total = 0.0
    for i in range(x.size):
        total += np.sin(x[i]) * np.exp(-x[i] * x[i])
    return total


@numba.njit
def logs(x: Any) -> Any:
    """As in C."""
    total = 0.0
    for i in range(x.size):
        square = x[i] * x[i]
        if square > 0.25:  # noqa: PLR2004 - where the branches meet is the kernel's
            total += np.log(square)
        else:
            total -= square
    return total


def timed(*functions: Callable[[], object]) -> list[float]:
    """The milliseconds that each function takes at its best, called in turns."""
    samples: list[list[float]] = [[] for _ in functions]
    for _ in range(SAMPLES):
        for function, taken in zip(functions, samples, strict=True):
            start = time.perf_counter()
            function()
            taken.append(1e3 * (time.perf_counter() - start))
    return [min(each) for each in samples]


def bare(primal: Primal, *arguments: Any) -> Callable[[], object]:
    """A call of the derivative alone."""
    derivative = derivation.reverse(primal, [0], keeps_value=False)
    values = primal.passed(arguments)
    shadows = derivation.shadows_for(derivative, values)
    passed = derivation.arranged(derivative, values, shadows)
    return lambda: derivative(*passed)


def main() -> None:
    """Measure and print."""
    library = holoenzyme.Toolchain().compile(SOURCE)
    x = np.random.default_rng(0).normal(size=ELEMENTS)
    print(f"{'kernel':12}{'':10}{'C':>9}{'Numba':>9}{'Numba / C':>11}")
    for function in (rosenbrock, waves, logs):
        compiled = library[function.__name__]
        in_c, in_numba = holoenzyme.grad(compiled), holoenzyme.grad(function)
        np.testing.assert_allclose(in_numba(x), in_c(x, x.size), rtol=1e-9, atol=1e-9)
        pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "derivative": (bare(source_of(compiled, None).primal((x, x.size)), x, x.size), bare(source_of(function, None).primal((x,)), x)),
            "call": (functools.partial(in_c, x, x.size), functools.partial(in_numba, x)),
        }
        for what, (first, second) in pairs.items():
            c, n = timed(first, second)
            print(f"{function.__name__ if what == 'derivative' else '':12}{what:10}{c:6.2f} ms{n:6.2f} ms{n / c:11.2f}")


if __name__ == "__main__":
    main()
