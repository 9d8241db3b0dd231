"""The derivatives that a primal is asked for, and calls of them with their shadows.

A parameter has a shadow when it is differentiated by, and also when it is a pointer that the primal writes through: what is kept there may
carry active values on, and a constant one would lose them without a word.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bootstrap.diagnostics import fail
from plugin.items.layout import FLOAT_SIZES
from plugin.python.function import Function
from plugin.python.primal import Primal, zeros_like
from plugin.python.toolchain import AutoDiff


def reverse(primal: Primal, wanted: Collection[int], *, keeps_value: bool) -> Function:
    """The gradient with respect to the slots `wanted`, of what the primal returns, or of what it writes when it returns nothing."""
    ret = "Active" if keeps_value else "ActiveOnly"
    return primal.derived((ret, tuple(wanted)), lambda: [_reverse_item(primal, wanted, ret)])


def forward(primal: Primal, wanted: Collection[int]) -> Function:
    """The derivative along tangents of the slots `wanted`, with the value."""
    return primal.derived(("jvp", tuple(wanted)), lambda: [_forward_item(primal, wanted)])


def forward_over_reverse(primal: Primal, slot: int) -> Function:
    """The derivative, along a tangent of one slot, of the gradient with respect to it: a product with the Hessian."""
    return primal.derived(("hvp", slot), lambda: _second_items(primal, slot))


def _forward_item(primal: Primal, wanted: Collection[int]) -> AutoDiff:
    function = primal.function
    inputs = [primal.typed(index, _activity(primal, index, wanted, "Dual", "Dual")) for index in range(len(function.parameters))]
    ret = "None" if not primal.returns else "Dual" if primal.returns in FLOAT_SIZES else "Const"
    return AutoDiff(function.__name__, _target(function, "jvp", wanted), "forward", inputs, ret)


def _second_items(primal: Primal, slot: int) -> list[AutoDiff]:
    gradient = _reverse_item(primal, [slot], "ActiveOnly")
    parameters: list[str] = []
    for index in range(len(primal.function.parameters)):
        activity = _activity(primal, index, [slot], "Active", "Duplicated")
        parameters += {"Active": ["Dual"], "Duplicated": ["Dual", "Dual"], "Const": ["Const"]}[activity]
    is_array = primal.is_array(primal.slots[slot])
    target = _target(primal.function, "hvp", [slot])
    item = AutoDiff(gradient.target, target, "forward", [*parameters, "Const"], "None" if is_array else "DualOnly")
    return [gradient, item]


def require_number(primal: Primal) -> None:
    """Raise `Failure` (E0272) when the primal does not return a floating-point number."""
    if primal.returns not in FLOAT_SIZES:
        message = f"`{primal.function.__name__}` does not return one floating-point number, and a gradient is of that"
        raise fail("E0272", message, help=["let it return a number; `jvp` and an item of `build` are for one that writes its results"])


def _reverse_item(primal: Primal, wanted: Collection[int], ret: str) -> AutoDiff:
    function = primal.function
    inputs = [primal.typed(index, _activity(primal, index, wanted, "Active", "Duplicated")) for index in range(len(function.parameters))]
    kind = "value_and_grad" if ret == "Active" else "grad"
    return AutoDiff(function.__name__, _target(function, kind, wanted), "reverse", inputs, ret if primal.returns else "None")


def _activity(primal: Primal, index: int, wanted: Collection[int], scalar: str, pointer: str) -> str:
    if any(primal.slots[each].index == index for each in wanted):
        return pointer if primal.function.parameters[index].type == "ptr" else scalar
    return pointer if primal.carries(index) else "Const"


def _target(function: Function, kind: str, wanted: Collection[int]) -> str:
    return f"{function.__name__}.{kind}.{'_'.join(map(str, sorted(wanted)))}"


# Calls


def shadows_for(derivative: Function, values: Sequence[Any], given: Mapping[int, Any] | None = None) -> dict[int, Any]:
    """A shadow for each parameter that has one: the `given` one, or zeros of the same shape."""
    indices = [each.index for each in derivative.parameters if each.role == "shadow"]
    known = given or {}
    return {index: known[index] if index in known else zeros_like(values[index]) for index in indices}


def call(derivative: Function, values: Sequence[Any], shadows: Mapping[int, Any], seed: float = 1.0) -> tuple[Any, ...]:
    """All that the derivative returns. `values` and `shadows` are by the parameters of what it was made from."""
    returned = derivative(*arranged(derivative, values, shadows, seed))
    return tuple(returned) if len(derivative.results) > 1 else (returned,) * len(derivative.results)


def arranged(derivative: Function, values: Sequence[Any], shadows: Mapping[int, Any], seed: float = 1.0) -> list[Any]:
    """The derivative's arguments in their order."""
    held: dict[str, Mapping[int, Any]] = {"primal": dict(enumerate(values)), "shadow": shadows}
    return [seed if each.role == "seed" else held[each.role][each.index] for each in derivative.parameters]
