"""From an item to the call that Enzyme's pass understands.

For each item a function named `target` is put into the module. Its parameters are the primal's, each followed by its shadow, and the
seed `dret` where the return is active; its body is one `__enzyme_*` call. Enzyme's combined reverse mode seeds the return with 1
and takes no seed; to honour `dret` the primal's return is stored through a pointer by a small function around the primal
(the *carrier*), and that pointer's shadow is preset to the seed.
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bootstrap.diagnostics import Diagnostic, Failure, fail
from plugin.abi import FLOAT_SIZES, StructReturn, UnsupportedABIError, struct_return
from plugin.activity import AutoDiffItem, DiffActivity, DiffMode
from plugin.module import define, find_function, near_matches
from plugin.signature import Derivative, Function, Parameter

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef


def lower(module: ModuleRef, items: Sequence[AutoDiffItem], *, runtime_activity: bool = False) -> list[Derivative]:
    """Put each item's derivative into `module`, ready for Enzyme's pass; a placeholder of the target's name is replaced.

    `runtime_activity` lets Enzyme decide while the program runs which pointers are active, by comparing each with its shadow.
    Raises `Failure` with every item that cannot be lowered: E0503 to E0506, E0511, E0515, E0516.
    """
    flags = ['metadata !"enzyme_runtime_activity"'] if runtime_activity else []
    derivatives: list[Derivative] = []
    faults: list[Diagnostic] = []
    for item in _callees_first(items):
        try:
            derivative = _derivative(module, item)
            define(module, item.target, definition(derivative, module.triple, flags), uses=item.source)
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
        raise Failure(_unknown_source(module, item))
    faults = [*_faults_of_shape(item, primal), *_faults_of_inputs(item, primal), *_faults_of_return(item, primal)]
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


# What is valid with what


def _fault(code: str, item: AutoDiffItem, key: str, message: str, *help_: str, notes: Iterable[str] = ()) -> Diagnostic:
    """A fault of an item; `key` says which part of the item it is about."""
    return Diagnostic(code=code, message=message, help=help_, notes=tuple(notes), key=f"autodiff.{item.index}.{key}")


def _unknown_source(module: ModuleRef, item: AutoDiffItem) -> Diagnostic:
    matches = near_matches(module, item.source)
    mangled = [name for name in matches if name.startswith(("_Z", "_R"))]
    remedies = [f"did you mean {' or '.join(f'`{name}`' for name in matches)}?"] if matches else []
    if mangled:
        remedies.append('a symbol with its plain name needs `extern "C"` in C++, and `#[no_mangle]` beside it in Rust')
    return _fault("E0503", item, "source", f"the sources define no function `{item.source}`", *remedies)


def _faults_of_shape(item: AutoDiffItem, primal: Function) -> Iterable[Diagnostic]:
    if primal.is_declaration:
        yield _fault("E0516", item, "source", f"`{item.source}` has no body in this unit", "add the source that defines it to `sources`")
    if primal.takes_struct:
        yield _fault("E0515", item, "source", f"`{item.source}` takes or returns a struct by value", "pass a pointer to it")
    if primal.is_variadic:
        message = f"`{item.source}` takes a variable number of arguments"
        yield _fault("E0515", item, "source", message, "give it a fixed number of parameters")


def _faults_of_inputs(item: AutoDiffItem, primal: Function) -> Iterable[Diagnostic]:
    if len(item.inputs) != len(primal.parameters):
        plural = "" if len(primal.parameters) == 1 else "s"
        yield _fault(
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
            yield _fault("E0505", item, f"inputs.{number - 1}", message, remedy)


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
            yield _fault("E0506", item, "ret", f"`{item.source}` returns nothing, its `ret` cannot be {item.ret}", 'write ret = "None"')
        return
    wanted = "Dual" if item.mode is DiffMode.FORWARD else "Active"
    suggestion = wanted if primal.returns in FLOAT_SIZES else "Const"
    is_scalar = primal.returns in FLOAT_SIZES or primal.returns == "ptr" or primal.returns[1:].isdigit()
    if item.ret is DiffActivity.NONE:
        yield _fault("E0506", item, "ret", f"`{item.source}` returns `{primal.returns}` and `ret` is None", f'write ret = "{suggestion}"')
    elif not is_scalar:
        message = f"`{item.source}` returns `{primal.returns}`, which is not a scalar"
        yield _fault("E0515", item, "source", message, "return it through a pointer")
    elif item.ret is not DiffActivity.CONST and primal.returns not in FLOAT_SIZES:
        yield _fault("E0506", item, "ret", f"`{item.source}` returns `{primal.returns}`, which cannot be {item.ret}", 'write ret = "Const"')


def _check_placeholder(module: ModuleRef, derivative: Derivative) -> None:
    """A function of the target's name in the module must have the derivative's type: calls to it were compiled for that."""
    target = derivative.item.target
    existing = find_function(module, target)
    if existing is None:
        return
    returned, parameters = _c_signature(derivative, module.triple)
    if (existing.returns, existing.parameters) not in {(returned, parameters), ("void", ())}:
        raise Failure(
            _fault(
                "E0511",
                derivative.item,
                "target",
                f"the sources declare `{target}` as `{existing.spelling}`, the derivative is `{returned} ({', '.join(parameters)})`",
                "declare it with each parameter followed by its shadow, then the seed",
            )
        )


# The text of a derivative


def _structure(derivative: Derivative, triple: str) -> StructReturn | None:
    if len(derivative.results) < 2:  # noqa: PLR2004 - one value is returned as it is
        return None
    try:
        return struct_return(derivative.results, triple)
    except UnsupportedABIError as unsupported:
        raise Failure(_fault("E0515", derivative.item, "ret", f"cannot return several values: {unsupported}")) from None


def _c_signature(derivative: Derivative, triple: str) -> tuple[str, tuple[str, ...]]:
    """The derivative's return type and parameter types as a C compiler for `triple` writes them in IR."""
    structure = _structure(derivative, triple)
    parameters = tuple(each.type for each in derivative.parameters)
    if structure is None:
        return (derivative.results[0] if derivative.results else "void"), parameters
    return (structure.coerced, parameters) if structure.coerced else ("void", ("ptr", *parameters))


