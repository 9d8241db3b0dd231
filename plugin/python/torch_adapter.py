"""A compiled function as one of PyTorch's: an `autograd.Function` whose backward pass is the compiled derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from plugin.python.primal import source_of
from plugin.python.transforms import vjp

if TYPE_CHECKING:
    from plugin.python.toolchain import Toolchain


def to_torch(function: Any, *, toolchain: Toolchain | None = None) -> Callable[..., Any]:
    """A function of tensors that calls a compiled one, and through which `backward()` goes.

    Args:
        function: as `holoenzyme.grad` takes it.
        toolchain: as `holoenzyme.grad` takes it.

    Returns:
        A function that takes tensors in the memory of the CPU, in the dtype that the compiled function asks for, and numbers, and gives a
        tensor of the value. Second derivatives (`create_graph=True`) are not there.

    Raises:
        Error, TypeError, ValueError: as `holoenzyme.grad` does.
    """
    source = source_of(function, toolchain)

    class Compiled(torch.autograd.Function):  # type: ignore[misc] # where PyTorch is not installed, mypy knows nothing of it
        @staticmethod
        def forward(context: Any, *arguments: Any) -> Any:
            context.tensors = [each if isinstance(each, torch.Tensor) else None for each in arguments]
            context.taken = [_taken(each) for each in arguments]
            first = next(each for each in context.tensors if each is not None)
            return torch.as_tensor(source.primal(context.taken).call(context.taken), dtype=first.dtype)

        @staticmethod
        def backward(context: Any, *cotangents: Any) -> Any:
            [cotangent] = cotangents
            weight = cotangent.item() if cotangent.ndim == 0 else _taken(cotangent)
            found = vjp(function, *context.taken, toolchain=toolchain)[1](weight)
            pairs = zip(found, context.tensors, strict=True)
            return tuple(None if each is None or like is None else torch.as_tensor(each, dtype=like.dtype) for each, like in pairs)

    def called(*arguments: Any) -> Any:
        """Call the compiled function with tensors and numbers."""
        return Compiled.apply(*arguments)

    called.__name__ = source.name
    return called


def _taken(value: Any) -> Any:
    """A tensor as an array or a number; other things as they are."""
    if not isinstance(value, torch.Tensor):
        return value
    array = value.detach().cpu().numpy()
    return np.ascontiguousarray(array).copy() if array.ndim else array.item()
