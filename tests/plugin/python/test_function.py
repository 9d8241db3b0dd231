"""What a compiled function takes from Python, and what it refuses before the call."""

import inspect
import threading
import time
from typing import Any

import numpy as np
import pytest

from plugin.python.library import Library
from plugin.python.toolchain import AutoDiff, Toolchain

READ_ONLY = np.arange(4.0)
READ_ONLY.flags.writeable = False
MISALIGNED = np.frombuffer(bytearray(8 * 4 + 1), np.uint8)[1:].view(np.float64)


@pytest.fixture(scope="module")
def gradients(toolchain: Toolchain, kernels: Library) -> Library:
    return toolchain.build(
        kernels.table["sources"],
        autodiff=[
            AutoDiff("rosenbrock", "rosenbrock_grad", inputs=["Duplicated", "Const"], ret="Active"),
            AutoDiff("rosenbrock", "rosenbrock_slice", inputs=[{"activity": "Duplicated", "type": "[f64]"}], ret="Active"),
            AutoDiff("power", "power_grad", inputs=["Active", "Active", "Const"], ret="Active"),
            AutoDiff("power", "power_jvp", "forward", ["Dual", "Const", "Const"], "Dual"),
            AutoDiff("squares", "squares_rev", inputs=["Duplicated", "Duplicated", "Const"]),
        ],
    )


def test_arrays_go_in_and_come_out_without_copies(gradients: Library) -> None:
    x, shadow = np.array([1.2, 0.7, -0.3, 2.0]), np.full(4, 1000.0)
    assert gradients.rosenbrock_grad(x, shadow, x.size, 2.0) == pytest.approx(483.8)
    np.testing.assert_allclose(shadow, 1000 + 2 * np.array([355.6, 72.6, 68.6, 382.0]))
    y, dy, dx = np.zeros(4), np.ones(4), np.zeros(4)
    gradients.squares_rev(x, dx, y, dy, 4)
    np.testing.assert_allclose(y, x * x)
    np.testing.assert_allclose(dx, 2 * x)


def test_several_results_have_names(gradients: Library) -> None:
    assert gradients.power_grad(3.0, 2.0, 2, 1.0)._asdict() == {"value": 18.0, "dbase": 12.0, "dfactor": 9.0}
    assert gradients.power_jvp(3.0, 10.0, 2.0, 2)._asdict() == {"value": 18.0, "dvalue": 120.0}


def test_any_order_of_a_contiguous_array_will_do(kernels: Library) -> None:
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    y = np.empty_like(x)
    kernels.squares(x, y, x.size)
    np.testing.assert_array_equal(y, x * x)


def test_numbers_of_numpy_are_numbers(kernels: Library) -> None:
    assert kernels.power(np.float32(3), np.array(2.0), np.uint8(2)) == 18.0
    assert kernels.power(3, 1, -1) == 1.0
    assert kernels.nearest(-3.7) == -3


