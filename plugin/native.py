"""Calls a primal and its derivative in a shared library, as a C program would, with copies of Python numbers."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from bootstrap.diagnostics import Diagnostic, Failure, fail
from plugin.items.abi import REGISTER
from plugin.items.layout import Layout, size_of, together
from plugin.items.signature import Argument, Derivative, Passing
from plugin.types.type_language import Scalar, Type, element_of

Number = float | int | bool
Vector = list[float]

SCALARS: dict[str, Any] = {
    "double": ctypes.c_double,
    "float": ctypes.c_float,
    "x86_fp80": ctypes.c_longdouble,
    "i1": ctypes.c_bool,
    "i8": ctypes.c_int8,
    "i16": ctypes.c_int16,
    "i32": ctypes.c_int32,
    "i64": ctypes.c_int64,
}
"""LLVM's scalar types as ctypes passes them."""

ELEMENTS: dict[str, Any] = {
    "f32": ctypes.c_float,
    "f64": ctypes.c_double,
    "i8": ctypes.c_int8,
    "i16": ctypes.c_int16,
    "i32": ctypes.c_int32,
    "i64": ctypes.c_int64,
    "usize": ctypes.c_size_t,
}
"""What a pointer of the configuration's type language (`*f64`) may point to in a call, one or several in a row."""


_FLOATS = {ctypes.c_float, ctypes.c_double, ctypes.c_longdouble}


def load(path: Path) -> ctypes.CDLL:
    """The shared library at `path`; raises `Failure` (E0405) when the loader refuses it."""
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise fail("E0405", f"`{path.name}` cannot be loaded", notes=[str(error)]) from None


@dataclasses.dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments of a primal: for each input a number, or the numbers of an array or a struct, as their C types have them.

    `types` has the C type of each number, of an array's elements, or of a struct.
    """

    values: tuple[Number | tuple[Number, ...], ...]
    types: tuple[Any, ...]

    @classmethod
    def build(cls, derivative: Derivative, values: Sequence[Number | tuple[Number, ...]], said: Sequence[Type | None], key: str) -> Self:
        """Arguments that fit the inputs of the derivative; raises `Failure` (E0519) with each that does not.

        `said` has the type of each argument, or None where it was not said: then a pointer's elements are `f64`, and `i64` where the
        input has no shadow and all numbers are whole.
        """
        primal, arguments = derivative.primal, derivative.arguments
        if len(values) != len(arguments):
            plural = "" if len(arguments) == 1 else "s"
            message = f"`{primal.name}` has {len(arguments)} parameter{plural}, the length of `args` is {len(values)}"
            raise Failure(Diagnostic(code="E0519", message=message, key=f"{key}.args", help=("give one argument for each parameter",)))
        held, types, faults = [], [], []
        for index, (argument, value) in enumerate(zip(arguments, values, strict=True)):
            try:
                types.append(_type_of(argument, value, said[index]))
                held.append(_held(types[-1], value))
            except _MisfitError as misfit:
                message = f"argument {index + 1} of `{primal.name}` does not fit its parameter `{argument.layout.spelling}`"
                faults.append(Diagnostic(code="E0519", message=message, help=(str(misfit),), key=f"{key}.args.{index}"))
        if faults:
            raise Failure(*faults)
        return cls(tuple(held), tuple(types))

    def vector(self, index: int) -> Vector:
        """The numbers of an argument: those of an array or a struct, or the one of a scalar."""
        value = self.values[index]
        return list(value) if isinstance(value, tuple) else [value]

    def differentiable(self, index: int) -> list[int]:
        """Which numbers of an argument may vary: all of an array, those of a struct that are not integers."""
        type_ = self.types[index]
        if _is_structure(type_):
            return [number for number, each in enumerate(_kinds(type_)) if each in _FLOATS]
        return list(range(len(self.vector(index))))

    def number(self, index: int, element: int) -> float:
        """One number of an argument."""
        return self.vector(index)[element]

    def replaced(self, index: int, element: int, number: float) -> Arguments:
        """The same arguments with one number changed."""
        value = self.values[index]
        changed = (*value[:element], number, *value[element + 1 :]) if isinstance(value, tuple) else number
        return Arguments((*self.values[:index], changed, *self.values[index + 1 :]), self.types)

    def moved(self, tangents: Mapping[int, Vector], distance: float) -> Arguments:
        """The arguments moved by `distance` along `tangents`."""
        values = list(self.values)
        for index, tangent in tangents.items():
            varied = set(self.differentiable(index))
            moved = tuple(
                number + distance * each if element in varied else number
                for element, (number, each) in enumerate(zip(self.vector(index), tangent, strict=True))
            )
            values[index] = moved if isinstance(values[index], tuple) else moved[0]
        return Arguments(tuple(values), self.types)

    def in_c(self, index: int, numbers: Sequence[Number] | None = None) -> Any:
        """An argument as C has it, or a fresh one of the same type with other `numbers`: an array may be of another length."""
        value, type_ = self.values[index], self.types[index]
        held = self.vector(index) if numbers is None else list(numbers)
        if _is_structure(type_):
            return _made(type_, held)
        return (type_ * len(held))(*held) if isinstance(value, tuple) else type_(held[0])


def _made(type_: Any, scalars: Sequence[Number]) -> Any:
    """A number, or a structure, of a C type."""
    kinds = _kinds(type_) if _is_structure(type_) else [type_]
    values = [each if kind in _FLOATS else int(each) for each, kind in zip(scalars, kinds, strict=True)]
    return type_(**{f"m{index}": each for index, each in enumerate(values)}) if _is_structure(type_) else type_(*values)


def _kinds(type_: Any) -> list[Any]:
    """The C types of a structure's scalars."""
    return [kind for name, kind in type_._fields_ if not name.startswith(PADDING)]


