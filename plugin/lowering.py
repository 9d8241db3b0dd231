"""From an item to the call that Enzyme's pass understands.

For each item a function named `target` is put into the module. Its parameters are the primal's, each followed by its shadow, and the
seed `dret` where the return is active; its body is one `__enzyme_*` call (`plugin/definition.py`).
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bootstrap.diagnostics import Diagnostic, Failure, fail
from plugin.activity import AutoDiffItem, DiffMode
from plugin.definition import c_signature, definition
from plugin.module import Addition, define, find_function
from plugin.signature import Derivative, Function, Parameter
from plugin.validity import fault, faults_of, unknown_source

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef


def lower(
    module: ModuleRef, items: Sequence[AutoDiffItem], *, runtime_activity: bool = False, additions: list[Addition] | None = None
) -> list[Derivative]:
    """Put each item's derivative into `module`, ready for Enzyme's pass; a placeholder of the target's name is replaced.

    `runtime_activity` lets Enzyme decide while the program runs which pointers are active, by comparing each with its shadow.
    What is linked into `module` is put into `additions` too, so that another LLVM can do the same.
    Raises `Failure` with every item that cannot be lowered: E0503 to E0506, E0511, E0515, E0516.
    """
    flags = ['metadata !"enzyme_runtime_activity"'] if runtime_activity else []
    derivatives: list[Derivative] = []
    faults: list[Diagnostic] = []
    for item in _callees_first(items):
        try:
            derivative = _derivative(module, item)
            text = definition(derivative, module.triple, flags)
            define(module, item.target, text, uses=item.source)
            if additions is not None:
                additions.append(Addition(name=item.target, text=text, uses=frozenset({item.source})))
            derivatives.append(derivative)
        except Failure as failure:
            faults += failure.diagnostics
    if faults:
        raise Failure(*faults)
    return derivatives


def _callees_first(items: Sequence[AutoDiffItem]) -> list[AutoDiffItem]:
    """The items in an order in which a derivative of a derivative comes after the one it is made from."""
    by_target = {item.target: item for item in items}
    graph = {item.target: [item.source] if item.source in by_target else [] for item in items}
    try:
        return [by_target[target] for target in graphlib.TopologicalSorter(graph).static_order()]
    except graphlib.CycleError as error:
        cycle = " -> ".join(f"`{name}`" for name in error.args[1])
        message = f"derivatives are made from each other: {cycle}"
        raise fail("E0517", message, help=["let one of them have a primal of the sources"]) from None


def _derivative(module: ModuleRef, item: AutoDiffItem) -> Derivative:
    primal = find_function(module, item.source)
    if primal is None:
        raise Failure(unknown_source(module, item))
    faults = faults_of(item, primal)
    if faults:
        raise Failure(*faults)
    derivative = Derivative(item=item, primal=primal, parameters=tuple(_parameters(item, primal)), results=tuple(_results(item, primal)))
    _check_placeholder(module, derivative)
    return derivative


def _parameters(item: AutoDiffItem, primal: Function) -> Iterable[Parameter]:
    for index, (type_, activity) in enumerate(zip(primal.parameters, item.inputs, strict=True)):
        yield Parameter(name=f"x{index}", type=type_, role="primal", index=index, extension=primal.extensions[index])
        if activity.has_shadow:
            yield Parameter(name=f"dx{index}", type=type_, role="shadow", index=index)
    if item.mode is DiffMode.REVERSE and item.ret.is_active:
        yield Parameter(name="dret", type=primal.returns, role="seed", index=-1)


def _results(item: AutoDiffItem, primal: Function) -> Iterable[str]:
    if item.ret.returns_primal:
        yield primal.returns
    if item.ret.has_shadow:
        yield primal.returns
    for type_, activity in zip(primal.parameters, item.inputs, strict=True):
        if activity.is_active:
            yield type_


def _check_placeholder(module: ModuleRef, derivative: Derivative) -> None:
    """A function of the target's name in the module must have the derivative's type: calls to it were compiled for that."""
    target = derivative.item.target
    existing = find_function(module, target)
    if existing is None:
        return
    returned, parameters = c_signature(derivative, module.triple)
    if (existing.returns, existing.parameters) not in {(returned, parameters), ("void", ())}:
        raise Failure(
            fault(
                "E0511",
                derivative.item,
                "target",
                f"the sources declare `{target}` as `{existing.spelling}`, the derivative is `{returned} ({', '.join(parameters)})`",
                "declare it with each parameter followed by its shadow, then the seed",
            )
        )
