"""The time of a Gaussian mixture objective and of its gradient, measured side by side on one core.

Builds examples/gmm with `x.py build`, holds the gradient against a central difference, and prints the medians of alternating
samples. `python benchmarks/gmm.py` needs nothing but Python 3.11; benchmarks/README.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import math
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
EXAMPLE = CHECKOUT / "examples" / "gmm"

SAMPLE_SECONDS = 0.02
"""The least time that a sample takes."""

TOLERANCE = 1e-6
"""How far, relatively, the gradient may be from the central difference."""

GAMMA, M = 1.0, 0
"""The prior's parameters in ADBench's data."""

Doubles = ctypes.Array[ctypes.c_double]


def doubles(values: Iterable[float]) -> Doubles:
    """A C array of `values`."""
    numbers = list(values)
    return (ctypes.c_double * len(numbers))(*numbers)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A mixture of `k` Gaussians in `d` dimensions and `n` points; `unknowns` are alphas, means and inverse covariance factors."""

    d: int
    k: int
    n: int
    unknowns: tuple[Doubles, ...]
    points: Doubles

    @classmethod
    def drawn(cls, d: int, k: int, n: int) -> Problem:
        """A problem distributed as ADBench's are: the means uniform in [0, 1), all else normal."""
        generator = random.Random(1)  # noqa: S311 - data for a measurement
        alphas, factors, points = (doubles(generator.gauss() for _ in range(count)) for count in (k, k * d * (d + 1) // 2, n * d))
        means = doubles(generator.random() for _ in range(k * d))
        return cls(d=d, k=k, n=n, unknowns=(alphas, means, factors), points=points)

    def moved(self, direction: Sequence[Doubles], distance: float) -> Problem:
        """The problem with its unknowns moved by `distance` along `direction`."""
        pairs = zip(self.unknowns, direction, strict=True)
        moved = tuple(doubles(x + distance * step for x, step in zip(*pair, strict=True)) for pair in pairs)
        return dataclasses.replace(self, unknowns=moved)


class Library:
    """The compiled objective and its gradient, as examples/gmm/config.toml declares them."""

    def __init__(self, path: Path) -> None:
        """Load the shared library at `path`; raises `OSError` when that cannot be done."""
        library = ctypes.CDLL(str(path))
        size, pointer, real = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_double
        self._value, self._gradient = library.gmm_objective, library.gmm_gradient
        self._value.restype = self._gradient.restype = real
        self._value.argtypes = [size] * 3 + [pointer] * 4 + [real, size]
        self._gradient.argtypes = [size] * 3 + [pointer] * 7 + [real, size, real]

    def value(self, problem: Problem) -> float:
        """The objective."""
        at = problem
        return float(self._value(at.d, at.k, at.n, *at.unknowns, at.points, GAMMA, M))

    def gradient(self, problem: Problem, shadows: Sequence[Doubles]) -> float:
        """The objective; its gradient is added to `shadows`."""
        at = problem
        unknowns = [each for pair in zip(at.unknowns, shadows, strict=True) for each in pair]
        return float(self._gradient(at.d, at.k, at.n, *unknowns, at.points, GAMMA, M, 1.0))


def disagreement(library: Library, problem: Problem) -> float:
    """How far the gradient is from a central difference along itself, relatively."""
    shadows = [doubles([0.0] * len(unknown)) for unknown in problem.unknowns]
    library.gradient(problem, shadows)
    slope = math.hypot(*(entry for shadow in shadows for entry in shadow))
    direction = [doubles(entry / slope for entry in shadow) for shadow in shadows]
    step = 1e-5
    above, below = (library.value(problem.moved(direction, distance)) for distance in (step, -step))
    return abs((above - below) / (2 * step) - slope) / slope


def sample(call: Callable[[], object]) -> float:
    """Seconds for one call, from as many as fill a sample."""
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < SAMPLE_SECONDS:
        call()
        calls += 1
    return elapsed / calls


def alternating(calls: Sequence[Callable[[], object]], samples: int) -> list[list[float]]:
    """Seconds of each call, by round; the calls take turns, so that what slows the machine down slows them all."""
    for call in calls:
        call()
    return [[sample(call) for call in calls] for _ in range(samples)]


def build() -> Path:
    """Build the example; gives its shared library, or ends the program with the build's own exit status."""
    done = subprocess.run([sys.executable, CHECKOUT / "x.py", "build", EXAMPLE], stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)
    return max(EXAMPLE.glob("build/*/gmm/libgmm.so"), key=lambda path: path.stat().st_mtime)


def positive(text: str) -> int:
    """A whole number above 0, from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="the time of a Gaussian mixture objective and of its gradient")
    parser.add_argument("--library", type=Path, help="a library to measure instead of building one")
    parser.add_argument("--size", type=positive, nargs=3, metavar=("D", "K", "N"), default=(20, 50, 1000), help="default: 20 50 1000")
    parser.add_argument("--samples", type=positive, default=11, help="of each function, each at least 20 ms long (default: 11)")
    parser.add_argument("--limit", type=float, help="exit with 1 when the gradient takes more than this many times the value")
    return parser.parse_args()


def main() -> int:
    """Measure and print; gives the exit status: 1 when the gradient is wrong or slower than the limit."""
    options = arguments()
    library = Library(options.library or build())
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    problem = Problem.drawn(*options.size)
    error = disagreement(library, problem)
    if not error <= TOLERANCE:
        sys.stderr.write(f"the gradient is wrong: its relative distance from a central difference is {error:.1e}\n")
        return 1
    shadows = [doubles([0.0] * len(unknown)) for unknown in problem.unknowns]
    rounds = alternating([lambda: library.value(problem), lambda: library.gradient(problem, shadows)], options.samples)
    value, gradient = (statistics.median(times) for times in zip(*rounds, strict=True))
    ratio = statistics.median(gradient / value for value, gradient in rounds)
    sys.stdout.write(
        f"Gaussian mixture, d = {problem.d}, k = {problem.k}, n = {problem.n}, one core\n"
        f"value           {1e3 * value:9.3f} ms\n"
        f"gradient        {1e3 * gradient:9.3f} ms, with the value\n"
        f"gradient/value  {ratio:9.2f}\n"
        f"central difference along the gradient: relative distance {error:.1e}\n"
    )
    return int(options.limit is not None and ratio > options.limit)


if __name__ == "__main__":
    sys.exit(main())
