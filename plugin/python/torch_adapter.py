"""A compiled function as one of PyTorch's: an `autograd.Function` whose backward pass is the compiled derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bootstrap.diagnostics import fail
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
        tensor of the value. `torch.func.grad` takes it too.

    Raises:
        Error, TypeError, ValueError: as `holoenzyme.grad` does; E0560 for a second derivative.
    """
    source = source_of(function, toolchain)

    class Pullback(torch.autograd.Function):  # type: ignore[misc] # where PyTorch is not installed, mypy knows nothing of it
        @staticmethod
        def forward(cotangent: Any, *arguments: Any) -> Any:
            weight = cotangent.item() if cotangent.ndim == 0 else _taken(cotangent)
            found = vjp(function, *map(_taken, arguments), toolchain=toolchain)[1](weight)
            pairs = zip(found, arguments, strict=True)
            return tuple(torch.as_tensor(each, dtype=like.dtype) if _is_wanted(each, like) else None for each, like in pairs)

        @staticmethod
        def setup_context(context: Any, inputs: Any, output: Any) -> None:
            """Nothing is kept: nobody comes back."""

        @staticmethod
        def backward(_context: Any, *_cotangents: Any) -> Any:
            message = f"PyTorch asks for a second derivative of `{source.name}`, and `to_torch` has first ones alone"
            raise fail("E0560", message, help=["`holoenzyme.hessian` and `holoenzyme.hvp` give second derivatives"])

    class Compiled(torch.autograd.Function):  # type: ignore[misc] # as above
        @staticmethod
        def forward(*arguments: Any) -> Any:
            taken = [_taken(each) for each in arguments]
            value = source.primal(taken).call(taken)
            return torch.as_tensor(value, dtype=None if isinstance(value, np.ndarray) else _floating(arguments))

        @staticmethod
        def setup_context(context: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - PyTorch calls it by these names
            context.save_for_backward(*(each if isinstance(each, torch.Tensor) else None for each in inputs))
            context.others = [None if isinstance(each, torch.Tensor) else each for each in inputs]

        @staticmethod
        def backward(context: Any, cotangent: Any) -> Any:
            pairs = zip(context.saved_tensors, context.others, strict=True)
            return Pullback.apply(cotangent, *(other if tensor is None else tensor for tensor, other in pairs))

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


def _is_wanted(found: Any, argument: Any) -> bool:
    return found is not None and isinstance(argument, torch.Tensor)


def _floating(arguments: Sequence[Any]) -> Any:
    """The dtype of a number that is returned: that of the first tensor of such numbers, else double precision."""
    dtypes = (each.dtype for each in arguments if isinstance(each, torch.Tensor) and each.is_floating_point())
    return next(dtypes, torch.float64)
