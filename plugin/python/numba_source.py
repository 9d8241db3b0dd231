"""Functions of Numba, and Python functions that Numba can compile, as something to differentiate.

For each set of argument types the function is lowered, put behind its carrier, and compiled by a toolchain like any other source: the
cache knows it by its whole IR text, so whatever it calls counts.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import pickle
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from plugin.python import transforms
from plugin.python.function import Function
from plugin.python.numba_carrier import Carrier, carrier
from plugin.python.numba_ir import lower
from plugin.python.primal import Primal, Slot, default_toolchain

if TYPE_CHECKING:
    from plugin.python.toolchain import Toolchain


class NumbaSource:
    """A Python function that Numba compiles; `dispatcher` is Numba's function for it."""

    def __init__(self, function: Any, toolchain: Toolchain | None = None) -> None:
        self.dispatcher = function if hasattr(function, "py_func") else numba.njit(function)
        self.name = self.dispatcher.py_func.__name__
        self._signature = inspect.signature(self.dispatcher.py_func)
        self._names = list(self._signature.parameters)
        self._toolchain = toolchain
        self._primals: dict[tuple[Any, ...], NumbaPrimal] = {}
        self._known: dict[tuple[Any, ...], NumbaPrimal] = {}

    def primal(self, arguments: Sequence[Any]) -> Primal:
        """The primal for arguments of these types.

        Raises `Failure` (E0556, E0557 and what `Toolchain.compile` raises), `TypeError`, and `ValueError` for an array that is not
        contiguous.
        """
        kinds = tuple(map(_kind, arguments))
        if kinds not in self._known:
            values = tuple(arguments) if len(arguments) == len(self._names) else self._completed(arguments)
            types = tuple(map(_type_of, self._names, values))
            if types not in self._primals:
                self._primals[types] = self._compiled(types)
            self._known[kinds] = self._primals[types]
        return self._known[kinds]

    def _completed(self, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments with the defaults of those that are left out; raises `TypeError` when they do not fit the function."""
        bound = self._signature.bind(*arguments)
        bound.apply_defaults()
        return tuple(bound.arguments.values())

    def _compiled(self, types: tuple[Any, ...]) -> NumbaPrimal:
        carried = carrier(lower(self.dispatcher, types), _symbol(self.name), self._names)
        library = (self._toolchain or default_toolchain()).compile(carried.text, "LLVM IR")
        function = library.typed(carried.symbol, _elements(types, carried))
        defaults = tuple(each.default for each in self._signature.parameters.values())
        return NumbaPrimal(function, self._names, carried, self.dispatcher, defaults)


class NumbaPrimal(Primal):
    """A Numba function behind its carrier. `defaults` has the default of each argument, for those that are left out."""

    def __init__(self, function: Function, names: Sequence[str], carried: Carrier, dispatcher: Any, defaults: tuple[Any, ...]) -> None:
        slots, index = [], 0
        for name, extent in zip(names, carried.extents, strict=True):
            slots.append(Slot(name=name, index=index, extent=extent))
            index += 1 + extent
        super().__init__(function, slots, index if carried.result_extent else None)
        self._dispatcher, self._defaults = dispatcher, defaults

    def passed(self, arguments: Sequence[Any], result: Any = None) -> list[Any]:
        """The values of all parameters: behind the arguments a place for an array that is returned, and one for a failure."""
        completed = (*arguments, *self._defaults[len(arguments) :])
        values = super().passed(completed)
        if self.result is not None:
            values.append(np.empty_like(self.call(completed)) if result is None else result)
        return [*values, np.zeros(2, np.int64)]

    def call(self, arguments: Sequence[Any]) -> Any:
        """What the function returns, by Numba itself."""
        return self._dispatcher(*arguments)

    def after(self, values: Sequence[Any]) -> None:
        """Raise the exception that the function raised."""
        status, address = (int(each) for each in values[-1])
        if status != 0:
            raise _exception(address) if status > 0 else RuntimeError(f"Numba's status is {status}")


def _kind(value: Any) -> object:
    """What decides the Numba type of an array or a number, found out in a tenth of the time that Numba takes."""
    if type(value) is np.ndarray:
        return value.dtype, value.ndim, value.flags.num
    return (int, value.bit_length() // 64) if type(value) is int else type(value)


def _type_of(name: str, value: Any) -> Any:
    type_ = numba.typeof(value)
    if isinstance(type_, numba.types.Array) and type_.layout == "A":
        raise ValueError(f"'{name}' is not contiguous: pass a copy, as np.ascontiguousarray makes one")
    if isinstance(type_, numba.types.Array) and not type_.aligned:
        raise ValueError(f"'{name}' is not aligned to its elements: pass a copy")
    return type_


def _symbol(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else "function"


def _elements(types: Sequence[Any], carried: Carrier) -> list[str]:
    """What each parameter of the carrier points to, in the configuration's type language."""
    elements: list[str] = []
    for type_, extent in zip(types, carried.extents, strict=True):
        elements += [_element(type_.dtype) if extent else "", *[""] * extent]
    return [*elements, *([carried.result_element] if carried.result_extent else []), "*i64"]


def _element(dtype: Any) -> str:
    kind = "f" if isinstance(dtype, numba.types.Float) else "i"
    return f"*{kind}{dtype.bitwidth}"


class _PickledException(ctypes.Structure):
    """Numba's exception as its code names it (numba/core/callconv.py): pickled bytes, their number, and more that is not used here."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_int32), ("digest", ctypes.c_void_p), ("unwrap", ctypes.c_void_p))


def _exception(address: int) -> BaseException:
    """The exception that compiled code raised; its bytes are part of the library."""
    pickled = _PickledException.from_address(address)
    class_, arguments, *_ = pickle.loads(ctypes.string_at(pickled.data, pickled.size))  # noqa: S301 - Numba pickled it for us
    made = class_(*(arguments or ())) if isinstance(class_, type) else class_
    return made if isinstance(made, BaseException) else RuntimeError(str(made))


class Differentiable:
    """A Numba function that knows its derivatives: `f(x)`, `f.grad(x)`, `f.value_and_grad(x)`, `f.hessian(x)`.

    It can be given wherever a function is asked for that is to be differentiated.
    """

    def __init__(self, source: NumbaSource) -> None:
        self.holoenzyme_source = source
        functools.update_wrapper(self, source.dispatcher.py_func)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """The value, by Numba."""
        return self.holoenzyme_source.dispatcher(*arguments, **named)

    @functools.cached_property
    def grad(self) -> Callable[..., Any]:
        """As `holoenzyme.grad` gives it, by the first argument."""
        return transforms.grad(self)

    @functools.cached_property
    def value_and_grad(self) -> Callable[..., Any]:
        """As `holoenzyme.value_and_grad` gives it, by the first argument."""
        return transforms.value_and_grad(self)

    @functools.cached_property
    def hessian(self) -> Callable[..., Any]:
        """As `holoenzyme.hessian` gives it, by the first argument."""
        return transforms.hessian(self)

    @functools.cached_property
    def hvp(self) -> Callable[..., Any]:
        """As `holoenzyme.hvp` gives it, by the first argument."""
        return transforms.hvp(self)


def differentiable(function: Any = None, *, toolchain: Toolchain | None = None, **options: Any) -> Any:
    """A decorator: compile a function with Numba, and give it derivatives.

    Args:
        function: a Python function, or one of Numba.
        toolchain: what to compile the derivatives with.
        options: options of `numba.njit`, for a Python function: `@differentiable(fastmath=True)`.

    Returns:
        A `Differentiable`.
    """
    if function is None:
        return functools.partial(differentiable, toolchain=toolchain, **options)
    compiled = numba.njit(**options)(function) if options else function
    return Differentiable(NumbaSource(compiled, toolchain))
