"""One compiled function, called as C would call it: NumPy arrays go in and come out without copies.

Everything that can be known to be wrong with an argument is told before the call, because after it there may be no Python to tell it in:
`TypeError` for what is no array or no number, `ValueError` for an array of the wrong dtype, one that is not contiguous, not aligned or
not writable, a number that does not fit, and a shadow that is shorter than what it is the shadow of. While compiled code
runs, other threads of Python do too.
"""

from __future__ import annotations

import collections
import ctypes
import inspect
import numbers
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bootstrap.diagnostics import fail
from plugin.items.activity import DiffMode
from plugin.items.signature import Derivative, Parameter, Passing
from plugin.items.signature import Function as Signature
from plugin.native import SCALARS

if TYPE_CHECKING:
    from plugin.python.library import Library

DTYPES = {
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "usize": "uint64",
}
"""The dtype of an array for what a pointer points to, in the configuration's type language (`*f64`)."""

_FLOATS = frozenset({"double", "float", "x86_fp80"})


class Function:
    """A function of a library. Called with a NumPy array for each pointer and a number for each scalar, it gives what C would get.

    A slice of a derivative, a pointer and a length in C, is one array. Several results come as a named tuple. `help(function)` and
    `inspect.signature(function)` tell the parameters.
    """

    def __init__(self, library: Library, name: str, in_c: Sequence[Parameter], results: Sequence[str], meaning: Meaning) -> None:
        parameters = [each for each in in_c if not meaning.is_length(each)]
        self.library, self.parameters, self.results = library, tuple(parameters), tuple(results)
        self.__name__ = self.__qualname__ = name
        self.__signature__ = inspect.Signature([inspect.Parameter(each.name, inspect.Parameter.POSITIONAL_ONLY) for each in parameters])
        self.__doc__ = meaning.documentation(self)
        self.meaning = meaning
        self._symbol = library.symbol(name)
        self._symbol.argtypes = [ctypes.c_void_p if each.type == "ptr" else _scalar(name, each.type) for each in in_c]
        self._symbol.restype = _returned(name, results)
        self._passed = [_converter(self, each) for each in parameters]
        self._lengths = [at for at, each in enumerate(parameters) if meaning.is_slice(each)]
        self._shadows = _shadowed(parameters)
        self._result = _tuple_of(meaning.result_names(self)) if len(results) > 1 else None

    def __call__(self, *arguments: Any) -> Any:
        """What C gets: a number, a named tuple of numbers, or None."""
        if len(arguments) != len(self._passed):
            expected = ", ".join(each.name for each in self.parameters)
            raise TypeError(f"{self.__name__}() takes {len(self._passed)} arguments ({expected}), not {len(arguments)}")
        passed = [convert(value) for convert, value in zip(self._passed, arguments, strict=True)]
        for primal, shadow in self._shadows:
            self._compare(arguments[primal], arguments[shadow], shadow)
        for at in reversed(self._lengths):
            passed.insert(at + 1, arguments[at].size)
        returned = self._symbol(*passed)
        if self._result is None:
            return returned
        return self._result(*(getattr(returned, name) for name, _ in returned._fields_))

    def __repr__(self) -> str:
        """The function with its parameters and where it is from."""
        return f"<{self.__name__}{self.__signature__} of {self.library.path}>"

    @property
    def derivative_of(self) -> str:
        """The symbol of the function that this one is the derivative of; empty when it is none."""
        return self.meaning.derivative.item.source if self.meaning.derivative else ""

    def _compare(self, primal: Any, shadow: Any, index: int) -> None:
        name = self.parameters[index].name
        if shadow.size < primal.size:
            raise ValueError(f"shadow slice '{name}' of {self.__name__} has length {shadow.size}, its primal has {primal.size}")
        if np.may_share_memory(primal, shadow):
            raise ValueError(f"shadow '{name}' of {self.__name__} shares memory with its primal: it needs memory of its own")
        if shadow.dtype != primal.dtype:
            raise ValueError(f"shadow '{name}' of {self.__name__} has dtype {shadow.dtype}, its primal has {primal.dtype}")


