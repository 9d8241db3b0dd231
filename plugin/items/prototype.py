"""The prototype of a derivative: its parameters and results, as they follow from an item and its primal, and as C compiles them.

The derivative takes each argument of the primal followed by its shadows, then the seeds. It returns the primal's value where that is
wanted, then the gradients of active arguments or the tangent of the return. In split mode the augmented primal takes no seeds and
returns the tape before the value; the reverse pass takes the tape last and returns the gradients alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

from plugin.items.abi import Registers, StructReturn, struct_pieces, struct_return
from plugin.items.activity import AutoDiffItem, DiffMode
from plugin.items.layout import Layout
from plugin.items.signature import Argument, Derivative, Function, Parameter, Passing

TAPE = Layout.of_scalar("ptr")


def derive(item: AutoDiffItem, primal: Function, arguments: tuple[Argument, ...], triple: str) -> Derivative:
    """The derivative of `primal` that an item asks for. Raises `UnsupportedABIError` where a struct is passed or returned."""
    value = primal.value if item.ret_type is None else Layout.of_type(item.ret_type)
    shadowed = [group for argument in arguments for group in _groups(item, primal, argument)]
    seeds = list(_seeds(item, value, triple)) if value else []
    own = [value] if value and item.ret.returns_primal else []
    made = list(_derivatives(item, value, arguments))
    if not item.augmented:
        results = (*own, *made)
        parameters = _placed([*shadowed, *seeds], results, triple)
        return Derivative(item=item, primal=primal, arguments=arguments, value=value, parameters=parameters, results=results)
    tape = [Parameter(name="tape", type="ptr", role="tape", index=-1)]
    return Derivative(
        item=item,
        primal=primal,
        arguments=arguments,
        value=value,
        parameters=_placed([*shadowed, *seeds, tape], made, triple),
        results=tuple(made),
        augmented_parameters=_placed(shadowed, [TAPE, *own], triple),
        augmented_results=(TAPE, *own),
    )


def lanes_of(item: AutoDiffItem, argument: Argument) -> int:
    """How many shadows an argument has, one for each lane or one for all."""
    if not argument.activity.has_shadow:
        return 0
    return 1 if argument.activity.is_vector else item.width


def _groups(item: AutoDiffItem, primal: Function, argument: Argument) -> Iterator[list[Parameter]]:
    """The parameters that take an argument, then those that take each of its shadows."""
    yield list(_taken(primal, argument, "primal", lambda index: f"x{index}", 0))
    lanes = lanes_of(item, argument)
    for lane in range(lanes):
        suffix = f"_{lane}" if lanes > 1 else ""
        yield list(_taken(primal, argument, "shadow", lambda index, suffix=suffix: f"dx{index}{suffix}", lane))  # type: ignore[misc]


def _taken(primal: Function, argument: Argument, role: str, name: Callable[[int], str], lane: int) -> Iterator[Parameter]:
    offsets = [offset for offset, _ in argument.pieces] or [0] * argument.count
    for index, offset in enumerate(offsets, argument.first):
        is_length = role == "shadow" and argument.passing is Passing.SLICE and index > argument.first
        yield Parameter(
            name=f"{name(argument.first)}_length" if is_length else name(index),
            type=primal.parameters[index],
            role="length" if is_length else role,
            index=argument.first if is_length else index,
            lane=lane,
            offset=offset,
            passing=argument.passing,
            extension=primal.extensions[index] if role == "primal" or is_length else "",
        )


def _seeds(item: AutoDiffItem, value: Layout, triple: str) -> Iterator[list[Parameter]]:
    if item.mode is not DiffMode.REVERSE or not item.ret.is_active:
        return
    pieces = ((0, value.spelling),) if value.is_scalar else struct_pieces(value, triple)
    passing = Passing.DIRECT if value.is_scalar else Passing.REGISTERS if pieces else _memory(triple)
    for lane in range(item.width):
        suffix = f"_{lane}" if item.width > 1 else ""
        yield [
            Parameter(
                name=f"dret{suffix}" if len(pieces) < 2 else f"dret{suffix}.{number}",  # noqa: PLR2004 - one piece needs no number
                type=type_,
                role="seed",
                index=-1,
                lane=lane,
                offset=offset,
                passing=passing,
            )
            for number, (offset, type_) in enumerate(pieces or ((0, "ptr"),))
        ]


def _memory(triple: str) -> Passing:
    return Passing.MEMORY if triple.startswith("x86_64") else Passing.INDIRECT


def _derivatives(item: AutoDiffItem, value: Layout | None, arguments: Iterable[Argument]) -> Iterator[Layout]:
    """The layouts of the gradients, or of the tangent."""
    if value and item.ret.has_shadow:
        yield value.repeated(item.width)
    for argument in arguments:
        if argument.activity.is_active:
            yield argument.layout.repeated(item.width)


def _placed(groups: Iterable[list[Parameter]], results: Sequence[Layout], triple: str) -> tuple[Parameter, ...]:
    """The parameters as C has them: where AMD64's registers do not suffice for a struct, all of it goes into memory."""
    if not triple.startswith("x86_64"):
        return tuple(each for group in groups for each in group)
    structure = structure_of(results, triple)
    registers = Registers(integers=5 if structure and structure.coerced is None else 6)
    placed: list[Parameter] = []
    for group in groups:
        first = group[0]
        # One number goes onto the stack as it would in memory; a vector would take a place as long as a register.
        is_struct = first.passing is Passing.REGISTERS and (len(group) > 1 or first.type.startswith("<"))
        if first.passing is Passing.MEMORY or _fit(registers, group, is_struct=is_struct):
            placed += group
        else:
            placed.append(dataclasses.replace(first, type="ptr", passing=Passing.MEMORY))
    return tuple(placed)


def _fit(registers: Registers, group: Sequence[Parameter], *, is_struct: bool) -> bool:
    """Whether a struct fits into registers, which are taken; anything else takes what is left, each parameter by itself."""
    if is_struct:
        return registers.take([each.type for each in group])
    for each in group:
        registers.take([each.type])
    return True


def structure_of(results: Sequence[Layout], triple: str) -> StructReturn | None:
    """How several results, or one that is no scalar, are returned; raises `UnsupportedABIError`."""
    if not results or (len(results) == 1 and results[0].is_scalar):
        return None
    return struct_return(results, triple)


def c_signature(parameters: Sequence[Parameter], results: Sequence[Layout], triple: str) -> tuple[str, tuple[str, ...]]:
    """The return type and parameter types as a C compiler for `triple` writes them in IR."""
    structure = structure_of(results, triple)
    types = tuple(each.type for each in parameters)
    if structure is None:
        return (results[0].spelling if results else "void"), types
    return (structure.coerced, types) if structure.coerced else ("void", ("ptr", *types))
