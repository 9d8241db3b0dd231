"""What is valid with what: an item against the function that it names, as rustc has it, checked on the IR's real types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bootstrap.diagnostics import Diagnostic
from plugin.abi import FLOAT_SIZES
from plugin.activity import AutoDiffItem, DiffActivity, DiffMode
from plugin.signature import Function

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef


def faults_of(item: AutoDiffItem, primal: Function) -> list[Diagnostic]:
    """What is wrong with an item for its primal: E0504 to E0506, E0515, E0516."""
    return [*_faults_of_shape(item, primal), *_faults_of_inputs(item, primal), *_faults_of_return(item, primal)]


def fault(code: str, item: AutoDiffItem, key: str, message: str, *help_: str, notes: Iterable[str] = ()) -> Diagnostic:
    """A fault of an item; `key` says which part of the item it is about."""
    return Diagnostic(code=code, message=message, help=help_, notes=tuple(notes), key=f"autodiff.{item.index}.{key}")


def unknown_source(module: ModuleRef, item: AutoDiffItem) -> Diagnostic:
    """The fault of an item whose source is no function of the module (E0503), with names that are like it."""
    from plugin.module import near_matches  # noqa: PLC0415 - llvmlite is for workers only

    matches = near_matches(module, item.source)
    mangled = [name for name in matches if name.startswith(("_Z", "_R"))]
    remedies = [f"did you mean {' or '.join(f'`{name}`' for name in matches)}?"] if matches else []
    if mangled:
        remedies.append('a symbol with its plain name needs `extern "C"` in C++, and `#[no_mangle]` beside it in Rust')
    return fault("E0503", item, "source", f"the sources define no function `{item.source}`", *remedies)


def _faults_of_shape(item: AutoDiffItem, primal: Function) -> Iterable[Diagnostic]:
    if primal.is_declaration:
        yield fault("E0516", item, "source", f"`{item.source}` has no body in this unit", "add the source that defines it to `sources`")
    if primal.takes_struct:
        yield fault("E0515", item, "source", f"`{item.source}` takes or returns a struct by value", "pass a pointer to it")
    if primal.is_variadic:
        message = f"`{item.source}` takes a variable number of arguments"
        yield fault("E0515", item, "source", message, "give it a fixed number of parameters")


def _faults_of_inputs(item: AutoDiffItem, primal: Function) -> Iterable[Diagnostic]:
    if len(item.inputs) != len(primal.parameters):
        plural = "" if len(primal.parameters) == 1 else "s"
        yield fault(
            "E0504",
            item,
            "inputs",
            f"`{item.source}` has {len(primal.parameters)} parameter{plural}, the length of `inputs` is {len(item.inputs)}",
            "give one activity for each parameter",
            notes=[f"its type is `{primal.spelling}`"],
        )
        return
    for number, (type_, activity) in enumerate(zip(primal.parameters, item.inputs, strict=True), 1):
        remedy = _remedy(type_, activity)
        if remedy:
            message = f"parameter {number} of `{item.source}` is `{type_}` and cannot be {activity}"
            yield fault("E0505", item, f"inputs.{number - 1}", message, remedy)


def _remedy(type_: str, activity: DiffActivity) -> str:
    """What to write instead of `activity` for a parameter of an IR type; empty when it is valid."""
    if activity is DiffActivity.CONST:
        return ""
    if type_ in FLOAT_SIZES:
        is_wrong = activity in {DiffActivity.DUPLICATED, DiffActivity.DUPLICATED_ONLY}
        return 'a scalar has no shadow in memory: write "Active"' if is_wrong else ""
    if type_ == "ptr":
        return 'the gradient of what it points to is added to a shadow: write "Duplicated"' if activity.is_active else ""
    if type_.startswith("i"):
        return 'an integer has no derivative: write "Const"'
    return f'`{type_}` is not a scalar or a pointer: write "Const", or pass a pointer'


def _faults_of_return(item: AutoDiffItem, primal: Function) -> Iterable[Diagnostic]:
    if primal.returns == "void":
        if item.ret is not DiffActivity.NONE:
            yield fault("E0506", item, "ret", f"`{item.source}` returns nothing, its `ret` cannot be {item.ret}", 'write ret = "None"')
        return
    wanted = "Dual" if item.mode is DiffMode.FORWARD else "Active"
    suggestion = wanted if primal.returns in FLOAT_SIZES else "Const"
    is_scalar = primal.returns in FLOAT_SIZES or primal.returns == "ptr" or primal.returns[1:].isdigit()
    if item.ret is DiffActivity.NONE:
        yield fault("E0506", item, "ret", f"`{item.source}` returns `{primal.returns}` and `ret` is None", f'write ret = "{suggestion}"')
    elif not is_scalar:
        message = f"`{item.source}` returns `{primal.returns}`, which is not a scalar"
        yield fault("E0515", item, "source", message, "return it through a pointer")
    elif item.ret is not DiffActivity.CONST and primal.returns not in FLOAT_SIZES:
        yield fault("E0506", item, "ret", f"`{item.source}` returns `{primal.returns}`, which cannot be {item.ret}", 'write ret = "Const"')