class _MisfitError(Exception):
    """An argument does not fit; says what to write instead."""


def _is_structure(type_: Any) -> bool:
    return issubclass(type_, ctypes.Structure)


def _type_of(argument: Argument, value: Number | tuple[Number, ...], said: Type | None) -> Any:
    if argument.is_struct:
        return _struct_type(argument, value)
    if argument.is_pointer:
        return _element_type(value, said, has_shadow=argument.activity.has_shadow)
    return _scalar_type(argument.layout.scalars[0][1], value)


def _scalar_type(parameter: str, value: Number | tuple[Number, ...]) -> Any:
    if isinstance(value, tuple):
        raise _MisfitError("write a number")
    if parameter not in SCALARS:
        raise _MisfitError(f"`{parameter}` cannot be passed from here: check this derivative in a program")
    return SCALARS[parameter]


def _struct_type(argument: Argument, value: Number | tuple[Number, ...]) -> Any:
    type_ = structure(argument.layout)
    if type_ is None or argument.layout.has_pointers:
        raise _MisfitError("this struct cannot be passed from here: check this derivative in a program")
    count = len(argument.layout.scalars)
    if not isinstance(value, tuple) or len(value) != count:
        raise _MisfitError(f"it is a struct: write a list of its {count} numbers")
    return type_


PADDING = "padding"
"""How the fields of a structure are named that are nothing."""


def structure(layout: Layout) -> Any:
    """A layout as a type of ctypes, a structure of its scalars; None where ctypes cannot pass it so, or has no such scalar."""
    types = [type_ for _, type_ in layout.scalars]
    is_padded = together([Layout.of_scalar(each) for each in types])[0] != layout
    if not set(types) <= set(SCALARS) | {"ptr"} or (is_padded and layout.size <= 2 * REGISTER):
        return None  # in registers padding of our own would not do
    fields: list[tuple[str, Any]] = []
    end = 0
    for index, (offset, each) in enumerate(layout.scalars):
        fields += [(f"{PADDING}{index}", ctypes.c_char * (offset - end))] if is_padded and offset > end else []
        fields.append((f"m{index}", SCALARS.get(each, ctypes.c_void_p)))
        end = offset + size_of(each)
    fields += [(f"{PADDING}end", ctypes.c_char * (layout.size - end))] if is_padded and layout.size > end else []
    return type("Struct", (ctypes.Structure,), {"_fields_": fields})


def _element_type(value: Number | tuple[Number, ...], said: Type | None, *, has_shadow: bool) -> Any:
    if not isinstance(value, tuple):
        raise _MisfitError("it is a pointer: write a list of numbers")
    are_whole = bool(value) and all(isinstance(each, int) for each in value)
    element = element_of(said) if said else Scalar(name="i64" if are_whole and not has_shadow else "f64")
    name = element.name if isinstance(element, Scalar) else ""
    if name not in ELEMENTS:
        known = ", ".join(f"*{each}" for each in ELEMENTS)
        raise _MisfitError(f"`{said.spelling if said else ''}` cannot be passed from here; known are {known}")
    if has_shadow and ELEMENTS[name] not in _FLOATS:
        raise _MisfitError(f"what `{said.spelling if said else ''}` points to has no derivative: make the input Const")
    return ELEMENTS[name]


def _held(type_: Any, value: Number | tuple[Number, ...]) -> Number | tuple[Number, ...]:
    """An argument as its C type holds it: rounded where that is a floating-point type, and otherwise as it is."""
    if _is_structure(type_) and isinstance(value, tuple):
        numbers = (_held(kind, each) for each, kind in zip(value, _kinds(type_), strict=True))
        return tuple(each for each in numbers if not isinstance(each, tuple))
    numbers_ = value if isinstance(value, tuple) else (value,)
    with contextlib.suppress(OverflowError, TypeError):
        kept = tuple((type_ * len(numbers_))(*numbers_))
        if type_ in _FLOATS or kept == numbers_:
            return kept if isinstance(value, tuple) else kept[0]
    raise _MisfitError("write numbers" if type_ in _FLOATS else "write a whole number that it has room for")


