"""A C header for a unit: the prototypes of its derivatives and their primals, and what is to be known of each parameter.

A prototype is written of what is known of the module: C's types say a little more than LLVM's, so an integer has the size that it must have
and not the name that the sources give it, a pointer points to `void` where nothing tells to what, and a struct has fields named by number.
What C cannot say is left out, with a line that says so.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence

from plugin.items.activity import DiffActivity, DiffMode
from plugin.items.layout import Layout, together
from plugin.items.prototype import lanes_of
from plugin.items.signature import Argument, Derivative, Function, Passing

SCALARS = {
    "double": "double",
    "float": "float",
    "half": "_Float16",
    "x86_fp80": "long double",
    "i1": "bool",
    "ptr": "void *",
    **{f"i{bits}": f"int{bits}_t" for bits in (8, 16, 32, 64)},
}
POINTEES = {"f64": "double", "f32": "float", "f16": "_Float16", "i8": "int8_t", "i16": "int16_t", "i32": "int32_t", "i64": "int64_t"}
"""What pointers point to, in the words of the configuration, and in C's."""

IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_RESERVED = """
    auto bool break case catch char class const constexpr continue default delete do double else enum explicit export extern false float for
    friend goto if inline int long mutable namespace new operator private protected public register restrict return short signed sizeof
    static struct switch template this throw true try typedef typename union unsigned using virtual void volatile while
"""
RESERVED = frozenset([*_RESERVED.split(), "dret", "tape"])
"""Words that are no names in C or C++, or that a derivative has for its own parameters."""


