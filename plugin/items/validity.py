"""What is valid with what: an item against the function that it names, as rustc has it, checked on the IR's real types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bootstrap.diagnostics import Diagnostic, Failure
from plugin.items.activity import AutoDiffItem, DiffActivity, DiffMode
from plugin.items.arguments import MisfitError, read_arguments
from plugin.items.layout import Layout, UnknownLayoutError, is_integer, size_of
from plugin.items.signature import Argument, Function, Passing

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef


def fault(code: str, item: AutoDiffItem, key: str, message: str, *help_: str, notes: Iterable[str] = ()) -> Diagnostic:
    """A fault of an item; `key` says which part of the item it is about."""
    return Diagnostic(code=code, message=message, help=help_, notes=tuple(notes), key=f"autodiff.{item.index}.{key}")


def unknown_source(module: ModuleRef, item: AutoDiffItem) -> Diagnostic:
    """The fault of an item whose source is no function of the module (E0503), with names that are like it."""
    from plugin.ir.module import near_matches  # noqa: PLC0415 - llvmlite is for workers only

    matches = near_matches(module, item.source)
    mangled = [name for name in matches if name.startswith(("_Z", "_R"))]
    remedies = [f"did you mean {' or '.join(f'`{name}`' for name in matches)}?"] if matches else []
    if mangled:
        remedies.append('a symbol with its plain name needs `extern "C"` in C++, and `#[no_mangle]` beside it in Rust')
    return fault("E0503", item, "source", f"the sources define no function `{item.source}`", *remedies)


def valid_arguments(item: AutoDiffItem, primal: Function) -> tuple[Argument, ...]:
    """What each input of the item is about; raises `Failure` with all that is wrong with it for its primal.

    The codes are E0504 to E0506, E0515, E0516, E0522 and E0523.
    """
    read = list(read_arguments(item, primal))
    arguments = tuple(each for each in read if isinstance(each, Argument))
    faults = [*_faults_of_shape(item, primal), *_faults_of_inputs(item, primal, read), *_faults_of_return(item, primal)]
    if faults:
        raise Failure(*faults)
    return arguments


def _faults_of_shape(item: AutoDiffItem, primal: Function) -> Iterator[Diagnostic]:
    if primal.is_declaration:
        yield fault("E0516", item, "source", f"`{item.source}` has no body in this unit", "add the source that defines it to `sources`")
    if primal.is_variadic:
        message = f"`{item.source}` takes a variable number of arguments"
        yield fault("E0515", item, "source", message, "give it a fixed number of parameters")


def _faults_of_inputs(item: AutoDiffItem, primal: Function, read: list[Argument | MisfitError]) -> Iterator[Diagnostic]:
    for number, each in enumerate(read):
        if isinstance(each, MisfitError):
            yield fault("E0522", item, f"inputs.{number}", f"input {number + 1} of `{item.source}`: {each}", each.remedy)
    if any(isinstance(each, MisfitError) for each in read):
        return
    arguments = [each for each in read if isinstance(each, Argument)]
    if len(arguments) != len(item.inputs) or sum(each.count for each in arguments) != len(primal.parameters):
        yield _wrong_number(item, primal, arguments)
        return
    for number, argument in enumerate(arguments):
        remedy = _remedy(argument)
        if remedy:
            message = (
                f"parameter {argument.first + 1} of `{item.source}` is `{_spelling(primal, argument)}` and cannot be {argument.activity}"
            )
            yield fault("E0505", item, f"inputs.{number}", message, remedy)
        elif item.width > 1 and argument.activity.is_vector and not argument.stride:
            message = f"how far the lanes of input {number + 1} of `{item.source}` lie apart is not known"
            remedies = ['say what it points to: `type = "[f64]"` where its length follows it, else `type = "*[f64; 4]"`', "or write Dual"]
            yield fault("E0523", item, f"inputs.{number}", message, *remedies)


def _wrong_number(item: AutoDiffItem, primal: Function, arguments: list[Argument]) -> Diagnostic:
    plural = "" if len(primal.parameters) == 1 else "s"
    several = [f"input {number} takes {each.count} of them" for number, each in enumerate(arguments, 1) if each.count > 1]
    return fault(
        "E0504",
        item,
        "inputs",
        f"`{item.source}` has {len(primal.parameters)} parameter{plural}, the length of `inputs` is {len(item.inputs)}",
        'give one activity for each parameter; a slice or a struct that is several needs its `type`, such as `"[f64]"`',
        notes=[f"its type is `{primal.spelling}`", *several],
    )


def _spelling(primal: Function, argument: Argument) -> str:
    if argument.passing is Passing.REGISTERS and argument.count == 1 and not is_integer(primal.parameters[argument.first]):
        return primal.parameters[argument.first]
    return argument.layout.spelling


def _remedy(argument: Argument) -> str:
    """What to write instead of an argument's activity; empty when it is valid."""
    activity = argument.activity
    if activity is DiffActivity.CONST:
        return ""
    if argument.is_struct:
        return _remedy_of_struct(argument)
    if argument.is_pointer:
        return 'the gradient of what it points to is added to a shadow: write "Duplicated"' if activity.is_active else ""
    if not argument.layout.floats:
        return 'an integer has no derivative: write "Const"'
    if activity.is_vector:
        return 'a number has a shadow for each lane: write "Dual"'
    return "" if activity.is_active or _is_dual(activity) else 'a scalar has no shadow in memory: write "Active"'