class Call:
    """A derivative and its primal in a loaded library."""

    def __init__(self, library: ctypes.CDLL, derivative: Derivative) -> None:
        self.derivative = derivative
        self._primal = _Function(library, derivative.primal.name, [derivative.value] if derivative.value else [])
        self._derivative = _Function(library, derivative.item.target, derivative.results)
        self._augmented = _Function(library, derivative.item.augmented, derivative.augmented_results) if derivative.item.augmented else None

    def primal(self, arguments: Arguments) -> tuple[Vector, dict[int, Vector]]:
        """What the primal returns, its scalars, and the content of each array afterwards."""
        kept = [arguments.in_c(index) for index in range(len(arguments.values))]
        passed = [each for index, held in enumerate(kept) for each in self._passed(index, held, len(arguments.vector(index)))]
        results = self._primal(passed)
        written = {index: list(each) for index, each in enumerate(kept) if isinstance(each, ctypes.Array)}
        return (results[0] if results else []), written

    def derived(
        self, arguments: Arguments, shadows: Mapping[int, Sequence[Vector]], seeds: Sequence[Vector]
    ) -> tuple[list[Vector], dict[int, list[Vector]]]:
        """What the derivative returns, the scalars of each result, and the content of each array's shadows afterwards.

        `shadows` and `seeds` have a vector for each lane. In split mode both passes are made; the primal's value comes of the first.
        """
        passed: list[Any] = []
        kept: dict[int, list[Any]] = {}
        for index, argument in enumerate(self.derivative.arguments):
            passed += self._passed(index, arguments.in_c(index), len(arguments.vector(index)))
            if argument.activity.has_shadow:
                kept[index] = [arguments.in_c(index, each) for each in self._lanes(index, shadows[index])]
                passed += [each for held in kept[index] for each in self._passed(index, held, None)]
        seeds_in_c = [self._primal.made(each) for each in seeds]
        if self._augmented is None:
            results = self._derivative([*passed, *seeds_in_c])
        else:
            [[tape], *value] = self._augmented(passed)
            results = [*value, *self._derivative([*passed, *seeds_in_c, ctypes.c_void_p(int(tape))])]
        return results, {index: self._by_lane(index, held) for index, held in kept.items() if isinstance(held[0], ctypes.Array)}

    def _passed(self, index: int, held: Any, length: int | None) -> list[Any]:
        """What is passed for an argument, or for its shadow, that is held as C has it."""
        argument = self.derivative.arguments[index]
        if argument.passing is Passing.SLICE:
            type_ = SCALARS[self.derivative.primal.parameters[argument.first + 1]]
            return [held, type_(len(held) if length is None else length)]
        return [ctypes.byref(held) if argument.passing is Passing.INDIRECT else held]

    def _lanes(self, index: int, shadows: Sequence[Vector]) -> list[Vector]:
        """The shadows that are passed: one for each lane, or one that has all."""
        if self.derivative.arguments[index].activity.is_vector:
            return [[each for shadow in shadows for each in shadow]]
        return list(shadows)

    def _by_lane(self, index: int, held: Sequence[Any]) -> list[Vector]:
        if not self.derivative.arguments[index].activity.is_vector:
            return [list(each) for each in held]
        width, numbers = self.derivative.item.width, list(held[0])
        length = len(numbers) // width
        return [numbers[lane * length : (lane + 1) * length] for lane in range(width)]


class _Function:
    """A function of a library, by its symbol and what it returns."""

    def __init__(self, library: ctypes.CDLL, name: str, results: Sequence[Layout]) -> None:
        try:
            self._function = library[name]
        except AttributeError:
            remedies = ["a function that is `static`, or not `pub` with `#[no_mangle]`, cannot be called from outside"]
            raise fail("E0520", f"`{name}` is not exported, so its derivative cannot be checked", help=remedies) from None
        self._types = [_received(each) for each in results]
        is_struct = len(results) > 1 or (len(results) == 1 and not results[0].is_scalar)
        fields = [(f"r{index}", each) for index, each in enumerate(self._types)]
        self._function.restype = type("Results", (ctypes.Structure,), {"_fields_": fields}) if is_struct else next(iter(self._types), None)
        self._is_struct = is_struct

    def __call__(self, arguments: Sequence[Any]) -> list[Vector]:
        """The scalars of each result."""
        returned = self._function(*arguments)
        if not self._types:
            return []
        results = [getattr(returned, f"r{index}") for index in range(len(self._types))] if self._is_struct else [returned]
        return [_scalars(each) for each in results]

    def made(self, scalars: Vector) -> Any:
        """A value of the type that is returned, from its scalars."""
        [type_] = self._types
        return _made(type_, scalars)


def _scalars(value: Any) -> Vector:
    if isinstance(value, ctypes.Structure):
        return [getattr(value, name) for name, *_ in value._fields_ if not name.startswith(PADDING)]
    return [value or 0]


def _received(layout: Layout) -> Any:
    """The C type of a value that is returned."""
    if layout.is_scalar:
        name = layout.scalars[0][1]
        type_ = ctypes.c_void_p if name == "ptr" else SCALARS.get(name)
    else:
        type_ = structure(layout)
    if type_ is None:
        remedies = ["check this derivative in a program"]
        raise fail("E0519", f"a value of the type `{layout.spelling}`, which is returned, cannot be received from here", help=remedies)
    return type_