class UnwritableError(ValueError):
    """Something that C has no words for here; says what."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Parameter:
    """One parameter of a prototype: its C type, its name, and what is to be known of it."""

    type: str
    name: str
    meaning: str


def header(unit: str, functions: Iterable[Function], derivatives: Sequence[Derivative], triple: str) -> str:
    """The text of `UNIT.h`. `functions` are all that can be called; a primal that is not among them has no prototype."""
    written = _Header({each.name: each for each in functions}, triple)
    primals = {each.primal.name: each for each in derivatives if each.primal.name in written.functions}
    targets = [line for each in derivatives for line in written.derivative(each)]
    sources = [line for each in primals.values() for line in written.primal(each)]
    guard = re.sub(r"\W", "_", f"HOLOENZYME_{unit.upper()}_H")
    lines = [
        f"/* The derivatives of the unit {unit}, as holoenzyme has made them. Written anew by each build. */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "#include <stdbool.h>",
        "#include <stddef.h>",
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        *written.structs.values(),
        *targets,
        *([f"#ifndef {guard}_NO_PRIMALS /* for who has prototypes of them already */", *sources, "#endif", ""] if sources else []),
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


class _Header:
    """Prototypes, and the structs that they need, which are kept by their layout."""

    def __init__(self, functions: dict[str, Function], triple: str) -> None:
        self.functions = functions
        self.structs: dict[Layout, str] = {}
        self._names: dict[Layout, str] = {}
        self._in_registers = triple.startswith("x86_64")

    def derivative(self, derivative: Derivative) -> Iterator[str]:
        """The prototype of a derivative, or both of them in split mode, with a comment above each."""
        item = derivative.item
        try:
            parameters = self._shadowed(derivative)
            seeds = list(self._seeds(derivative))
            if item.augmented:
                tape = _Parameter(type="void *", name="tape", meaning=f"what {item.augmented} returned; it is used up")
                yield from self._prototype(
                    item.augmented, _about(derivative, "The augmented primal"), parameters, self._augmented(derivative)
                )
                yield from self._prototype(
                    item.target, _about(derivative, "The reverse pass"), [*parameters, *seeds, tape], self._returned(derivative)
                )
            else:
                yield from self._prototype(
                    item.target, _about(derivative, "The derivative"), [*parameters, *seeds], self._returned(derivative)
                )
        except UnwritableError as reason:
            yield from (f"/* {' and '.join(item.targets)}: C has no words here for {reason}. */", "")

    def primal(self, derivative: Derivative) -> Iterator[str]:
        """The prototype of a derivative's primal."""
        try:
            parameters = [each for argument in derivative.arguments for each in self._taken(derivative, argument, _name(argument))]
            value = self._value(derivative.value, derivative.primal.name) if derivative.value else "void"
            yield f"{_declared(value, derivative.primal.name)}({_listed(parameters)});"
        except UnwritableError as reason:
            yield f"/* {derivative.primal.name}: C has no words here for {reason}. */"

    def _prototype(self, name: str, about: str, parameters: Sequence[_Parameter], results: Sequence[tuple[str, str, str]]) -> Iterator[str]:
        """A comment and a prototype; `results` have a type, a name, and what stands behind it where they are several."""
        if not IDENTIFIER.fullmatch(name):
            raise UnwritableError(f"the name {name}")
        width = max((len(each.name) for each in parameters), default=0)
        yield f"/* {about}"
        yield from (f" *   {each.name:{width}}  {each.meaning}" for each in parameters)
        yield f" * Returns {', '.join(field for _, field, _ in results) or 'nothing'}. */"
        returned = results[0][0] if results else "void"
        if len(results) > 1 or any(count for _, _, count in results):
            returned = f"struct {name}_result"
            yield f"{returned} {{{''.join(f' {_declared(type_, field)}{count};' for type_, field, count in results)} }};"
        yield from (f"{_declared(returned, name)}({_listed(parameters)});", "")

    def _shadowed(self, derivative: Derivative) -> list[_Parameter]:
        """Each argument of the primal, followed by its shadows, with names that are unique."""
        taken = {_name(each) for each in derivative.arguments}
        parameters: list[_Parameter] = []
        for argument in derivative.arguments:
            name, lanes = _name(argument), lanes_of(derivative.item, argument)
            parameters += self._taken(derivative, argument, name)
            for lane in range(lanes):
                shadow = f"d{name}" + (f"_{lane}" if lanes > 1 else "")
                while shadow in taken:
                    shadow += "_"
                taken.add(shadow)
                parameters += self._taken(derivative, argument, shadow, shadow_of=name)
        return parameters

    def _taken(self, derivative: Derivative, argument: Argument, name: str, shadow_of: str = "") -> Iterator[_Parameter]:
        """An argument, or a shadow of it, as C takes it."""
        primal, first = derivative.primal, argument.first
        known = self.functions.get(primal.name, primal)
        meaning = _meaning(derivative, argument, shadow_of, is_read=_is_read(known, first))
        if argument.passing in {Passing.DIRECT, Passing.SLICE}:
            type_ = primal.parameters[first]
            if type_ == "ptr":
                is_const = _is_read(known, first) and (not shadow_of or derivative.item.mode is DiffMode.FORWARD)
                type_ = _pointer(known.pointees[first] if known.pointees else "", is_const=is_const)
            else:
                type_ = _scalar(type_, primal.extensions[first])
            yield _Parameter(type=type_, name=name, meaning=meaning)
            if argument.passing is Passing.SLICE:
                least = f", at least {shadow_of}_length" if shadow_of else ""
                yield _Parameter(type="size_t", name=f"{name}_length", meaning=f"how many elements {name} has{least}")
            return
        if any(type_.startswith("<") and Layout.of_ir(type_).size > 8 for _, type_ in argument.pieces):  # noqa: PLR2004 - bytes
            raise UnwritableError("a vector by value")
        struct = self._value(argument.layout, f"{primal.name}_{_name(argument)}")
        is_pointer = argument.passing is Passing.INDIRECT and self._in_registers
        yield _Parameter(type=f"const {struct} *" if is_pointer else struct, name=name, meaning=meaning)

    def _seeds(self, derivative: Derivative) -> Iterator[_Parameter]:
        item = derivative.item
        if derivative.value is None or item.mode is not DiffMode.REVERSE or not item.ret.is_active:
            return
        type_ = self._value(derivative.value, derivative.primal.name)
        for lane in range(item.width):
            suffix = f"_{lane}" if item.width > 1 else ""
            yield _Parameter(type=type_, name=f"dret{suffix}", meaning="the seed: what the gradients are multiplied by")

    def _returned(self, derivative: Derivative) -> list[tuple[str, str, str]]:
        item, value = derivative.item, derivative.value
        found = self._primal_value(derivative) if not item.augmented else []
        count = f"[{item.width}]" if item.width > 1 else ""
        if value and item.ret.has_shadow:
            found.append((self._value(value, derivative.primal.name), "dvalue", count))
        for argument in derivative.arguments:
            if argument.activity.is_active:
                found.append((self._value(argument.layout, f"{derivative.primal.name}_{_name(argument)}"), f"d{_name(argument)}", count))
        return found

    def _augmented(self, derivative: Derivative) -> list[tuple[str, str, str]]:
        return [("void *", "tape", ""), *self._primal_value(derivative)]

    def _primal_value(self, derivative: Derivative) -> list[tuple[str, str, str]]:
        if derivative.value is None or not derivative.item.ret.returns_primal:
            return []
        return [(self._value(derivative.value, derivative.primal.name), "value", "")]

    def _value(self, layout: Layout, name: str) -> str:
        """The C type of a value: a scalar's, or that of a struct, which gets this name if it is the first of its layout."""
        if layout.is_scalar:
            return _scalar(layout.scalars[0][1], "")
        if layout not in self._names:
            if together([Layout.of_scalar(type_) for _, type_ in layout.scalars])[0] != layout:
                raise UnwritableError("a struct whose fields do not lie where C has them")
            fields = (f" {_declared(_scalar(type_, ''), f'f{index}')};" for index, (_, type_) in enumerate(layout.scalars))
            self._names[layout] = f"struct {name}_value"
            self.structs[layout] = f"struct {name}_value {{{''.join(fields)} }};"
        return self._names[layout]


