"""From an item to the call that Enzyme's pass understands.

For each item a function named `target` is put into the module. Its parameters are the primal's, each followed by its shadow, and the
seed `dret` where the return is active; its body is one `__enzyme_*` call (`plugin/items/definition.py`).
"""

from __future__ import annotations

import graphlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bootstrap.diagnostics import Diagnostic, Failure, fail
from plugin.ir.module import Addition, define, find_function
from plugin.items import slice_check
from plugin.items.abi import UnsupportedABIError
from plugin.items.activity import AutoDiffItem
from plugin.items.definition import definition
from plugin.items.layout import Layout
from plugin.items.prototype import c_signature, derive
from plugin.items.signature import Derivative, Function, Parameter
from plugin.items.validity import fault, unknown_source, valid_arguments

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef


def lower(
    module: ModuleRef, items: Sequence[AutoDiffItem], *, runtime_activity: bool = False, additions: list[Addition] | None = None
) -> list[Derivative]:
    """Put each item's derivative into `module`, ready for Enzyme's pass; a placeholder of the target's name is replaced.

    `runtime_activity` is for the items that do not say themselves whether they want it.
    What is linked into `module` is put into `additions` too, so that another LLVM can do the same.
    Raises `Failure` with every item that cannot be lowered: E0503 to E0506, E0511, E0515, E0516, E0522 to E0524.
    """
    derivatives: list[Derivative] = []
    faults: list[Diagnostic] = []
    for item in _callees_first(items):
        try:
            derivative = _derivative(module, item)
            text = definition(derivative, module.triple, _flags(item, runtime_activity=runtime_activity))
            uses = tuple(filter(None, [item.source, item.on_short_shadow]))
            define(module, item.targets, text, uses)
            if additions is not None:
                additions.append(Addition(names=item.targets, text=text, uses=frozenset(uses)))
            derivatives.append(derivative)
        except Failure as failure:
            faults += failure.diagnostics
    if faults:
        raise Failure(*faults)
    return derivatives


def _flags(item: AutoDiffItem, *, runtime_activity: bool) -> list[str]:
    """The operands by which Enzyme is told an item's options."""
    is_runtime = runtime_activity if item.runtime_activity is None else item.runtime_activity
    flags = {"enzyme_runtime_activity": is_runtime, "enzyme_strong_zero": item.strong_zero}
    return [f'metadata !"{name}"' for name, is_set in flags.items() if is_set]


def _callees_first(items: Sequence[AutoDiffItem]) -> list[AutoDiffItem]:
    """The items in an order in which a derivative of a derivative comes after the one it is made from."""
    by_target = {target: item for item in items for target in item.targets}
    graph = {item.target: [by_target[item.source].target] if item.source in by_target else [] for item in items}
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
    arguments = valid_arguments(item, primal)
    try:
        derivative = derive(item, primal, arguments, module.triple)
        _check_placeholder(module, item, "target", derivative.parameters, derivative.results)
        if item.augmented:
            _check_placeholder(module, item, "augmented", derivative.augmented_parameters, derivative.augmented_results)
    except UnsupportedABIError as unsupported:
        raise Failure(fault("E0515", item, "ret", f"cannot pass or return a struct: {unsupported}", "use pointers")) from None
    _check_handler(module, item)
    return derivative


def _check_placeholder(module: ModuleRef, item: AutoDiffItem, key: str, parameters: Sequence[Parameter], results: Sequence[Layout]) -> None:
    """A function of the target's name in the module must have the derivative's type: calls to it were compiled for that.

    Raises `UnsupportedABIError` where it is not known what type C gives the derivative.
    """
    target = item.augmented if key == "augmented" else item.target
    returned, types = c_signature(parameters, results, module.triple)
    existing = find_function(module, target)
    if existing is None or existing.spelling == "void ()":
        return
    if existing.taken != types or not _is_same(existing, returned):
        raise Failure(
            fault(
                "E0511",
                item,
                key,
                f"the sources declare `{target}` as `{existing.spelling}`, the derivative is `{returned} ({', '.join(types)})`",
                "declare it with each parameter followed by its shadow, then the seed",
            )
        )


def _is_same(existing: Function, returned: str) -> bool:
    """Whether a function returns the type `returned`, whatever name it has for it."""
    if not existing.returns.startswith("%"):
        return existing.returns == returned
    return returned != "void" and Layout.of_ir(existing.returns, existing.definitions) == Layout.of_ir(returned)


def _check_handler(module: ModuleRef, item: AutoDiffItem) -> None:
    """A handler that the module has must take what it is called with; one that it has not is the linker's to find."""
    handler = find_function(module, item.on_short_shadow) if item.on_short_shadow else None
    if handler is not None and (handler.returns, handler.parameters) != ("void", slice_check.HANDLER):
        message = f"`{handler.name}` is `{handler.spelling}`, a handler of short shadows is `void ({', '.join(slice_check.HANDLER)})`"
        remedy = "let it take the shadow's name, the length of the name, the shadow's length and the length that it needs"
        raise Failure(fault("E0524", item, "on-short-shadow", message, remedy))
