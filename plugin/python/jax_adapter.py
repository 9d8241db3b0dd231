"""A compiled function as one of JAX's: called back from JAX's programs, differentiated in reverse mode by its compiled derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from plugin.python.primal import Primal, source_of
from plugin.python.transforms import vjp

if TYPE_CHECKING:
    from plugin.python.toolchain import Toolchain


def to_jax(function: Any, *, result: Any = None, toolchain: Toolchain | None = None) -> Callable[..., Any]:
    """A function for JAX that calls a compiled one: `jax.grad`, `jax.jit` and `jax.vmap` (one call after another) work with it.

    Args:
        function: as `holoenzyme.grad` takes it.
        result: a `jax.ShapeDtypeStruct` of what it returns, by default a number of the dtype of the first argument with a derivative.
        toolchain: as `holoenzyme.grad` takes it.

    Returns:
        A function of JAX arrays and numbers. Arrays go to the compiled function in the dtype that it asks for; JAX's own is single
        precision unless `jax_enable_x64` is set. Forward mode (`jax.jvp`) is not there: JAX has one rule a function.

    Raises:
        Error: as `holoenzyme.grad` does, out of JAX where the function is called back.
    """
    source = source_of(function, toolchain)

    def shape_of(arguments: tuple[Any, ...]) -> Any:
        floats = [each for each in arguments if jax.numpy.issubdtype(jax.numpy.asarray(each).dtype, jax.numpy.floating)]
        return result or jax.ShapeDtypeStruct((), jax.numpy.asarray(floats[0]).dtype)

    def value_of(*arguments: Any) -> Any:
        taken = _taken(source.primal, arguments)
        shape = shape_of(arguments)
        return np.asarray(source.primal(taken).call(taken), shape.dtype).reshape(shape.shape)

    def cotangents_of(cotangent: Any, *arguments: Any) -> tuple[Any, ...]:
        taken = _taken(source.primal, arguments)
        weight = np.asarray(cotangent)
        found = vjp(function, *taken, toolchain=toolchain)[1](float(weight) if weight.ndim == 0 else weight)
        pairs = zip(found, arguments, strict=True)
        return tuple(np.asarray(each, np.asarray(like).dtype) for each, like in pairs if _is_float(like))

    @jax.custom_vjp
    def called(*arguments: Any) -> Any:
        return jax.pure_callback(value_of, shape_of(arguments), *arguments, vmap_method="sequential")

    def forward(*arguments: Any) -> Any:
        return called(*arguments), arguments

    def backward(arguments: tuple[Any, ...], cotangent: Any) -> Any:
        like = [jax.ShapeDtypeStruct(np.shape(each), jax.numpy.asarray(each).dtype) for each in arguments if _is_float(each)]
        found = iter(jax.pure_callback(cotangents_of, tuple(like), cotangent, *arguments, vmap_method="sequential"))
        return tuple(next(found) if _is_float(each) else None for each in arguments)

    called.defvjp(forward, backward)
    called.__dict__["__name__"] = source.name
    return called


def _is_float(value: Any) -> bool:
    return bool(jax.numpy.issubdtype(jax.numpy.asarray(value).dtype, jax.numpy.floating))


def _taken(primal_of: Callable[[Any], Primal], arguments: tuple[Any, ...]) -> list[Any]:
    """Arguments as the compiled function takes them: contiguous arrays of its dtypes, and plain numbers."""
    arrays = [np.asarray(each) for each in arguments]
    taken = [np.ascontiguousarray(each) if each.ndim else each.item() for each in arrays]
    primal = primal_of(taken)
    for place, (slot, value) in enumerate(zip(primal.slots, taken, strict=False)):
        parameter = primal.function.parameters[slot.index]
        dtype = primal.function.meaning.dtype(parameter) if isinstance(value, np.ndarray) else None
        if dtype is not None:
            # A copy, because JAX's own memory may not be written to.
            taken[place] = value.astype(dtype)
    return taken
