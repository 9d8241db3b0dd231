"""Calls a primal and its derivative in a shared library, as a C program would, with copies of Python numbers."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from bootstrap.diagnostics import Diagnostic, Failure, fail
from plugin.signature import Derivative
from plugin.type_language import Scalar, Type, element_of

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
    """Arguments of a primal: for each parameter a number, or the numbers of an array, as their C type has them, and that type."""

    values: tuple[Number | tuple[Number, ...], ...]
    types: tuple[Any, ...]

    @classmethod
    def build(cls, derivative: Derivative, values: Sequence[Number | tuple[Number, ...]], said: Sequence[Type | None], key: str) -> Self:
        """Arguments that fit the parameters of the derivative's primal; raises `Failure` (E0519) with each that does not.

        `said` has the type of each argument, or None where it was not said: then a pointer's elements are `f64`, and `i64` where the
        input has no shadow and all numbers are whole.
        """
        primal = derivative.primal
        if len(values) != len(primal.parameters):
            plural = "" if len(primal.parameters) == 1 else "s"
            message = f"`{primal.name}` has {len(primal.parameters)} parameter{plural}, the length of `args` is {len(values)}"
            raise Failure(Diagnostic(code="E0519", message=message, key=f"{key}.args", help=("give one argument for each parameter",)))
        held, types, faults = [], [], []
        for index, (parameter, value) in enumerate(zip(primal.parameters, values, strict=True)):
            try:
                is_pointer, has_shadow = parameter == "ptr", derivative.item.inputs[index].has_shadow
                types.append(_element_type(value, said[index], has_shadow=has_shadow) if is_pointer else _scalar_type(parameter, value))
                held.append(_held(types[-1], value))
            except _MisfitError as misfit:
                message = f"argument {index + 1} of `{primal.name}` does not fit its parameter `{parameter}`"
                faults.append(Diagnostic(code="E0519", message=message, help=(str(misfit),), key=f"{key}.args.{index}"))
        if faults:
            raise Failure(*faults)
        return cls(tuple(held), tuple(types))

    def vector(self, index: int) -> Vector:
        """The numbers of an argument: those of an array, or the one of a scalar."""
        value = self.values[index]
        return list(value) if isinstance(value, tuple) else [value]

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
            moved = tuple(number + distance * each for number, each in zip(self.vector(index), tangent, strict=True))
            values[index] = moved if isinstance(values[index], tuple) else moved[0]
        return Arguments(tuple(values), self.types)

    def in_c(self, index: int, numbers: Sequence[Number] | None = None) -> Any:
        """An argument as C has it, or a fresh one of the same type with other `numbers`."""
        value, type_ = self.values[index], self.types[index]
        if isinstance(value, tuple):
            return (type_ * len(value))(*(value if numbers is None else numbers))
        return type_(value if numbers is None else numbers[0])


class _MisfitError(Exception):
    """An argument does not fit; says what to write instead."""


def _scalar_type(parameter: str, value: Number | tuple[Number, ...]) -> Any:
    if isinstance(value, tuple):
        raise _MisfitError("write a number")
    if parameter not in SCALARS:
        raise _MisfitError(f"`{parameter}` cannot be passed from here: check this derivative in a program")
    return SCALARS[parameter]


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
    numbers = value if isinstance(value, tuple) else (value,)
    with contextlib.suppress(OverflowError, TypeError):
        kept = tuple((type_ * len(numbers))(*numbers))
        if type_ in _FLOATS or kept == numbers:
            return kept if isinstance(value, tuple) else kept[0]
    raise _MisfitError("write numbers" if type_ in _FLOATS else "write a whole number that it has room for")


class Call:
    """A derivative and its primal in a loaded library."""

    def __init__(self, library: ctypes.CDLL, derivative: Derivative) -> None:
        self.derivative = derivative
        self._primal = _symbol(library, derivative.primal.name)
        self._derivative = _symbol(library, derivative.item.target)
        self._primal.restype = None if derivative.primal.returns == "void" else _received(derivative.primal.returns)
        self._derivative.restype = self._returns = _returned(derivative.results)

    def primal(self, arguments: Arguments) -> tuple[float, dict[int, Vector]]:
        """What the primal returns (0 when nothing), and the content of each array afterwards."""
        passed = [arguments.in_c(index) for index in range(len(arguments.values))]
        value = self._primal(*passed)
        return (value or 0.0), {index: list(each) for index, each in enumerate(passed) if isinstance(each, ctypes.Array)}

    def derived(self, arguments: Arguments, shadows: Mapping[int, Vector], seed: float) -> tuple[Vector, dict[int, Vector]]:
        """What the derivative returns, and the content of each shadow that is an array afterwards."""
        passed: list[Any] = []
        kept: dict[int, Any] = {}
        for parameter in self.derivative.parameters:
            if parameter.role == "seed":
                passed.append(SCALARS[parameter.type](seed))
                continue
            numbers = shadows[parameter.index] if parameter.role == "shadow" else None
            passed.append(arguments.in_c(parameter.index, numbers))
            if parameter.role == "shadow" and isinstance(passed[-1], ctypes.Array):
                kept[parameter.index] = passed[-1]
        returned = self._derivative(*passed)
        results = [getattr(returned, name) for name, _ in self._returns._fields_] if len(self.derivative.results) > 1 else [returned]
        return (results if self.derivative.results else []), {index: list(each) for index, each in kept.items()}


def _symbol(library: ctypes.CDLL, name: str) -> Any:
    try:
        return library[name]
    except AttributeError:
        remedies = ["a function that is `static`, or not `pub` with `#[no_mangle]`, cannot be called from outside"]
        raise fail("E0520", f"`{name}` is not exported, so its derivative cannot be checked", help=remedies) from None


def _returned(results: Sequence[str]) -> Any:
    types = [_received(each) for each in results]
    if len(types) < 2:  # noqa: PLR2004 - one value is returned as it is
        return types[0] if types else None
    return type("Results", (ctypes.Structure,), {"_fields_": [(f"r{index}", each) for index, each in enumerate(types)]})


def _received(type_: str) -> Any:
    """The C type of a value that is returned."""
    if type_ == "ptr":
        return ctypes.c_void_p
    if type_ not in SCALARS:
        remedies = ["check this derivative in a program"]
        raise fail("E0519", f"a value of the type `{type_}`, which is returned, cannot be received from here", help=remedies)
    return SCALARS[type_]
