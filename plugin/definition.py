"""The IR text of a derivative: a function of the item's target around one `__enzyme_*` call.

Enzyme's combined reverse mode seeds the return with 1 and takes no seed; to honour `dret` the primal's return is stored through a
pointer by a small function around the primal (the *carrier*), and that pointer's shadow is preset to the seed.
"""

from __future__ import annotations

from collections.abc import Sequence

from bootstrap.diagnostics import Failure
from plugin.abi import StructReturn, UnsupportedABIError, struct_return
from plugin.activity import AutoDiffItem, DiffActivity, DiffMode
from plugin.signature import Derivative, Function
from plugin.validity import fault

CARRIER = ".carrier."
"""What stands in a carrier's name between the primal's and the derivative's."""


def structure_of(derivative: Derivative, triple: str) -> StructReturn | None:
    """How the derivative returns its values, when they are several; raises `Failure` (E0515) where the platform's rule is not known."""
    if len(derivative.results) < 2:  # noqa: PLR2004 - one value is returned as it is
        return None
    try:
        return struct_return(derivative.results, triple)
    except UnsupportedABIError as unsupported:
        raise Failure(fault("E0515", derivative.item, "ret", f"cannot return several values: {unsupported}")) from None


def c_signature(derivative: Derivative, triple: str) -> tuple[str, tuple[str, ...]]:
    """The derivative's return type and parameter types as a C compiler for `triple` writes them in IR."""
    structure = structure_of(derivative, triple)
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
    structure = structure_of(derivative, triple)
    returned, _ = c_signature(derivative, triple)
    parameters = ", ".join(f"{each.type} {each.extension}".rstrip() + f" %{each.name}" for each in derivative.parameters)
    if structure is not None and structure.coerced is None:
        parameters = ", ".join(filter(None, [f"ptr noalias sret({structure.literal}) %result", parameters]))
    # Alone, the primal's value is returned as the primal does it: a caller may count on a small integer to be extended.
    extension = primal.return_extension if structure is None and item.ret.returns_primal else ""
    lines.append(f"define {extension} {returned} {symbol(item.target)}({parameters}) {{")
    call, values = _call_with_seed(derivative, flags) if seeded else _call(derivative, flags)
    lines += [*call, *_return(derivative, structure, values)]
    return "\n".join([*lines, "}", ""])


def symbol(name: str) -> str:
    """A global's name as IR text has it, whatever characters it is made of."""
    escaped = "".join(f"\\{byte:02X}" if byte < 0x20 or byte > 0x7E or byte in b'"\\' else chr(byte) for byte in name.encode())  # noqa: PLR2004 - printable ASCII
    return f'@"{escaped}"'


def _entry(item: AutoDiffItem) -> str:
    return symbol(f"{item.mode.entry_point}.{item.target}")


def _carrier_name(item: AutoDiffItem) -> str:
    return symbol(f"{item.source}{CARRIER}{item.target}")


def _declared(primal: Function) -> str:
    return f"{primal.returns} {symbol(primal.name)}({', '.join(primal.parameters)})"


def _carrier(item: AutoDiffItem, primal: Function) -> list[str]:
    names = [f"%x{index}" for index in range(len(primal.parameters))]
    typed = [" ".join(filter(None, each)) for each in zip(primal.parameters, primal.extensions, names, strict=True)]
    return [
        f"define internal void {_carrier_name(item)}({', '.join([*typed, 'ptr noalias %out'])}) {{",
        f"  %value = call {primal.returns} {symbol(primal.name)}({', '.join(typed)})",
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
    return [_enzyme_call(derivative, symbol(derivative.primal.name), [*flags, *returned, *_operands(derivative)]), *unpack], values


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