class Meaning:
    """What a function is: a primal, described by its signature, or a derivative. `elements` has what each primal pointer points to."""

    def __init__(self, primal: Signature, derivative: Derivative | None, elements: Sequence[str]) -> None:
        self.primal, self.derivative, self.elements = primal, derivative, tuple(elements)
        arguments = derivative.arguments if derivative else ()
        self._activities = {each.first: each.activity for each in arguments}
        self._slices = {each.first for each in arguments if each.passing is Passing.SLICE}

    def is_slice(self, parameter: Parameter) -> bool:
        """Whether a length stands behind this parameter, which Python takes from the array."""
        return parameter.role in {"primal", "shadow"} and parameter.index in self._slices

    def is_length(self, parameter: Parameter) -> bool:
        """Whether this is such a length."""
        return parameter.role == "length" or (parameter.role == "primal" and parameter.index - 1 in self._slices)

    def result_names(self, function: Function) -> list[str]:
        """A name for each result, as interface and header have them: `value`, `dvalue`, and `dNAME` for the gradient of a parameter."""
        if self.derivative is None:
            return ["value"] * len(function.results)
        item = self.derivative.item
        names = (["value"] if item.ret.returns_primal else []) + (["dvalue"] if item.ret.has_shadow else [])
        primals = [each for each in function.parameters if each.role == "primal"]
        return names + [f"d{each.name}" for each in primals if each.index in self._activities and self._activities[each.index].is_active]

    def dtype(self, parameter: Parameter) -> np.dtype[Any] | None:
        """The dtype that an array for this parameter must have; None when it is not known."""
        index = parameter.index
        said = self.elements[index].removeprefix("*").strip("[]") if 0 <= index < len(self.elements) else ""
        found = self.primal.pointees[index] if 0 <= index < len(self.primal.pointees) else ""
        name = DTYPES.get(said or found)
        return np.dtype(name) if name else None

    def is_written(self, parameter: Parameter) -> bool:
        """Whether the function may write to what this pointer points to."""
        if parameter.role == "shadow" and self.derivative is not None and self.derivative.item.mode is DiffMode.REVERSE:
            return True
        return not (self.primal.read_only and self.primal.read_only[parameter.index])

    def documentation(self, function: Function) -> str:
        """The docstring: what it is, each parameter, and what comes back."""
        if self.derivative is None:
            first = f"`{self.primal.name}`, compiled."
        else:
            item = self.derivative.item
            first = f"The derivative of `{item.source}` in {item.mode} mode, with respect to what has a shadow or comes back as a gradient."
        lines = [first, "", "Args:", *(f"    {each.name}: {self._told(each)}" for each in function.parameters)]
        results = ", ".join(self.result_names(function)) if len(function.results) > 1 else ("a number" if function.results else "nothing")
        failures = ["TypeError: an argument is no array or no number.", "ValueError: an array or a number does not fit its parameter."]
        return "\n".join([*lines, "", "Returns:", f"    {results}", "", "Raises:", *(f"    {each}" for each in failures)])

    def _told(self, parameter: Parameter) -> str:
        if parameter.role == "seed":
            return "the weight of the returned value: gradients are multiplied by it"
        kind = "a contiguous array" if parameter.type == "ptr" else "a number"
        if parameter.type == "ptr" and (dtype := self.dtype(parameter)) is not None:
            kind += f" of {dtype}"
        if parameter.role == "primal":
            return kind + (", which may be written to" if parameter.type == "ptr" and self.is_written(parameter) else "")
        assert self.derivative is not None  # noqa: S101 - only derivatives have shadows
        is_reverse = self.derivative.item.mode is DiffMode.REVERSE
        use = "the gradient is added to it" if is_reverse else "the tangent, written to where the primal is"
        return f"{kind}: {use}"


def _tuple_of(names: Sequence[str]) -> Callable[..., Any]:
    return collections.namedtuple("Result", names)  # noqa: PYI024 - the names are known only now