def definition(derivative: Derivative, triple: str, flags: Sequence[str] = ()) -> str:
    """The IR text that defines the derivative, its carrier, and declares what they call; `flags` stand in Enzyme's call."""
    item, primal = derivative.item, derivative.primal
    lines = [f"declare {_declared(primal)}", f"declare {_enzyme_type(derivative)} {_entry(item)}(...)"]
    seeded = item.mode is DiffMode.REVERSE and item.ret.is_active
    if seeded:
        lines += _carrier(item, primal)
    structure = _structure(derivative, triple)
    returned, _ = _c_signature(derivative, triple)
    parameters = ", ".join(f"{each.type} {each.extension}".rstrip() + f" %{each.name}" for each in derivative.parameters)
    if structure is not None and structure.coerced is None:
        parameters = ", ".join(filter(None, [f"ptr noalias sret({structure.literal}) %result", parameters]))
    # Alone, the primal's value is returned as the primal does it: a caller may count on a small integer to be extended.
    extension = primal.return_extension if structure is None and item.ret.returns_primal else ""
    lines.append(f"define {extension} {returned} {_symbol(item.target)}({parameters}) {{")
    call, values = _call_with_seed(derivative, flags) if seeded else _call(derivative, flags)
    lines += [*call, *_return(derivative, structure, values)]
    return "\n".join([*lines, "}", ""])


def _symbol(name: str) -> str:
    escaped = "".join(f"\\{byte:02X}" if byte < 0x20 or byte > 0x7E or byte in b'"\\' else chr(byte) for byte in name.encode())  # noqa: PLR2004 - printable ASCII
    return f'@"{escaped}"'


def _entry(item: AutoDiffItem) -> str:
    return _symbol(f"{item.mode.entry_point}.{item.target}")


def _carrier_name(item: AutoDiffItem) -> str:
    return _symbol(f"{item.source}.carrier.{item.target}")


def _declared(primal: Function) -> str:
    return f"{primal.returns} {_symbol(primal.name)}({', '.join(primal.parameters)})"


def _carrier(item: AutoDiffItem, primal: Function) -> list[str]:
    names = [f"%x{index}" for index in range(len(primal.parameters))]
    typed = [" ".join(filter(None, each)) for each in zip(primal.parameters, primal.extensions, names, strict=True)]
    return [
        f"define internal void {_carrier_name(item)}({', '.join([*typed, 'ptr noalias %out'])}) {{",
        f"  %value = call {primal.returns} {_symbol(primal.name)}({', '.join(typed)})",
        f"  store {primal.returns} %value, ptr %out",
        "  ret void",
        "}",
    ]