def _remedy_of_struct(argument: Argument) -> str:
    activity, layout = argument.activity, argument.layout
    if not layout.floats and not layout.has_pointers:
        return 'it has nothing to differentiate: write "Const", or say its `type` if it has'
    if any(_is_hidden(layout, base + offset, type_) for base, piece in argument.pieces for offset, type_ in _scalars(piece)):
        return "a number shares a register with an integer, and Enzyme cannot tell them apart: pass a pointer to it"
    if activity.is_vector:
        return 'a struct has a shadow for each lane: write "Dual"'
    if activity.is_active and layout.has_pointers:
        return 'what it points to needs a shadow: pass a pointer to it, and write "Duplicated"'
    if not activity.is_active and not _is_dual(activity) and layout.floats:
        return 'the gradient of its numbers comes back by value: write "Active", or pass a pointer to it'
    return ""


def _scalars(piece: str) -> tuple[tuple[int, str], ...]:
    """The scalars of a parameter's type; none of one that is a struct with a name, which tells what it has."""
    return () if "%" in piece else Layout.of_ir(piece).scalars


def _is_hidden(value: Layout, begin: int, type_: str) -> bool:
    """Whether a scalar of the module is an integer in which a floating-point number lies beside something else."""
    if not is_integer(type_):
        return False
    inside = [(offset, each) for offset, each in value.floats if begin <= offset < begin + size_of(type_)]
    return bool(inside) and (len(inside) > 1 or size_of(inside[0][1]) != size_of(type_))


def _is_dual(activity: DiffActivity) -> bool:
    return activity in {DiffActivity.DUAL, DiffActivity.DUAL_ONLY}


def _faults_of_return(item: AutoDiffItem, primal: Function) -> Iterator[Diagnostic]:
    try:
        found = primal.value
        said = None if item.ret_type is None else Layout.of_type(item.ret_type)
    except UnknownLayoutError as unknown:
        yield fault("E0515", item, "source", f"`{item.source}` returns {unknown}", "return it through a pointer")
        return
    if found is None:
        if item.ret is not DiffActivity.NONE:
            yield fault("E0506", item, "ret", f"`{item.source}` returns nothing, its `ret` cannot be {item.ret}", 'write ret = "None"')
        return
    if said is not None and not _is_held(said, found, in_memory=bool(primal.result)):
        message = f"`{item.source}` returns `{found.spelling}`, which is not `{said.spelling}`"
        yield fault("E0522", item, "ret-type", message, "write the type that the sources have, or return it through a pointer")
        return
    yield from _faults_of_value(item, said or found)


def _is_held(value: Layout, found: Layout, *, in_memory: bool) -> bool:
    """Whether what is `found` in the module can be the value that is said. In memory it may be bytes of which nothing is told."""
    said = dict(value.scalars)
    fits = [said.get(offset) == type_ or is_integer(type_) for offset, type_ in found.scalars]
    hidden = any(_is_hidden(value, offset, type_) for offset, type_ in found.scalars)
    return value.size == found.size and all(fits) and (in_memory or not hidden)


def _faults_of_value(item: AutoDiffItem, value: Layout) -> Iterator[Diagnostic]:
    returned, suggested = f"`{item.source}` returns `{value.spelling}`", f'write ret = "{_suggested(item, value)}"'
    if item.ret is DiffActivity.NONE:
        yield fault("E0506", item, "ret", f"{returned} and `ret` is None", suggested)
    elif item.ret is not DiffActivity.CONST and not _may_be_active(item, value):
        told = [] if value.is_scalar or item.ret_type else ['or say what it is, such as `ret-type = "{f64, f64}"`']
        yield fault("E0506", item, "ret", f"{returned}, which cannot be {item.ret}", suggested, *told)


def _may_be_active(item: AutoDiffItem, value: Layout) -> bool:
    if value.has_pointers:
        return value.is_scalar and item.mode is DiffMode.FORWARD
    return bool(value.floats)


def _suggested(item: AutoDiffItem, value: Layout) -> str:
    if not value.floats or value.has_pointers:
        return "Const"
    return "Dual" if item.mode is DiffMode.FORWARD else "Active"