def _about(derivative: Derivative, what: str) -> str:
    item = derivative.item
    lanes = f", {item.width} at once" if item.width > 1 else ""
    return f"{what} of {derivative.primal.name}, {item.mode} mode{lanes}."


def _meaning(derivative: Derivative, argument: Argument, shadow_of: str, *, is_read: bool) -> str:
    """What is to be known of an argument, or of its shadow; `is_read` tells that nothing is written through it."""
    activity = argument.activity
    if not shadow_of and activity is DiffActivity.CONST:
        return "not differentiated"
    if activity.is_active:
        return f"differentiated: the gradient is returned as d{_name(argument)}"
    if not shadow_of:
        return "differentiated" + ("; what the primal would write there need not be there" if activity.name.endswith("_ONLY") else "")
    lanes = f", all {derivative.item.width} one after the other" if activity.is_vector else ""
    if derivative.item.mode is DiffMode.FORWARD:
        use = "its tangent" if is_read or not argument.is_pointer else "its tangent, written where the primal writes"
    else:
        use = "the gradient is added to it" + ("" if is_read else "; where the primal writes, it is the seed, and is zero afterwards")
    return f"the shadow of {shadow_of}{lanes}: {use}"


def _name(argument: Argument) -> str:
    """The sources' name of an argument, or one by its place."""
    return argument.name if IDENTIFIER.fullmatch(argument.name) and argument.name not in RESERVED else f"x{argument.first}"


def _scalar(type_: str, extension: str) -> str:
    if type_ not in SCALARS:
        raise UnwritableError(f"the type {type_}")
    return f"u{SCALARS[type_]}" if extension == "zeroext" and type_ in {"i8", "i16", "i32"} else SCALARS[type_]


def _pointer(pointee: str, *, is_const: bool) -> str:
    return f"{'const ' if is_const else ''}{POINTEES.get(pointee, 'void')} *"


def _declared(type_: str, name: str) -> str:
    return f"{type_}{'' if type_.endswith('*') else ' '}{name}"


def _listed(parameters: Sequence[_Parameter]) -> str:
    return ", ".join(_declared(each.type, each.name) for each in parameters) or "void"


def _is_read(function: Function, index: int) -> bool:
    """Whether nothing is ever written through a parameter."""
    return index < len(function.read_only) and function.read_only[index]