def _enzyme_results(derivative: Derivative) -> tuple[str, ...]:
    """What Enzyme's call returns: all results, but for the value that a carrier stores."""
    carried = derivative.item.ret is DiffActivity.ACTIVE
    return derivative.results[1:] if carried else derivative.results


def _enzyme_type(derivative: Derivative) -> str:
    results = _enzyme_results(derivative)
    if len(results) < 2:  # noqa: PLR2004 - Enzyme gives one value as it is
        return results[0] if results else "void"
    return "{ " + ", ".join(results) + " }"


def _operands(derivative: Derivative) -> list[str]:
    operands = []
    for parameter in derivative.parameters:
        if parameter.role == "primal":
            operands.append(f'metadata !"{derivative.item.inputs[parameter.index].marker}"')
        if parameter.role != "seed":
            operands.append(f"{parameter.type} %{parameter.name}")
    return operands


def _enzyme_call(derivative: Derivative, function: str, operands: Sequence[str]) -> str:
    returned = _enzyme_type(derivative)
    call = f"call {returned} (...) {_entry(derivative.item)}({', '.join([f'ptr {function}', *operands])})"
    return f"  {call}" if returned == "void" else f"  %gradient = {call}"


def _call(derivative: Derivative, flags: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines that call Enzyme, and the names of the values that they give, one for each result."""
    ret = derivative.item.ret
    returned = ['metadata !"enzyme_const_return"'] if ret is DiffActivity.CONST else []
    returned += ['metadata !"enzyme_primal_return"'] if ret.returns_primal else []
    unpack, values = _unpack(derivative)
    return [_enzyme_call(derivative, _symbol(derivative.primal.name), [*flags, *returned, *_operands(derivative)]), *unpack], values


def _call_with_seed(derivative: Derivative, flags: Sequence[str]) -> tuple[list[str], list[str]]:
    """As `_call`, for a primal whose return is carried by a pointer, the pointer's shadow preset to `dret`."""
    type_ = derivative.primal.returns
    keeps_value = derivative.item.ret is DiffActivity.ACTIVE
    marker = "enzyme_dup" if keeps_value else "enzyme_dupnoneed"
    operands = [*flags, *_operands(derivative), f'metadata !"{marker}"', "ptr %carried", "ptr %seed"]
    unpack, values = _unpack(derivative)
    lines = [
        f"  %carried = alloca {type_}",
        f"  %seed = alloca {type_}",
        f"  store {type_} zeroinitializer, ptr %carried",
        f"  store {type_} %dret, ptr %seed",
        _enzyme_call(derivative, _carrier_name(derivative.item), operands),
        *unpack,
    ]
    if keeps_value:
        return [*lines, f"  %value = load {type_}, ptr %carried"], ["%value", *values]
    return lines, values


def _unpack(derivative: Derivative) -> tuple[list[str], list[str]]:
    results = _enzyme_results(derivative)
    if len(results) < 2:  # noqa: PLR2004 - Enzyme gives one value as it is
        return [], ["%gradient"] * len(results)
    values = [f"%gradient{index}" for index in range(len(results))]
    type_ = _enzyme_type(derivative)
    return [f"  {value} = extractvalue {type_} %gradient, {index}" for index, value in enumerate(values)], values


def _return(derivative: Derivative, structure: StructReturn | None, values: Sequence[str]) -> list[str]:
    if structure is None:
        return [f"  ret {type_} {value}" for type_, value in zip(derivative.results, values, strict=True)] or ["  ret void"]
    place = "%struct" if structure.coerced else "%result"
    # The buffer is as long as two registers: a register may be wider than what is left of the struct.
    lines = [f"  {place} = alloca [16 x i8], align 16"] if structure.coerced else []
    for index, (type_, value) in enumerate(zip(derivative.results, values, strict=True)):
        lines.append(f"  %field{index} = getelementptr inbounds {structure.literal}, ptr {place}, i32 0, i32 {index}")
        lines.append(f"  store {type_} {value}, ptr %field{index}")
    if structure.coerced is None:
        return [*lines, "  ret void"]
    return [*lines, f"  %packed = load {structure.coerced}, ptr {place}", f"  ret {structure.coerced} %packed"]
