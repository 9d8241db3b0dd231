"""The check that a slice's shadow is as long as the slice: in the derivative, before anything is written.

Enzyme is told the primal's length alone, so a shorter shadow would be written past its end. The check calls a function that does not
return: it prints and aborts, or before that calls a function of the user's,
`void (const char *name, size_t name_length, size_t shadow_length, size_t length)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plugin.items.body import Body, escaped, symbol
from plugin.items.signature import Argument, Derivative, Parameter, Passing

HANDLER = ("ptr", "i64", "i64", "i64")
"""The parameters of a handler: the shadow's name and the length of the name, the shadow's length and the one that it needs."""

ATTRIBUTES = 'noinline cold noreturn nofree uwtable "enzyme_inactive"'
"""Enzyme differentiates derivatives too, and is told that nothing of this matters."""
ERROR_OUTPUT = 2


def add_checks(body: Body, derivative: Derivative, parameters: Sequence[Parameter]) -> None:
    """Add the check of each shadow of a slice to a derivative's body."""
    for argument, parameter in _shadows(derivative, parameters):
        needed = length_of(body, derivative, argument)
        shadow = _widened(body, parameter.type, f"%{parameter.name}")
        lanes = derivative.item.width if argument.activity.is_vector else 1
        room = body.value(f"udiv i64 {shadow}, {lanes}") if lanes > 1 else shadow
        is_short = body.value(f"icmp ult i64 {room}, {needed}")
        short, long = body.block(), body.block()
        body.add(f"br i1 {is_short}, label %{short}, label %{long}")
        body.begin(short)
        needed = body.value(f"mul i64 {needed}, {lanes}") if lanes > 1 else needed
        name = name_of(argument, parameter)
        pointers = [f"ptr {_constant(derivative, part, name)}" for part in ("format", "name")]
        body.call("void", _reporter(derivative), [*pointers, f"i64 {len(name.encode())}", f"i64 {shadow}", f"i64 {needed}"])
        body.add("unreachable")
        body.begin(long)


def length_of(body: Body, derivative: Derivative, argument: Argument) -> str:
    """The length of a slice as an `i64`."""
    index = argument.first + 1
    return _widened(body, derivative.primal.parameters[index], f"%x{index}")


def definitions(derivative: Derivative) -> Iterator[str]:
    """The lines that define what the checks call and print."""
    parameters = [*derivative.parameters, *derivative.augmented_parameters]
    texts = {name_of(*each): _report(derivative, *each) for each in _shadows(derivative, parameters)}
    if not texts:
        return
    for name, report in texts.items():
        yield constant(_constant(derivative, "name", name), name)
        yield constant(_constant(derivative, "format", name), report)
    handler = derivative.item.on_short_shadow
    yield "declare void @abort()"
    yield f"declare void {symbol(handler)}({', '.join(HANDLER)})" if handler else "declare i32 @dprintf(i32, ptr, ...)"
    taken = "ptr %format, ptr %name, i64 %name_length, i64 %shadow, i64 %needed"
    yield f"define internal void {_reporter(derivative)}({taken}) {ATTRIBUTES} {{"
    if handler:
        yield f"  call void {symbol(handler)}(ptr %name, i64 %name_length, i64 %shadow, i64 %needed)"
    else:  # it has no buffer whose content abort would lose
        yield f"  %printed = call i32 (i32, ptr, ...) @dprintf(i32 {ERROR_OUTPUT}, ptr %format, i64 %shadow, i64 %needed)"
    yield from ("  call void @abort()", "  unreachable", "}")


def _shadows(derivative: Derivative, parameters: Sequence[Parameter]) -> Iterator[tuple[Argument, Parameter]]:
    """Each parameter that is the length of a slice's shadow, with the slice."""
    slices = {each.first: each for each in derivative.arguments if each.passing is Passing.SLICE}
    return ((slices[each.index], each) for each in parameters if each.role == "length")


def name_of(argument: Argument, parameter: Parameter) -> str:
    """The shadow's name: that of the sources, or the parameter's."""
    lane = parameter.name.removeprefix(f"dx{argument.first}").removesuffix("_length")
    return f"d{argument.name or f'x{argument.first}'}{lane}"


def _report(derivative: Derivative, argument: Argument, parameter: Parameter) -> str:
    is_vector = argument.activity.is_vector and derivative.item.width > 1
    needed = f"{derivative.item.width} lanes of its primal have" if is_vector else "its primal has"
    words = f"holoenzyme: shadow slice '{name_of(argument, parameter)}' of {derivative.item.target}"
    return f"{words.replace('%', '%%')} has length %llu, {needed} %llu\n"


def _widened(body: Body, type_: str, value: str) -> str:
    return value if type_ == "i64" else body.value(f"zext {type_} {value} to i64")


def _constant(derivative: Derivative, part: str, name: str) -> str:
    return symbol(f"{derivative.item.target}.{part}.{name}")


def _reporter(derivative: Derivative) -> str:
    return symbol(f"{derivative.item.target}.short_shadow")


def constant(name: str, text: str) -> str:
    """The line that defines a constant that holds a text."""
    data = text.encode()
    return f'{name} = private constant [{len(data) + 1} x i8] c"{escaped(data)}\\00"'
