"""Functions of Numba and their derivatives, against differences and what is known by hand."""

import math
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from bootstrap.diagnostics import Failure
from plugin import worker
from plugin.python.numba_source import Differentiable, differentiable
from plugin.python.toolchain import Toolchain
from plugin.python.transforms import grad, hessian, hvp, jvp, value_and_grad, vjp

pytestmark = pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaWarning")

ROOT = Path(__file__).parents[3]
X = np.linspace(0.2, 1.4, 7)
MATRIX = np.random.default_rng(3).normal(size=(7, 7))
WEIGHTS = np.array([3.0, -1.0, 2.0])
FACTOR = 1.5


def differences(function: Callable[..., float], x: Any, *rest: Any) -> Any:
    """The gradient by central differences."""
    found = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = 1e-6
        found[index] = (function(x + step, *rest) - function(x - step, *rest)) / 2e-6
    return found


@numba.njit
def scaled(value: float) -> float:
    return math.exp(-value) * FACTOR


@numba.njit
def loops(x: Any) -> float:
    total = 0.0
    for i in range(x.size):
        if x[i] > 0.5:
            total += scaled(x[i]) * WEIGHTS[i % 3]
        else:
            total -= x[i] ** 3
    return total


@numba.njit
def ufuncs(x: Any) -> Any:
    return np.sum(np.sin(x) * np.cos(x) + np.tanh(x) / np.sqrt(x) + np.log1p(x) - np.arctan2(x, 2.0) + np.abs(x))


@numba.njit
def temporaries(x: Any, steps: int) -> Any:
    state = x.copy()
    for _ in range(steps):
        state = state + 0.1 * np.sin(state)
    return np.mean(state) + np.max(state[1:])


@numba.njit
def quadratic(x: Any, matrix: Any) -> Any:
    y = np.zeros(x.size)
    for i in range(x.size):
        for j in range(x.size):
            y[i] += matrix[i, j] * x[j]
    return 0.5 * np.sum(x * y)


@numba.njit
def products(x: Any, matrix: Any) -> Any:
    return np.dot(x, matrix @ x) + np.sum(matrix.T @ (matrix * x))


@numba.njit
def in_place(x: Any, work: Any) -> Any:
    work[:] = x * x
    return work.sum()


@numba.njit
def strict(x: Any) -> Any:
    total = 0.0
    for value in x:
        if value < 0:
            raise ValueError("a negative number", 7)
        total += math.sqrt(value)
    return total


@numba.njit
def outputs(x: Any, factor: float = 2.0) -> Any:
    return np.exp(x) * factor


@pytest.mark.parametrize(
    ("function", "rest"),
    [
        (loops, ()),
        (ufuncs, ()),
        (temporaries, (4,)),
        (quadratic, (MATRIX,)),
        (quadratic, (np.asfortranarray(MATRIX),)),
        (in_place, (X * 0,)),
        (products, (MATRIX,)),
    ],
    ids=["loops", "ufuncs", "temporaries", "matrix", "columns", "in place", "products"],
)
def test_gradients_agree_with_differences(toolchain: Toolchain, function: Any, rest: tuple[Any, ...]) -> None:
    value, gradient = value_and_grad(function, toolchain=toolchain)(X, *rest)
    assert value == pytest.approx(function(X, *rest))
    np.testing.assert_allclose(gradient, differences(function, X, *rest), rtol=1e-6, atol=1e-8)


def test_forward_mode_and_second_derivatives(toolchain: Toolchain) -> None:
    v = np.cos(X)
    value, tangent = jvp(temporaries, (X, 4), (v, None), toolchain=toolchain)
    assert value == pytest.approx(temporaries(X, 4))
    assert tangent == pytest.approx(differences(temporaries, X, 4) @ v)
    symmetric = (MATRIX + MATRIX.T) / 2
    np.testing.assert_allclose(hessian(quadratic, toolchain=toolchain)(X, MATRIX), symmetric, atol=1e-14)
    np.testing.assert_allclose(hvp(quadratic, toolchain=toolchain)(X, v, MATRIX), symmetric @ v)


def test_arguments_of_several_dimensions_keep_their_shape_and_order(toolchain: Toolchain) -> None:
    matrix = np.asfortranarray(MATRIX)
    by_matrix = grad(quadratic, 1, toolchain=toolchain)(X, matrix)
    np.testing.assert_allclose(by_matrix, np.outer(X, X) / 2)
    assert by_matrix.flags.f_contiguous


def test_arrays_of_a_loop_are_freed(toolchain: Toolchain) -> None:
    x = np.linspace(0, 1, 200_000)
    gradient = grad(temporaries, toolchain=toolchain)

    def work() -> None:
        gradient(x, 4)
        jvp(ufuncs, (x + 0.1,), (x,), toolchain=toolchain)

    work()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(20):
        work()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 40_000, "kilobytes; the arrays of a round have more than 10000"


def test_single_precision(toolchain: Toolchain) -> None:
    found = grad(ufuncs, toolchain=toolchain)(X.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, differences(ufuncs, X), rtol=1e-4)


def test_a_plain_python_function_and_numbers_as_arguments(toolchain: Toolchain) -> None:
    def f(a: float, b: float, n: int) -> float:
        return a * b**n

    assert grad(f, (0, 1), toolchain=toolchain)(3.0, 2.0, 3) == (8.0, 36.0)
    assert hessian(scaled, toolchain=toolchain)(2.0) == pytest.approx(FACTOR * math.exp(-2.0))


