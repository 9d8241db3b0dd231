"""The check of a gradient: right ones pass, wrong ones are told with their place."""

from typing import Any

import numpy as np
import pytest

from bootstrap.diagnostics import Failure
from plugin.python import check, transforms
from plugin.python.check import check_grad
from plugin.python.library import Library

X = np.linspace(0.3, 2.0, 9)


def test_right_gradients_pass(kernels: Library) -> None:
    assert check_grad(kernels.rosenbrock, X, 9) < 1e-8
    assert check_grad(kernels.power, 3.0, 2.0, 3, argnums=1) < 1e-8
    assert check_grad(kernels.norm, X.astype(np.float32), 9, tolerance=1e-2) < 1e-2
    work = np.zeros(9)
    assert check_grad(kernels.through, X, work, 9) < 1e-8
    assert not work.any(), "the arguments are copied"


def test_a_wrong_gradient_is_told_with_its_place(kernels: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(function: Any, argnums: int = 0, **_: Any) -> Any:
        def gradient(x: Any, n: int) -> Any:
            found = transforms.grad(function, argnums)(x, n)
            found[4] *= 1.001
            return found

        return gradient

    monkeypatch.setattr(check, "grad", wrong)
    with pytest.raises(Failure, match=r"by argument 0 differs from central differences by 1\.0e-03") as caught:
        check_grad(kernels.rosenbrock, X, 9)
    assert caught.value.code == "E0101"
    assert "element 4: found" in str(caught.value)


def test_a_place_that_is_not_smooth_fails(toolchain: Any) -> None:
    step = toolchain.compile("double f(double x) { return x < 2.0 ? 0.0 : x; }").f
    assert check_grad(step, 3.0) < 1e-8
    with pytest.raises(Failure, match="the number: found"):
        check_grad(step, 2.0)