def _shadowed(parameters: Sequence[Parameter]) -> list[tuple[int, int]]:
    """The places of each array and its shadow among the arguments."""
    primals = {each.index: place for place, each in enumerate(parameters) if each.role == "primal"}
    shadows = [(place, each) for place, each in enumerate(parameters) if each.role == "shadow" and each.type == "ptr"]
    return [(primals[each.index], place) for place, each in shadows]


def _scalar(function: str, type_: str) -> Any:
    if type_ not in SCALARS:
        message = f"`{function}` takes or returns a value of the type `{type_}`, which cannot be passed from Python"
        raise fail("E0519", message, help=["pass it through a pointer"])
    return SCALARS[type_]


def _returned(function: str, results: Sequence[str]) -> Any:
    types = [ctypes.c_void_p if each == "ptr" else _scalar(function, each) for each in results if each != "void"]
    if len(types) < 2:  # noqa: PLR2004 - one value is returned as it is
        return types[0] if types else None
    return type("Results", (ctypes.Structure,), {"_fields_": [(f"r{index}", each) for index, each in enumerate(types)]})


# From a Python value to what ctypes passes


def _converter(function: Function, parameter: Parameter) -> Callable[[Any], Any]:
    what = f"'{parameter.name}' of {function.__name__}"
    if parameter.type == "ptr":
        return _Array(what, function.meaning.dtype(parameter), is_written=function.meaning.is_written(parameter))
    if parameter.type in _FLOATS:
        return _Float(what)
    return _Integer(what, SCALARS[parameter.type])


class _Array:
    """Gives the address of an array's first element, when the array is what the function expects."""

    def __init__(self, what: str, dtype: np.dtype[Any] | None, *, is_written: bool) -> None:
        self._what, self._dtype, self._is_written = what, dtype, is_written

    def __call__(self, value: Any) -> int:
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{self._what} is a pointer: pass a NumPy array, not {type(value).__name__}")
        flags = value.flags
        if self._dtype is not None and not _same(value.dtype, self._dtype):
            raise ValueError(f"{self._what} is to have dtype {self._dtype}, not {value.dtype}")
        if value.dtype.kind not in "fiub" or not value.dtype.isnative:
            raise ValueError(f"{self._what} is to hold numbers of this machine, not {value.dtype}")
        if not (flags.c_contiguous or flags.f_contiguous):
            raise ValueError(f"{self._what} is not contiguous: pass a copy, as np.ascontiguousarray makes one")
        if not flags.aligned:
            raise ValueError(f"{self._what} is not aligned to its elements: pass a copy")
        if self._is_written and not flags.writeable:
            raise ValueError(f"{self._what} may be written to, and the array is read-only")
        return int(value.__array_interface__["data"][0])


def _same(found: np.dtype[Any], expected: np.dtype[Any]) -> bool:
    """Whether arrays of both dtypes look alike to compiled code, which does not tell signed integers from unsigned ones."""
    if found == expected:
        return True
    return found.kind in "iub" and expected.kind in "iub" and found.itemsize == expected.itemsize and found.isnative


class _Float:
    """Gives a floating-point number."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __call__(self, value: Any) -> float:
        if isinstance(value, (float, int, np.floating, np.integer, numbers.Real)):
            return float(value)
        if isinstance(value, np.ndarray) and value.ndim == 0:
            return float(value)
        raise TypeError(f"{self._what} is a number: pass one, not {type(value).__name__}")


class _Integer:
    """Gives a whole number for which the C type has room, in its signed or unsigned reading."""

    def __init__(self, what: str, type_: Any) -> None:
        bits = 1 if type_ is ctypes.c_bool else 8 * ctypes.sizeof(type_)
        self._what, self._bits = what, bits
        self._least, self._most = (-(1 << (bits - 1)) if bits > 1 else 0), (1 << bits) - 1

    def __call__(self, value: Any) -> int:
        try:
            whole = operator.index(value)
        except TypeError:
            raise TypeError(f"{self._what} is an integer: pass one, not {type(value).__name__}") from None
        if not self._least <= whole <= self._most:
            raise ValueError(f"{self._what} has {self._bits} bits, {whole} does not fit")
        return whole