def test_arrays_that_are_returned(toolchain: Toolchain) -> None:
    value, tangent = jvp(outputs, (X, 3.0), (X, 1.0), toolchain=toolchain)
    np.testing.assert_allclose(value, 3 * np.exp(X))
    np.testing.assert_allclose(tangent, 3 * np.exp(X) * X + np.exp(X))
    value, pullback = vjp(outputs, X, 3.0, toolchain=toolchain)
    np.testing.assert_allclose(value, 3 * np.exp(X))
    by_x, by_factor = pullback(X)
    np.testing.assert_allclose(by_x, 3 * np.exp(X) * X)
    assert by_factor == pytest.approx(np.exp(X) @ X)
    np.testing.assert_allclose(vjp(outputs, X, toolchain=toolchain)[1]()[0], 2 * np.exp(X))


def test_what_the_function_raises_is_raised_and_may_be_caught(toolchain: Toolchain) -> None:
    gradient = grad(strict, toolchain=toolchain)
    with pytest.raises(ValueError, match="a negative number") as caught:
        gradient(X - 1)
    assert caught.value.args == ("a negative number", 7)
    np.testing.assert_allclose(gradient(X), 0.5 / np.sqrt(X))


def test_arrays_that_are_not_contiguous_are_refused(toolchain: Toolchain) -> None:
    with pytest.raises(ValueError, match="'x' is not contiguous"):
        grad(loops, toolchain=toolchain)(np.ones(8)[::2])


@numba.njit(numba.float64(numba.float64, numba.int64))
def power(x: float, n: int) -> float:
    return 1.0 if n == 0 else x * power(x, n - 1)


@pytest.mark.parametrize(
    ("code", "function", "arguments"),
    [
        ("E0556", lambda x: x.nothing, (X,)),
        ("E0556", power, (2.0, 3)),
        ("E0557", lambda x, pair: x.sum() * pair[0], (X, (1.0, 2.0))),
        ("E0557", lambda x: (x.sum(), 1.0), (X,)),
        ("E0559", lambda x: list(x)[-1], (X,)),
        ("E0272", lambda x: x * 2, (X,)),
        ("E0273", lambda x: float(x.sum()), (np.arange(3),)),
    ],
    ids=["no such attribute", "a recursion", "a tuple goes in", "a tuple comes out", "a list", "an array", "integers"],
)
def test_what_cannot_be_is_told_with_a_code(toolchain: Toolchain, code: str, function: Any, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(Failure) as caught:
        grad(function, toolchain=toolchain)(*arguments)
    assert caught.value.code == code


def test_shapes_that_do_not_fit_are_an_exception(toolchain: Toolchain) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        grad(in_place, toolchain=toolchain)(X, np.zeros(3))


def test_a_large_array_of_the_surroundings_is_refused(toolchain: Toolchain) -> None:
    table = np.ones(200_000)

    @numba.njit
    def f(x: Any) -> Any:
        return (x * table[: x.size]).sum()

    with pytest.raises(Failure, match="by its address") as caught:
        grad(f, toolchain=toolchain)(X)
    assert caught.value.code == "E0558"


def test_the_decorator_gives_the_function_and_its_derivatives(toolchain: Toolchain) -> None:
    @differentiable(toolchain=toolchain, fastmath=True)
    def f(x: Any) -> Any:
        """The sum of squares."""
        return (x * x).sum()

    assert isinstance(f, Differentiable)
    assert f.__doc__ == "The sum of squares."
    assert f(X) == pytest.approx(X @ X)
    np.testing.assert_allclose(f.grad(X), 2 * X)
    np.testing.assert_allclose(f.hessian(X), 2 * np.eye(7))
    np.testing.assert_allclose(f.hvp(X, X), 2 * X)
    assert f.value_and_grad(X)[0] == pytest.approx(X @ X)
    np.testing.assert_allclose(grad(f)(X), 2 * X)


def test_numba_itself_is_left_as_it_was(toolchain: Toolchain) -> None:
    @numba.njit
    def helper(v: Any) -> Any:
        return v * v

    @numba.njit
    def f(x: Any) -> Any:
        total = 0.0
        for v in x:
            total = total + helper(v)
        return total

    grad(f, toolchain=toolchain)(X)
    assert not f.signatures, "what was lowered for the derivative is apart from Numba's own"
    assert f(X) == pytest.approx(X @ X)
    assert f.nopython_signatures


def test_a_changed_helper_is_another_function(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    def gradient(factor: float) -> Any:
        helper = numba.njit(lambda v: v * factor)

        @numba.njit
        def f(x: Any) -> float:
            return float(helper(x[0]))

        return grad(f, toolchain=toolchain)(X)[0]

    assert [gradient(2.0), gradient(3.0)] == [2.0, 3.0]
    monkeypatch.setattr(worker, "run", lambda *_, **__: pytest.fail("it was compiled again"))
    assert gradient(2.0) == 2.0, "new functions with the same code are found in the cache"


PROGRAM = """
import sys, holoenzyme, numpy as np, numba
from plugin import worker
if sys.argv[2] == "warm":
    worker.run = lambda *_, **__: sys.exit("it was compiled again")

@numba.njit
def helper(v):
    return np.exp(v)

@holoenzyme.differentiable(toolchain=holoenzyme.Toolchain(cache=sys.argv[1]))
def f(x):
    return np.sum(helper(x) * x)

print(f.grad(np.zeros(3)))
"""


def test_another_process_finds_what_was_compiled(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for state, seed in (("cold", "1"), ("warm", "2")):
        command = [sys.executable, "-P", "-c", PROGRAM, str(tmp_path), state]
        done = subprocess.run(command, env={**environment, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=False)
        assert done.stdout == "[1. 1. 1.]\n", done.stderr
