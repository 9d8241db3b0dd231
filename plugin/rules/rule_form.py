"""What the functions of a rule look like in C, and how they are called."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Self

from plugin.items.abi import struct_return
from plugin.items.body import symbol
from plugin.items.layout import FLOAT_SIZES, Layout
from plugin.items.signature import Function

TAPE = "ptr"
"""What the forward sweep keeps for the reverse sweep: a pointer of the user's own, which the reverse sweep frees."""

Type = tuple[str, tuple[str, ...]]
"""A function's type: what it returns, what it takes."""

Value = tuple[str, str]
"""A value in IR text: its type and its name."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What the rules of `function` look like; `has_tape` is whether its forward sweep keeps something for the reverse sweep.

    They have the form that one writes in C: behind each pointer its shadow, NULL where the argument is constant; in forward mode behind
    each floating-point number its tangent as well; integers have none.
    """

    function: Function
    has_tape: bool = True

    @property
    def value(self) -> tuple[str, ...]:
        """The return, which has a derivative, when there is one; the seed of the reverse sweep and the tangent are of this type too."""
        return () if self.function.returns == "void" else (self.function.returns,)

    @property
    def gradients(self) -> tuple[str, ...]:
        """What the reverse sweep returns: the gradient of each floating-point number."""
        return tuple(each for each in self.function.parameters if each in FLOAT_SIZES)

    @property
    def fields(self) -> tuple[str, ...]:
        """The numbers that go in and the one that comes out."""
        return (*self.gradients, *self.value)

    def types_of(self, part: str, triple: str) -> list[Type]:
        """The types that a user's function may have, by the part of the rule; the first is the usual one."""
        pointers = self._shadowed({"ptr"})
        if part == "augmented":
            tapes = ((TAPE,), ()) if self.has_tape else ((),)
            return [each for tape in tapes for each in _c_types((*tape, *self.value), pointers, triple)]
        if part == "reverse":
            return _c_types(self.gradients, (*pointers, *self.value, *([TAPE] if self.has_tape else [])), triple)
        return _c_types((*self.value, *self.value), self._shadowed({"ptr", *FLOAT_SIZES}), triple)

    def without_tape_of(self, augmented: Function, triple: str) -> Self:
        """The form as the user's forward sweep has it: it may keep nothing."""
        bare = dataclasses.replace(self, has_tape=False)
        return bare if (augmented.returns, augmented.taken) in bare.types_of("augmented", triple) else self

    def meaning(self, part: str) -> str:
        """What the parameters and the return of a rule's function are."""
        return {
            "augmented": "each argument, a pointer followed by its shadow; returns the tape and the value",
            "reverse": "each argument, a pointer followed by its shadow, then the seed where a number is returned, then the tape; "
            "returns the gradient of each floating-point argument",
            "forward": "each argument, followed by its shadow unless it is an integer; returns the value and its tangent",
        }[part]

    def _shadowed(self, kinds: set[str]) -> tuple[str, ...]:
        """The types of the arguments, those of `kinds` followed by their shadow's."""
        return tuple(each for type_ in self.function.parameters for each in ([type_, type_] if type_ in kinds else [type_]))


def form_of(function: Function) -> Form | None:
    """The form of a function's rules; None when it takes or returns what no derivative can be given for."""
    is_plain = all(map(_is_scalar, function.parameters)) and not function.takes_struct and not function.is_variadic
    returns_number = function.returns == "void" or function.returns in FLOAT_SIZES
    return Form(function=function) if is_plain and returns_number else None


def _is_scalar(type_: str) -> bool:
    return type_ == "ptr" or type_ in FLOAT_SIZES or (type_.startswith("i") and type_[1:].isdigit())


def _c_types(results: Sequence[str], parameters: Sequence[str], triple: str) -> list[Type]:
    """The types of a function that returns `results`: as C has it on the platform, and by value."""
    if len(results) < 2:  # noqa: PLR2004 - one value is returned as it is
        return [(results[0] if results else "void", tuple(parameters))]
    structure = struct_return(list(map(Layout.of_scalar, results)), triple)
    by_value = (structure.layout.spelling, tuple(parameters))
    in_c = (structure.coerced, tuple(parameters)) if structure.coerced else ("void", ("ptr", *parameters))
    return [in_c, by_value]


def declared(function: Function) -> str:
    """A function as a declaration has it."""
    return f"{function.returns} {symbol(function.name)}({', '.join(function.taken)})"


def typed(values: Sequence[Value]) -> str:
    """Values as the operands of a call."""
    return ", ".join(" ".join(each) for each in values)


def call(function: Function, results: Sequence[str], arguments: Sequence[Value], triple: str) -> tuple[list[str], list[str]]:
    """The lines that call a user's function, and the names of the values that it returns, of the types `results`."""
    called = f"call {function.returns} {symbol(function.name)}({typed(arguments)})"
    if len(results) < 2:  # noqa: PLR2004 - one value is returned as it is
        return ([f"  %value0 = {called}"], ["%value0"]) if results else ([f"  {called}"], [])
    values = [f"%value{index}" for index in range(len(results))]
    structure = struct_return(list(map(Layout.of_scalar, results)), triple)
    if function.returns == structure.layout.spelling:
        unpack = [f"  {value} = extractvalue {structure.layout.spelling} %packed, {index}" for index, value in enumerate(values)]
        return [f"  %packed = {called}", *unpack], values
    if function.returns == "void":
        place = (structure.layout.spelling, f"ptr sret({structure.layout.spelling}) %place")
        lines = [f"  call void {symbol(function.name)}({', '.join(filter(None, [place[1], typed(arguments)]))})"]
    else:
        # The buffer is as long as two registers: a register may be wider than what is left of the struct.
        place = ("[16 x i8]", "")
        lines = [f"  %packed = {called}", f"  store {function.returns} %packed, ptr %place"]
    return [f"  %place = alloca {place[0]}, align 16", *lines, *_loads(results, structure.layout.spelling, values)], values


def _loads(results: Sequence[str], literal: str, values: Sequence[str]) -> Iterator[str]:
    for index, (type_, value) in enumerate(zip(results, values, strict=True)):
        yield f"  %field{index} = getelementptr inbounds {literal}, ptr %place, i32 0, i32 {index}"
        yield f"  {value} = load {type_}, ptr %field{index}"
