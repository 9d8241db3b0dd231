"""The check that no pointer is its own shadow: the gradient would be added to the argument while it is read.

It stands in the derivative, before anything is written, and calls a function that does not return: it prints and aborts. A null pointer
and the pointer of an empty slice point to nothing, and may be their own shadows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plugin.items.body import Body, symbol
from plugin.items.signature import Argument, Derivative, Parameter, Passing
from plugin.items.slice_check import ATTRIBUTES, ERROR_OUTPUT, constant, length_of, name_of


def add_checks(body: Body, derivative: Derivative, parameters: Sequence[Parameter]) -> None:
    """Add the check of each pointer's shadow to a derivative's body."""
    for argument, parameter in _shadows(derivative, parameters):
        is_own = body.value(f"icmp eq ptr %x{argument.first}, %{parameter.name}")
        if argument.passing is Passing.SLICE:
            is_something = body.value(f"icmp ne i64 {length_of(body, derivative, argument)}, 0")
        else:
            is_something = body.value(f"icmp ne ptr %x{argument.first}, null")
        is_wrong = body.value(f"and i1 {is_own}, {is_something}")
        wrong, right = body.block(), body.block()
        body.add(f"br i1 {is_wrong}, label %{wrong}, label %{right}")
        body.begin(wrong)
        body.call("void", _reporter(derivative), [f"ptr {_text(derivative, argument, parameter)}"])
        body.add("unreachable")
        body.begin(right)


def definitions(derivative: Derivative) -> Iterator[str]:
    """The lines that define what the checks call and print."""
    shadows = list(_shadows(derivative, [*derivative.parameters, *derivative.augmented_parameters]))
    for text, line in {_text(derivative, *each): _line(derivative, *each) for each in shadows}.items():
        yield constant(text, line)
    if shadows:
        yield "declare void @abort()"
        yield "declare i32 @dprintf(i32, ptr, ...)"
        yield f"define internal void {_reporter(derivative)}(ptr %words) {ATTRIBUTES} {{"
        yield f"  %printed = call i32 (i32, ptr, ...) @dprintf(i32 {ERROR_OUTPUT}, ptr %words)"
        yield from ("  call void @abort()", "  unreachable", "}")


def _shadows(derivative: Derivative, parameters: Sequence[Parameter]) -> Iterator[tuple[Argument, Parameter]]:
    """Each parameter that is the shadow of a pointer, with the argument."""
    pointers = {each.first: each for each in derivative.arguments if each.is_pointer}
    found = (each for each in parameters if each.role == "shadow" and each.type == "ptr")
    return ((pointers[each.index], each) for each in found if each.index in pointers)


def _line(derivative: Derivative, argument: Argument, parameter: Parameter) -> str:
    words = f"holoenzyme: shadow '{name_of(argument, parameter)}' of {derivative.item.target} is its primal"
    return f"{words.replace('%', '%%')}, it needs memory of its own\n"


def _text(derivative: Derivative, argument: Argument, parameter: Parameter) -> str:
    return symbol(f"{derivative.item.target}.own_shadow.{name_of(argument, parameter)}")


def _reporter(derivative: Derivative) -> str:
    return symbol(f"{derivative.item.target}.own_shadow")
