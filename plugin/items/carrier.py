"""The carrier: a small function around a primal that takes and gives through pointers what travels by value and is differentiated.

Each such value has a *slot*, memory for it, and one for each of its shadows. A slot's name is that of the first parameter, `x0`, with a
`d` and the lane for a shadow, `dx0.0`; those of the return are `out` and `dout.0`.
"""

from __future__ import annotations

from collections.abc import Iterator

from plugin.items.activity import DiffActivity, DiffMode
from plugin.items.body import Body, symbol
from plugin.items.layout import Layout
from plugin.items.signature import Argument, Derivative, Parameter, Passing
from plugin.types.typetree import pointer_to

CARRIER = ".carrier."
"""What stands in a carrier's name between the primal's and the derivative's."""


class Carrier:
    """What Enzyme differentiates for a derivative: its carrier, or the primal itself where nothing is carried."""

    def __init__(self, derivative: Derivative) -> None:
        self.derivative, self.item, self.primal = derivative, derivative.item, derivative.primal
        self.value = derivative.value
        self._in_memory = {each.index for each in derivative.parameters if each.is_in_memory}
        self.slots = dict(self._slots())

    @property
    def carries_return(self) -> bool:
        """Whether what the primal returns is carried. The tangent of a pointer is not: Enzyme has to see where its shadow comes from."""
        if self.value is None:
            return False
        return not (self.value.is_scalar and self.value.has_pointers and self.item.mode is DiffMode.FORWARD)

    def carries(self, argument: Argument) -> bool:
        """Whether an argument is carried: also where C hands it over in memory and the primal takes it in registers."""
        return argument.is_carried or argument.first in self._in_memory

    @property
    def name(self) -> str:
        """The symbol of what is differentiated, as IR text has it."""
        return symbol(f"{self.item.source}{CARRIER}{self.item.target}" if self.slots else self.primal.name)

    def slot_of(self, parameter: Parameter) -> str:
        """The slot of what a parameter of the derivative holds; empty when that is not carried."""
        if parameter.role == "seed":
            return f"dout.{parameter.lane}"
        argument = self.argument_of(parameter)
        if argument is None or not self.carries(argument):
            return ""
        return f"x{argument.first}" if parameter.role == "primal" else f"dx{argument.first}.{parameter.lane}"

    def argument_of(self, parameter: Parameter) -> Argument | None:
        """The argument that a parameter of the derivative belongs to, if it does."""
        arguments = self.derivative.arguments
        return next((each for each in arguments if each.first <= parameter.index < each.first + each.count), None)

    def _slots(self) -> Iterator[tuple[str, Layout]]:
        for argument in self.derivative.arguments:
            if self.carries(argument):
                yield f"x{argument.first}", argument.layout
                if argument.activity is not DiffActivity.CONST:
                    yield from ((f"dx{argument.first}.{lane}", argument.layout) for lane in range(self.item.width))
        if self.value is not None and self.carries_return:
            yield "out", self.value
            if self.item.ret is not DiffActivity.CONST:
                yield from ((f"dout.{lane}", self.value) for lane in range(self.item.width))

    # The text of the carrier

    def definition(self) -> list[str]:
        """The lines that declare the primal and define the carrier."""
        primal = self.primal
        parameters = [f"ptr sret({primal.result})"] if primal.result else []
        parameters += [f"ptr byval({each})" if each else type_ for each, type_ in zip(self._by_value(), primal.parameters, strict=True)]
        declaration = f"declare {primal.returns} {symbol(primal.name)}({', '.join(parameters)})"
        if not self.slots:
            return [*primal.definitions, declaration]
        body = Body()
        for name, layout in self.slots.items():
            if not name.startswith("d"):
                body.add(_hint(f"%{name}", layout))
        operands = [operand for argument in self.derivative.arguments for operand in self._operands(body, argument)]
        returned = self._call(body, operands)
        head = f"define internal {returned} {self.name}({', '.join(self._parameters())}) {{"
        return [*primal.definitions, declaration, _HINTED, head, *body.lines, "}"]

    def _by_value(self) -> tuple[str, ...]:
        return self.primal.by_value or ("",) * len(self.primal.parameters)

    def _parameters(self) -> Iterator[str]:
        for argument in self.derivative.arguments:
            if self.carries(argument):
                yield f"ptr noalias %x{argument.first}"
            else:
                yield from (self._typed(index) for index in range(argument.first, argument.first + argument.count))
        if self.carries_return:
            yield "ptr noalias %out"

    def _typed(self, index: int) -> str:
        return " ".join(filter(None, [self.primal.parameters[index], self.primal.extensions[index], f"%x{index}"]))

    def _operands(self, body: Body, argument: Argument) -> Iterator[str]:
        """What the carrier passes on of an argument."""
        first = argument.first
        if not self.carries(argument):
            yield from (self._typed(index) for index in range(first, first + argument.count))
        elif argument.passing is Passing.MEMORY:
            yield f"ptr byval({self._by_value()[first]}) align {max(8, argument.layout.alignment)} %x{first}"
        elif argument.passing is Passing.INDIRECT:
            yield f"ptr %x{first}"
        else:
            for offset, type_ in argument.pieces or ((0, self.primal.parameters[first]),):
                place = body.at(f"%x{first}", offset)
                yield f"{type_} {body.gathered(type_, place, self.primal.definitions)}"

    def _call(self, body: Body, operands: list[str]) -> str:
        """Call the primal and put what it returns where it belongs; gives what the carrier itself returns."""
        primal, function = self.primal, symbol(self.primal.name)
        # Enzyme for LLVM 15 takes no notice of what a call stores through `sret`, and ends on a struct that is returned with an integer.
        inlined = "" if self.value is None or self.value.is_scalar else "alwaysinline"
        if primal.result:
            body.call("void", function, [f"ptr sret({primal.result}) %out", *operands], attributes=inlined)
        else:
            value = body.call(primal.returns, function, operands, attributes=inlined)
            if value and not self.carries_return:
                body.add(f"ret {primal.returns} {value}")
                return primal.returns
            if value:
                body.spread(value, primal.returns, "%out", primal.definitions)
        body.add("ret void")
        return "void"


HINT = "@__enzyme_double.carried"
"""A hint of Enzyme's own, by a name of ours: the call is kept by optimisers and erased by Enzyme, which reads the attribute in it."""
_HINTED = f"declare void {HINT}(ptr nocapture, i64) nounwind willreturn nofree nosync inaccessiblememonly"


def _hint(pointer: str, layout: Layout) -> str:
    """The call that tells Enzyme of the numbers and pointers in a slot: without it a `double` that is loaded may be anything."""
    return f'call void {HINT}(ptr "enzyme_type"="{pointer_to(layout.scalars).attribute()}" {pointer}, i64 0)'
