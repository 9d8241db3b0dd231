"""Derivatives as functions, held against what is known of Rosenbrock's function, powers and sums."""

import inspect
from typing import Any

import numpy as np
import pytest

from bootstrap.diagnostics import Failure
from plugin.python.library import Library
from plugin.python.toolchain import Toolchain
from plugin.python.transforms import grad, hessian, hvp, jvp, value_and_grad, vjp

X = np.array([1.2, 0.7, -0.3, 2.0])
GRADIENT = np.array([355.6, 72.6, 68.6, 382.0])
V = np.array([1.0, 2.0, 3.0, 4.0])


def rosenbrock_hessian(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """By hand."""
    n = x.size
    diagonal = np.zeros(n)
    diagonal[:-1] = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    diagonal[1:] += 200
    off = -400 * x[:-1]
    return np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1)


def test_the_gradient_is_a_new_array(kernels: Library) -> None:
    x = X.copy()
    found = grad(kernels.rosenbrock)(x, x.size)
    np.testing.assert_allclose(found, GRADIENT)
    np.testing.assert_array_equal(x, X)
    assert found.dtype == x.dtype
    assert not np.shares_memory(found, x)


def test_a_derivative_that_is_asked_for_again_is_there(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    square = toolchain.compile("double square(double x) { return x * x; }").square
    assert (grad(square)(3.0), jvp(square, (3.0,), (1.0,))) == (6.0, (9.0, 6.0))
    monkeypatch.setattr(toolchain, "extended", lambda *_: pytest.fail("it was looked for in the cache"))
    assert (grad(square)(4.0), jvp(square, (4.0,), (1.0,))) == (8.0, (16.0, 8.0))


def test_value_and_gradient_come_together(kernels: Library) -> None:
    value, gradient = value_and_grad(kernels.rosenbrock)(X, 4)
    assert value == pytest.approx(483.8)
    np.testing.assert_allclose(gradient, GRADIENT)


def test_gradients_by_several_arguments_come_in_the_order_that_was_asked_for(kernels: Library) -> None:
    assert grad(kernels.power)(3.0, 2.0, 2) == 12.0
    assert grad(kernels.power, (1, 0))(3.0, 2.0, 2) == (9.0, 12.0)
    assert value_and_grad(kernels.power, (0, 1))(3.0, 2.0, 2) == (18.0, (12.0, 9.0))
    assert grad(kernels.power, -2)(3.0, 2.0, 2) == 9.0


def test_single_precision_stays_what_it_is(kernels: Library) -> None:
    x = np.array([1.0, 2.0], np.float32)
    found = grad(kernels.norm)(x, 2)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [2.0, 4.0])


def test_what_goes_through_memory_that_was_lent_is_not_lost(kernels: Library) -> None:
    n = np.arange(4)
    np.testing.assert_allclose(grad(kernels.through)(X, np.zeros(4), 4), 2 * X * n)
    assert jvp(kernels.through, (X, np.zeros(4), 4), (V, None, None))[1] == pytest.approx((2 * X * n) @ V)
    np.testing.assert_allclose(hvp(kernels.through)(X, V, np.zeros(4), 4), 2 * n * V)


def test_jvp_gives_value_and_tangent(kernels: Library) -> None:
    value, tangent = jvp(kernels.rosenbrock, (X, 4), (V, None))
    assert value == pytest.approx(483.8)
    assert tangent == pytest.approx(GRADIENT @ V)


def test_a_vector_may_be_the_point_itself(kernels: Library) -> None:
    assert jvp(kernels.rosenbrock, (X, 4), (X, None))[1] == pytest.approx(GRADIENT @ X)
    np.testing.assert_allclose(hvp(kernels.rosenbrock)(X, X, 4), rosenbrock_hessian(X) @ X)


