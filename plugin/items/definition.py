"""The IR text of a derivative: a function of the item's target around one `__enzyme_*` call.

Enzyme's combined reverse mode seeds the return with 1 and takes no seed, and it knows few ways to take a struct. So a number or a
struct that is differentiated and travels by value is carried (`plugin/items/carrier.py`): Enzyme sees pointers to slots. The shadows' slots
hold what the derivative's caller gave, the seeds too, or what it gets back.

In split mode the slots lie in a *frame* from malloc, which both passes use: it is what the caller sees as the tape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from plugin.items import alias_check, slice_check
from plugin.items.activity import DiffActivity
from plugin.items.arguments import EIGHTBYTE
from plugin.items.body import ALIGNMENT, Body, symbol
from plugin.items.carrier import Carrier
from plugin.items.layout import Layout, up
from plugin.items.prototype import TAPE, structure_of
from plugin.items.signature import Argument, Derivative, Parameter, Passing

Slots = Mapping[str, str]
"""The address of each slot."""

_CONST, _DUP, _DUP_NO_NEED = ('metadata !"enzyme_const"', 'metadata !"enzyme_dup"', 'metadata !"enzyme_dupnoneed"')


def definition(derivative: Derivative, triple: str, flags: Sequence[str] = ()) -> str:
    """The IR text that defines the derivative, in split mode both of its functions, its carrier, and declares what they call.

    `flags` stand in Enzyme's call.
    """
    writer = _Writer(derivative, triple, flags)
    made = [*writer.augmented(), *writer.reverse()] if derivative.item.augmented else writer.combined()
    checks = [*slice_check.definitions(derivative), *(() if writer.may_be_own else alias_check.definitions(derivative))]
    # Both checks declare what they print with: a declaration may stand once.
    declarations = dict.fromkeys(line for line in checks if line.startswith("declare "))
    checks = [*declarations, *(line for line in checks if line not in declarations)]
    return "\n".join([*writer.carrier.definition(), *checks, *made, ""])


class _Writer:
    """Writes the functions of one derivative."""

    def __init__(self, derivative: Derivative, triple: str, flags: Sequence[str]) -> None:
        self.derivative, self.item, self.triple, self.flags = derivative, derivative.item, triple, flags
        self.carrier = Carrier(derivative)

    def combined(self) -> list[str]:
        body, derivative = Body(), self.derivative
        given = {self.carrier.slot_of(each): f"%{each.name}" for each in derivative.parameters if each.is_in_memory}
        slots = {name: given.get(name) or body.local(layout) for name, layout in self.carrier.slots.items()}
        self._check(body, derivative.parameters)
        self._fill(body, slots, [each for each in derivative.parameters if not each.is_in_memory], set(slots) - set(given))
        returned = _enzyme_returns(self.carrier)
        operands = [*self.flags, *self._return_flags(), *self._width(), *self._operands(body, slots)]
        entry = symbol(f"{self.item.mode.entry_point}.{self.item.target}")
        found = body.call(returned, entry, [f"ptr {self.carrier.name}", *operands], is_variadic=True)
        values = [*self._value(body, slots, found), *self._tangents(body, slots, found), *self._gradients(body, slots)]
        function = self._function(self.item.target, derivative.parameters, derivative.results, body, values)
        return [f"declare {returned} {entry}(...)", *function]

    # Split mode

    def augmented(self) -> list[str]:
        body, parameters = Body(), self.derivative.augmented_parameters
        self._check(body, parameters)
        size = TAPE.size + sum(up(each.size, ALIGNMENT) for each in self.carrier.slots.values()) + ALIGNMENT
        frame = body.call("ptr", "@malloc", [f"i64 {size}"])
        slots = self._slots_in(body, frame)
        self._fill(body, slots, parameters, set(slots))
        entry = symbol(f"__enzyme_augmentfwd.{self.item.target}")
        operands = [f"ptr {self.carrier.name}", *self.flags, *self._width(), *self._operands(body, slots)]
        body.store([body.call("ptr", entry, operands, is_variadic=True)], frame, TAPE)
        values = [[frame], *self._value(body, slots, "")]
        function = self._function(self.item.augmented, parameters, self.derivative.augmented_results, body, values)
        return ["declare ptr @malloc(i64)", f"declare ptr {entry}(...)", *function]

    def reverse(self) -> list[str]:
        body, parameters = Body(), self.derivative.parameters
        self._check(body, parameters)
        slots = self._slots_in(body, "%tape")
        self._fill(body, slots, [each for each in parameters if each.role == "seed"], set())
        entry = symbol(f"__enzyme_reverse.{self.item.target}")
        operands = [f"ptr {self.carrier.name}", *self.flags, *self._width(), *self._operands(body, slots)]
        [tape] = body.load("%tape", TAPE)
        body.call("void", entry, [*operands, f"ptr {tape}"], is_variadic=True)
        values = list(self._gradients(body, slots))
        body.call("void", "@free", ["ptr %tape"])
        function = self._function(self.item.target, parameters, self.derivative.results, body, values)
        return ["declare void @free(ptr)", f"declare void {entry}(...)", *function]

    def _slots_in(self, body: Body, frame: str) -> Slots:
        """The slots in a frame, behind Enzyme's own tape."""
        slots, offset = {}, ALIGNMENT
        for name, layout in self.carrier.slots.items():
            slots[name] = body.at(frame, offset)
            offset += up(layout.size, ALIGNMENT)
        return slots

    def _check(self, body: Body, parameters: Sequence[Parameter]) -> None:
        """Stop the program where a shadow cannot be one."""
        if not self.may_be_own:
            alias_check.add_checks(body, self.derivative, parameters)
        slice_check.add_checks(body, self.derivative, parameters)

    @property
    def may_be_own(self) -> bool:
        """Whether a pointer that is its own shadow is constant: so Enzyme takes it that decides while the program runs."""
        return 'metadata !"enzyme_runtime_activity"' in self.flags

    # Into the slots, and out of them

    def _fill(self, body: Body, slots: Slots, parameters: Sequence[Parameter], cleared: set[str]) -> None:
        """Put what the parameters hold into the slots; those of `cleared` that nothing is put into are zero."""
        filled = {self.carrier.slot_of(each) for each in parameters}
        for name in slots:
            if name in cleared - filled:
                body.clear(slots[name], self.carrier.slots[name])
        for parameter in parameters:
            name = self.carrier.slot_of(parameter)
            if not name:
                continue
            if parameter.is_in_memory:
                layout = self.carrier.slots[name]
                body.store(body.load(f"%{parameter.name}", layout), slots[name], layout)
            else:
                place = body.at(slots[name], parameter.offset)
                body.spread(f"%{parameter.name}", parameter.type, place, self.derivative.primal.definitions)

    def _value(self, body: Body, slots: Slots, found: str) -> Iterator[list[str]]:
        """The scalars of the primal's value, where it is returned."""
        if self.carrier.value is None or not self.item.ret.returns_primal:
            return
        if self.carrier.carries_return:
            yield body.load(slots["out"], self.carrier.value)
        elif self.item.ret.has_shadow:
            yield [body.value(f"extractvalue {_enzyme_returns(self.carrier)} {found}, 0")]
        else:
            yield [found]

    def _tangents(self, body: Body, slots: Slots, found: str) -> Iterator[list[str]]:
        """The scalars of the return's tangents, lane after lane."""
        if self.carrier.value is None or not self.item.ret.has_shadow:
            return
        lanes = range(self.item.width)
        if self.carrier.carries_return:
            yield [scalar for lane in lanes for scalar in body.load(slots[f"dout.{lane}"], self.carrier.value)]
            return
        path = ["1"] if self.item.ret.returns_primal else []
        paths = [", ".join([*path, *([str(lane)] if self.item.width > 1 else [])]) for lane in lanes]
        type_ = _enzyme_returns(self.carrier)
        yield [body.value(f"extractvalue {type_} {found}, {each}") if each else found for each in paths]

    def _gradients(self, body: Body, slots: Slots) -> Iterator[list[str]]:
        """The scalars of the gradient of each active argument, lane after lane."""
        for argument in self.derivative.arguments:
            if argument.activity.is_active:
                shadows = [slots[f"dx{argument.first}.{lane}"] for lane in range(self.item.width)]
                yield [scalar for shadow in shadows for scalar in body.load(shadow, argument.layout)]

    # Enzyme's call

    def _return_flags(self) -> Iterator[str]:
        if self.carrier.value is not None and not self.carrier.carries_return:
            if not self.item.ret.has_shadow:
                yield 'metadata !"enzyme_const_return"'
            if self.item.ret.returns_primal:
                yield 'metadata !"enzyme_primal_return"'

    def _width(self) -> Iterator[str]:
        if self.item.width > 1:
            yield from ('metadata !"enzyme_width"', f"i64 {self.item.width}")

    def _operands(self, body: Body, slots: Slots) -> Iterator[str]:
        for argument in self.derivative.arguments:
            if self.carrier.carries(argument):
                yield from self._carried(slots, argument)
            else:
                yield from self._plain(body, argument)
        if self.carrier.carries_return:
            ret = self.item.ret
            yield _CONST if ret is DiffActivity.CONST else _DUP if ret.returns_primal else _DUP_NO_NEED
            yield f"ptr {slots['out']}"
            if ret is not DiffActivity.CONST:
                yield from (f"ptr {slots[f'dout.{lane}']}" for lane in range(self.item.width))

    def _carried(self, slots: Slots, argument: Argument) -> Iterator[str]:
        yield _CONST if argument.activity is DiffActivity.CONST else _DUP
        yield f"ptr {slots[f'x{argument.first}']}"
        if argument.activity is not DiffActivity.CONST:
            yield from (f"ptr {slots[f'dx{argument.first}.{lane}']}" for lane in range(self.item.width))

    def _plain(self, body: Body, argument: Argument) -> Iterator[str]:
        """The operands of an argument that is as it is; what follows the first parameter, the length of a slice, is constant."""
        types = self.derivative.primal.parameters
        if argument.activity.is_vector and self.item.width > 1:
            yield from (f'metadata !"{argument.activity.marker}"', f"i64 {self._stride(body, argument)}")
        else:
            yield f'metadata !"{argument.activity.marker.removesuffix("v")}"'
        yield f"{types[argument.first]} %x{argument.first}"
        for parameter in self.derivative.parameters:
            if parameter.role == "shadow" and parameter.index == argument.first:
                yield f"{parameter.type} %{parameter.name}"
        for index in range(argument.first + 1, argument.first + argument.count):
            yield from (_CONST, f"{types[index]} %x{index}")

    def _stride(self, body: Body, argument: Argument) -> str:
        """The bytes from a lane to the next one."""
        if argument.passing is not Passing.SLICE:
            return str(argument.stride)
        return body.value(f"mul i64 {slice_check.length_of(body, self.derivative, argument)}, {argument.stride}")

    # The function around it

    def _function(
        self, name: str, parameters: Sequence[Parameter], results: Sequence[Layout], body: Body, values: Sequence[Sequence[str]]
    ) -> list[str]:
        structure = structure_of(results, self.triple)
        typed = [self._typed(each) for each in parameters]
        extension = ""
        if structure is None:
            returned = results[0].spelling if results else "void"
            # Alone, the primal's value is returned as the primal does it: a caller may count on a small integer to be extended.
            extension = self.derivative.primal.return_extension if self.item.ret.returns_primal else ""
            body.add(f"ret {returned} {values[0][0]}" if results else "ret void")
        else:
            returned = structure.coerced or "void"
            place = "%result" if structure.coerced is None else body.local(structure.layout)
            for offset, layout, scalars in zip(structure.offsets, results, values, strict=True):
                body.store(scalars, body.at(place, offset), layout)
            if structure.coerced is None:
                layout = structure.layout
                typed.insert(0, f"ptr noalias sret({layout.spelling}) align {layout.alignment} %result")
                body.add("ret void")
            else:
                body.add(f"ret {returned} {body.value(f'load {returned}, ptr {place}, align {ALIGNMENT}')}")
        head = " ".join(filter(None, ["define", extension, returned, f"{symbol(name)}({', '.join(typed)})", "{"]))
        return [head, *body.lines, "}"]

    def _typed(self, parameter: Parameter) -> str:
        attribute = parameter.extension
        if parameter.passing is Passing.MEMORY:
            layout = self.carrier.slots[self.carrier.slot_of(parameter)]
            attribute = f"byval({layout.spelling}) align {max(EIGHTBYTE, layout.alignment)}"
        return " ".join(filter(None, [parameter.type, attribute, f"%{parameter.name}"]))


def _enzyme_returns(carrier: Carrier) -> str:
    """The type of what Enzyme's call returns: a pointer that is not carried, its shadows, or both."""
    if carrier.value is None or carrier.carries_return:
        return "void"
    ret, width = carrier.item.ret, carrier.item.width
    shadows = "ptr" if width == 1 else f"[{width} x ptr]"
    if not ret.has_shadow:
        return "ptr"
    return f"{{ ptr, {shadows} }}" if ret.returns_primal else shadows