def test_what_a_function_only_reads_may_be_read_only(kernels: Library) -> None:
    assert kernels.rosenbrock(READ_ONLY, 4) == 302.0


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([1.0, 2.0], 2), TypeError, "'x' of rosenbrock is a pointer: pass a NumPy array, not list"),
        ((np.zeros(4, np.float32), 4), ValueError, "'x' of rosenbrock is to have dtype float64, not float32"),
        ((np.zeros(4, np.int64), 4), ValueError, "dtype float64, not int64"),
        ((np.zeros(4, ">f8"), 4), ValueError, "dtype float64, not >f8"),
        ((np.zeros(8)[::2], 4), ValueError, "'x' of rosenbrock is not contiguous"),
        ((MISALIGNED, 4), ValueError, "'x' of rosenbrock is not aligned"),
        ((np.zeros(4), 4.0), TypeError, "'n' of rosenbrock is an integer: pass one, not float"),
        ((np.zeros(4), 1 << 64), ValueError, "'n' of rosenbrock has 64 bits, 18446744073709551616 does not fit"),
        ((np.zeros(4),), TypeError, r"rosenbrock\(\) takes 2 arguments \(x, n\), not 1"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_call(kernels: Library, arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        kernels.rosenbrock(*arguments)


def test_what_is_written_to_has_to_be_writable(kernels: Library, gradients: Library) -> None:
    with pytest.raises(ValueError, match="'y' of squares may be written to, and the array is read-only"):
        kernels.squares(np.zeros(4), READ_ONLY, 4)
    with pytest.raises(ValueError, match="'dx' of rosenbrock_grad may be written to"):
        gradients.rosenbrock_grad(np.zeros(4), READ_ONLY, 4, 1.0)


def test_a_shadow_is_as_long_as_its_primal(gradients: Library) -> None:
    words = "shadow slice 'dx' of rosenbrock_grad has length 3, its primal has 4"
    with pytest.raises(ValueError, match=words):
        gradients.rosenbrock_grad(np.zeros(4), np.zeros(3), 4, 1.0)


def test_a_slice_is_one_array(gradients: Library) -> None:
    x, shadow = np.array([1.2, 0.7, -0.3, 2.0]), np.zeros(5)
    assert list(inspect.signature(gradients.rosenbrock_slice).parameters) == ["x", "dx", "dret"]
    assert gradients.rosenbrock_slice(x, shadow, 1.0) == pytest.approx(483.8)
    np.testing.assert_allclose(shadow, [355.6, 72.6, 68.6, 382.0, 0.0])
    with pytest.raises(ValueError, match="shadow slice 'dx' of rosenbrock_slice has length 3, its primal has 4"):
        gradients.rosenbrock_slice(x, shadow[:3], 1.0)


def test_a_shadow_has_memory_of_its_own(gradients: Library) -> None:
    x = np.zeros(8)
    with pytest.raises(ValueError, match="shadow 'dx' of rosenbrock_grad shares memory with its primal"):
        gradients.rosenbrock_grad(x[:4], x[3:7], 4, 1.0)


def test_an_element_type_is_found_out_for_each_pointer(kernels: Library) -> None:
    assert kernels.norm(np.arange(3, dtype=np.float32), 3) == 5.0
    with pytest.raises(ValueError, match="'x' of norm is to have dtype float32, not float64"):
        kernels.norm(np.arange(3.0), 3)
    x = np.arange(3.0)
    assert kernels.at(x, np.array([2, 0], np.uint32), 2) == pytest.approx(np.sin(2))
    with pytest.raises(ValueError, match="'where' of at is to have dtype int32, not int64"):
        kernels.at(x, np.array([2, 0]), 2)


def test_a_type_that_is_said_is_the_one_that_counts(toolchain: Toolchain) -> None:
    source = "void keep(void *from, void *to) { __builtin_memcpy(to, from, 8); }"
    inputs = [{"activity": "Duplicated", "type": "*f32"}, {"activity": "Duplicated", "type": "*f32"}]
    library = toolchain.compile(source, autodiff=[AutoDiff("keep", "keep_rev", inputs=inputs)])
    two = [np.zeros(2, np.float32) for _ in range(4)]
    library.keep_rev(*two)
    with pytest.raises(ValueError, match="'dto' of keep_rev is to have dtype float32, not float64"):
        library.keep_rev(*two[:3], np.zeros(2))


def test_help_and_signature_tell_what_goes_in_and_out(gradients: Library) -> None:
    function = gradients.rosenbrock_grad
    assert list(inspect.signature(function).parameters) == ["x", "dx", "n", "dret"]
    documentation = inspect.getdoc(function)
    assert documentation is not None
    assert "derivative of `rosenbrock` in reverse mode" in documentation
    assert "x: a contiguous array of float64\n" in documentation
    assert "dx: a contiguous array of float64: the gradient is added to it\n" in documentation
    assert repr(function).startswith("<rosenbrock_grad(x, dx, n, dret, /) of ")


def test_other_threads_run_while_compiled_code_does(toolchain: Toolchain) -> None:
    source = "long spin(const long *stop) { long turns = 0; while (!*(const volatile long *)stop) turns++; return turns; }"
    spin, stop = toolchain.compile(source).spin, np.zeros(1, np.int64)
    turns: list[int] = []
    thread = threading.Thread(target=lambda: turns.append(spin(stop)), daemon=True)
    thread.start()
    time.sleep(0.05)  # this line is reached at all because the interpreter's lock is free
    stop[0] = 1
    thread.join(timeout=10)
    assert turns
    assert turns[0] > 0