def test_jvp_of_a_function_that_writes_gives_the_tangent_of_what_it_wrote(kernels: Library) -> None:
    y, tangent = np.zeros(4), np.zeros(4)
    assert jvp(kernels.squares, (X, y, 4), (V, tangent, None)) == (None, None)
    np.testing.assert_allclose(y, X * X)
    np.testing.assert_allclose(tangent, 2 * X * V)


def test_the_pullback_of_vjp_can_be_called_again(kernels: Library) -> None:
    value, pullback = vjp(kernels.power, 3.0, 2.0, 2)
    assert value == 18.0
    assert pullback() == (12.0, 9.0, None)
    assert pullback(0.5) == (6.0, 4.5, None)
    assert pullback(np.float64(2)) == (24.0, 18.0, None)


def test_hessian_and_its_products_agree_with_the_one_by_hand(kernels: Library) -> None:
    expected = rosenbrock_hessian(X)
    np.testing.assert_allclose(hessian(kernels.rosenbrock)(X, 4), expected, atol=1e-12)
    np.testing.assert_allclose(hvp(kernels.rosenbrock)(X, V, 4), expected @ V)
    assert hessian(kernels.power)(3.0, 2.0, 3) == 36.0
    assert hvp(kernels.power)(3.0, 0.5, 2.0, 3) == 18.0


def test_a_function_of_llvmlite_is_compiled_when_it_is_called(toolchain: Toolchain) -> None:
    from llvmlite import ir  # noqa: PLC0415

    double = ir.DoubleType()
    module = ir.Module("m")
    function = ir.Function(module, ir.FunctionType(double, [double, double]), "area")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(builder.fmul(builder.fmul(function.args[0], function.args[0]), function.args[1]))
    assert grad(function, (0, 1), toolchain=toolchain)(3.0, 4.0) == (24.0, 9.0)


@pytest.mark.needs("rustc")
def test_a_function_of_rust_in_a_string(toolchain: Toolchain) -> None:
    source = '#[no_mangle] pub extern "C" fn cube(x: f64) -> f64 { x * x * x }'
    assert grad(toolchain.compile(source, "Rust").cube)(2.0) == 12.0


@pytest.mark.parametrize(
    ("code", "ask"),
    [
        ("E0271", lambda _: grad(len)),
        ("E0271", grad),
        ("E0272", lambda kernels: grad(kernels.squares)(X, X.copy(), 4)),
        ("E0272", lambda kernels: grad(kernels.nearest)(1.0)),
        ("E0273", lambda kernels: grad(kernels.rosenbrock, 1)(X, 4)),
        ("E0273", lambda kernels: grad(kernels.at, (0, 1))(X, np.zeros(1, np.int32), 1)),
    ],
    ids=["built-in", "library", "nothing", "integer", "size", "indices"],
)
def test_what_cannot_be_is_told_with_a_code(kernels: Library, code: str, ask: Any) -> None:
    with pytest.raises(Failure) as caught:
        ask(kernels)
    assert caught.value.code == code
    assert str(caught.value).startswith(f"error[{code}]: ")


def test_wrong_arguments_are_a_type_error(kernels: Library) -> None:
    with pytest.raises(TypeError, match=r"rosenbrock\(\) takes 2 arguments \(x, n\), not 1"):
        grad(kernels.rosenbrock)(X)
    with pytest.raises(TypeError, match="there is none with the number 7"):
        grad(kernels.rosenbrock, 7)(X, 4)
    with pytest.raises(TypeError, match="there are 2 primals and 1 tangents"):
        jvp(kernels.rosenbrock, (X, 4), (V,))
    with pytest.raises(ValueError, match="shadow slice 'dx'"):
        jvp(kernels.rosenbrock, (X, 4), (V[:2], None))


def test_a_derivative_says_what_it_is(kernels: Library) -> None:
    gradient = grad(kernels.rosenbrock)
    assert gradient.__name__ == "grad_rosenbrock"
    assert "gradient of `rosenbrock` by argument 0" in (inspect.getdoc(gradient) or "")
