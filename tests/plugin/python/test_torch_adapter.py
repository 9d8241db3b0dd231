"""Compiled functions in PyTorch's; PyTorch, at 2 GB, is tested where it is installed."""

from typing import Any

import numpy as np
import pytest

from bootstrap.diagnostics import Failure
from plugin.python.library import Library

pytestmark = pytest.mark.needs("torch")


@pytest.fixture
def rosenbrock(kernels: Library) -> Any:
    from plugin.python.torch_adapter import to_torch  # noqa: PLC0415 - only where PyTorch is installed

    return to_torch(kernels.rosenbrock)


@pytest.fixture
def point() -> Any:
    import torch  # noqa: PLC0415 - only where it is installed

    return torch.tensor([1.2, 0.7, -0.3, 2.0], dtype=torch.float64, requires_grad=True)


GRADIENT = np.array([355.6, 72.6, 68.6, 382.0])


def test_backward_goes_through_a_compiled_function(rosenbrock: Any, point: Any) -> None:
    import torch  # noqa: PLC0415 - only where it is installed

    torch.log(rosenbrock(point, 4)).backward()
    np.testing.assert_allclose(point.grad.numpy(), GRADIENT / 483.8)
    assert torch.autograd.gradcheck(lambda x: rosenbrock(x, torch.tensor(4)), (point,))


def test_torch_func_takes_a_compiled_function(rosenbrock: Any, point: Any) -> None:
    import torch  # noqa: PLC0415 - only where it is installed

    gradient = torch.func.grad(lambda x: rosenbrock(x, 4))(point.detach())
    np.testing.assert_allclose(gradient.numpy(), GRADIENT)


def test_a_second_derivative_is_refused_and_never_taken_for_zero(rosenbrock: Any, point: Any) -> None:
    import torch  # noqa: PLC0415 - only where it is installed

    (gradient,) = torch.autograd.grad(rosenbrock(point, 4), point, create_graph=True)
    with pytest.raises(Failure, match="E0560"):
        (rosenbrock(point, 4) + gradient.pow(2).sum()).backward()


def test_arrays_and_numbers_keep_their_kinds() -> None:
    import numba  # noqa: PLC0415 - as above
    import torch  # noqa: PLC0415 - as above

    from plugin.python.torch_adapter import to_torch  # noqa: PLC0415 - as above

    x = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(to_torch(numba.njit(lambda v: np.exp(v) * v)), (x,))
    scaled = to_torch(numba.njit(lambda n, v: 0.25 * n * v[0]))
    assert scaled(torch.tensor(3), x).item() == pytest.approx(0.075)
    assert scaled(2, np.array([3.0])).item() == pytest.approx(1.5)
