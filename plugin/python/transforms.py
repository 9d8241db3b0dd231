"""Derivatives of functions, as functions: gradients, products with Jacobians and Hessians.

Names and orders of arguments are those of JAX, and such that SciPy's optimisers take them as they are: `grad(f)` is a `jac`,
`value_and_grad(f)` a function for `jac=True`, `hessian(f)` a `hess` and `hvp(f)` a `hessp`. What is differentiated is a *source* (see
primal.py); it is compiled when the result is first called, or found in the cache. Arrays are passed without copies. The
results are new arrays of the arguments' shape and dtype, in the units of the value over those of the argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bootstrap.diagnostics import fail
from plugin.python import derivation
from plugin.python.primal import Primal, Source, source_of

if TYPE_CHECKING:
    from plugin.python.toolchain import Toolchain

Argnums = int | tuple[int, ...]


def grad(function: Any, argnums: Argnums = 0, *, toolchain: Toolchain | None = None) -> Callable[..., Any]:
    """The gradient of a function that returns a floating-point number, by reverse mode.

    Args:
        function: what `source_of` takes: a function of a library, of Numba, of llvmlite.
        argnums: the place of the argument to differentiate by, or a tuple of places.
        toolchain: what to compile with, where the function does not decide that.

    Returns:
        A function of the same arguments that gives the gradient with respect to the chosen one: for an array a new array of its shape
        and dtype, for a number a number; for a tuple of places a tuple.

    Raises:
        Error: `function` is nothing that can be differentiated (E0271). When the result is called: E0272 when the function returns no
            number, E0273 when a chosen argument is none that has a derivative, and whatever is wrong with its code.
        TypeError, ValueError: when the result is called with arguments that do not fit.
    """
    return _gradient(function, argnums, toolchain, keeps_value=False)


def value_and_grad(function: Any, argnums: Argnums = 0, *, toolchain: Toolchain | None = None) -> Callable[..., Any]:
    """As `grad`, of a function that gives the pair (value, gradient) for the cost of one call."""
    return _gradient(function, argnums, toolchain, keeps_value=True)


def _gradient(function: Any, argnums: Argnums, toolchain: Toolchain | None, *, keeps_value: bool) -> Callable[..., Any]:
    source = source_of(function, toolchain)
    places = argnums if isinstance(argnums, tuple) else (argnums,)

    def gradient(*arguments: Any) -> Any:
        primal = source.primal(arguments)
        derivation.require_number(primal)
        wanted = _chosen(primal, places)
        derivative = derivation.reverse(primal, wanted, keeps_value=keeps_value)
        values = primal.passed(arguments)
        shadows = derivation.shadows_for(derivative, values)
        returned = derivation.call(derivative, values, shadows)
        primal.after(values)
        gradients = _gathered(primal, wanted, shadows, returned[1:] if keeps_value else returned)
        chosen = tuple(gradients) if isinstance(argnums, tuple) else gradients[0]
        return (returned[0], chosen) if keeps_value else chosen

    what = "the value and the gradient" if keeps_value else "the gradient"
    return _named(gradient, source, f"{'value_and_' if keeps_value else ''}grad", f"Gives {what} of `{source.name}` by argument {argnums}.")


def jvp(function: Any, primals: Sequence[Any], tangents: Sequence[Any], *, toolchain: Toolchain | None = None) -> tuple[Any, Any]:
    """The value of a function and its derivative along tangents, by forward mode.

    Args:
        function: as `grad` takes it.
        primals: the arguments.
        tangents: for each argument an array of its shape and dtype, or a number; None for one that stays as it is. Where the function
            writes to an array, the tangent of what it wrote is in the tangent afterwards.
        toolchain: as `grad` takes it.

    Returns:
        (value, tangent of the value); the second is None for a function that returns no floating-point number. Where a Numba function
        returns an array, both are arrays of its shape.

    Raises:
        Error, TypeError, ValueError: as `grad` does.
    """
    primal = source_of(function, toolchain).primal(primals)
    if len(tangents) != len(primals):
        raise TypeError(f"there are {len(primals)} primals and {len(tangents)} tangents")
    wanted = _chosen(primal, [place for place, each in enumerate(tangents) if each is not None])
    derivative = derivation.forward(primal, wanted)
    values = primal.passed(primals)
    given = {primal.slots[place].index: _apart(tangents[place], primals[place]) for place in wanted}
    shadows = derivation.shadows_for(derivative, values, given)
    returned = derivation.call(derivative, values, shadows)
    primal.after(values)
    if primal.result is not None:
        return values[primal.result], shadows[primal.result]
    return (returned[0] if returned else None), (returned[1] if len(returned) > 1 else None)


def _apart(tangent: Any, primal: Any) -> Any:
    """A tangent in memory of its own: along itself is a usual direction."""
    both = isinstance(tangent, np.ndarray) and isinstance(primal, np.ndarray)
    return tangent.copy(order="K") if both and np.may_share_memory(tangent, primal) else tangent


def vjp(function: Any, *primals: Any, toolchain: Toolchain | None = None) -> tuple[Any, Callable[..., tuple[Any, ...]]]:
    """The value of a function, and a function from a cotangent of the value to those of the arguments, by reverse mode.

    Args:
        function: as `grad` takes it.
        primals: the arguments; they are kept, and read at each call of the pullback.
        toolchain: as `grad` takes it.

    Returns:
        (value, pullback). `pullback(cotangent)` takes a number, or an array of the value's shape, by default all 1, and gives a tuple
        with an array or a number for each argument that has a derivative, and None for the others.

    Raises:
        Error, TypeError, ValueError: as `grad` does.
    """
    primal = source_of(function, toolchain).primal(primals)
    if primal.result is None:
        derivation.require_number(primal)
    wanted = [place for place, slot in enumerate(primal.slots) if primal.is_differentiable(slot)]
    derivative = derivation.reverse(primal, wanted, keeps_value=False)
    value = primal.call(primals)

    def pullback(cotangent: Any = 1.0) -> tuple[Any, ...]:
        values = primal.passed(primals, None if primal.result is None else np.empty_like(value))
        weights = {} if primal.result is None else {primal.result: np.empty_like(value)}
        for each in weights.values():  # a copy: the derivative takes the weights out of it
            each[...] = cotangent
        shadows = derivation.shadows_for(derivative, values, weights)
        returned = derivation.call(derivative, values, shadows, 1.0 if weights else cotangent)
        primal.after(values)
        found = dict(zip(wanted, _gathered(primal, wanted, shadows, returned), strict=True))
        return tuple(found.get(place) for place in range(len(primals)))

    return value, pullback


def hvp(function: Any, argnums: int = 0, *, toolchain: Toolchain | None = None) -> Callable[..., Any]:
    """The product of a function's Hessian with a vector, by forward over reverse mode: the cost of a few calls, whatever the size.

    Args:
        function: as `grad` takes it.
        argnums: the place of the argument to differentiate by, twice.
        toolchain: as `grad` takes it.

    Returns:
        A function that takes the arguments with the vector, an array of the shape and dtype of the chosen argument, right behind that
        argument, and gives an array of that shape. With `argnums=0` it is `hessp` to SciPy.

    Raises:
        Error, TypeError, ValueError: as `grad` does.
    """
    source = source_of(function, toolchain)

    def product(*arguments: Any) -> Any:
        vector = arguments[argnums + 1]
        rest = (*arguments[: argnums + 1], *arguments[argnums + 2 :])
        return _product(source.primal(rest), argnums, rest, vector)

    return _named(
        product, source, "hvp", f"Gives the Hessian of `{source.name}` by argument {argnums}, times the vector behind that argument."
    )


def hessian(function: Any, argnums: int = 0, *, toolchain: Toolchain | None = None) -> Callable[..., Any]:
    """The Hessian of a function that returns a floating-point number: one product with it for each element of the argument.

    Args:
        function: as `grad` takes it.
        argnums: the place of the argument to differentiate by, twice.
        toolchain: as `grad` takes it.

    Returns:
        A function of the same arguments that gives, for an argument of shape S, an array of shape S + S; for a number a number.

    Raises:
        Error, TypeError, ValueError: as `grad` does.
    """
    source = source_of(function, toolchain)

    def matrix(*arguments: Any) -> Any:
        primal = source.primal(arguments)
        point = arguments[argnums]
        if not isinstance(point, np.ndarray):
            return _product(primal, argnums, arguments, 1.0)
        unit = np.zeros_like(point)
        rows = np.empty(point.shape + point.shape, point.dtype)
        for index in np.ndindex(point.shape):
            unit[index] = 1
            rows[index] = _product(primal, argnums, arguments, unit)
            unit[index] = 0
        return rows

    return _named(matrix, source, "hessian", f"Gives the Hessian of `{source.name}` by argument {argnums}.")


def _product(primal: Primal, place: int, arguments: Sequence[Any], vector: Any) -> Any:
    derivation.require_number(primal)
    [place] = _chosen(primal, [place])
    derivative = derivation.forward_over_reverse(primal, place)
    gradient = derivative.library[derivative.derivative_of]
    inner = primal.passed(arguments)
    shadows = derivation.shadows_for(gradient, inner)
    values = derivation.arranged(gradient, inner, shadows)
    chosen = next(at for at, each in enumerate(gradient.parameters) if each.role == "primal" and each.index == primal.slots[place].index)
    tangents = derivation.shadows_for(derivative, values, {chosen: _apart(vector, arguments[place])})
    returned = derivation.call(derivative, values, tangents)
    primal.after(inner)
    return tangents[chosen + 1] if primal.is_array(primal.slots[place]) else returned[-1]


def _chosen(primal: Primal, places: Sequence[int]) -> list[int]:
    """Places that count from 0; raises `Failure` (E0273) for one that has no derivative, and `TypeError` for one that is not there."""
    count = len(primal.slots)
    chosen = [place + count if place < 0 else place for place in places]
    for place in chosen:
        if not 0 <= place < count:
            raise TypeError(f"{primal.function.__name__}() has {count} arguments, there is none with the number {place}")
        slot = primal.slots[place]
        if not primal.is_differentiable(slot):
            message = f"argument {place} (`{slot.name}`) of `{primal.function.__name__}` holds integers, which have no derivative"
            raise fail("E0273", message, help=["choose another one with `argnums`, or let it hold floating-point numbers"])
    return chosen


def _gathered(primal: Primal, wanted: Sequence[int], shadows: dict[int, Any], returned: Sequence[Any]) -> list[Any]:
    """The gradients of the chosen slots, in their order: arrays are shadows, numbers were returned, in the order of the parameters."""
    scalars = iter(returned)
    by_value = {place: next(scalars) for place in sorted(wanted) if not primal.is_array(primal.slots[place])}
    return [by_value[place] if place in by_value else shadows[primal.slots[place].index] for place in wanted]


def _named(function: Callable[..., Any], source: Source, kind: str, documentation: str) -> Callable[..., Any]:
    function.__name__ = f"{kind}_{source.name}"
    function.__qualname__ = function.__name__
    function.__doc__ = f"{documentation}\n\nArguments and errors are as the documentation of `holoenzyme.{kind}` says."
    return function
