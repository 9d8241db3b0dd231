"""Compiled functions in PyTorch's; PyTorch, at 2 GB, is tested where it is installed."""

import numpy as np
import pytest

from plugin.python.library import Library


@pytest.mark.needs("torch")
def test_backward_goes_through_a_compiled_function(kernels: Library) -> None:
    import torch  # noqa: PLC0415 - only where it is installed

    from plugin.python.torch_adapter import to_torch  # noqa: PLC0415

    x = torch.tensor([1.2, 0.7, -0.3, 2.0], dtype=torch.float64, requires_grad=True)
    loss = torch.log(to_torch(kernels.rosenbrock)(x, 4))
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), np.array([355.6, 72.6, 68.6, 382.0]) / 483.8)
