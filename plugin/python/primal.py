"""What a derivative can be asked of, brought to one form: a compiled function, and how Python's arguments become C's.

A *primal* is a compiled function with a *slot* for each argument that the Python function takes. A *source* is what the user gave; it
becomes a primal when the arguments are known, because their types may decide what is compiled.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bootstrap.diagnostics import fail
from plugin.items.layout import FLOAT_SIZES
from plugin.python.function import Function

if TYPE_CHECKING:
    from plugin.python.toolchain import AutoDiff, Toolchain


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One argument in Python and its parameters in C: the one at `index`, behind which `extent` more take the lengths of an array."""

    name: str
    index: int
    extent: int = 0

    def passed(self, value: Any) -> list[Any]:
        """The values for the slot's parameters."""
        return [value, *value.shape] if self.extent else [value]


class Primal:
    """A compiled function with its slots; `result` is the parameter that takes an array that the function returns, or None."""

    def __init__(self, function: Function, slots: Sequence[Slot], result: int | None = None) -> None:
        self.function, self.slots, self.result = function, tuple(slots), result
        self._derived: dict[object, Function] = {}

    def passed(self, arguments: Sequence[Any], result: Any = None) -> list[Any]:  # noqa: ARG002 - for those that return arrays
        """The values of all parameters for these arguments; raises `TypeError` when their number is wrong.

        `result` is a place for an array that the function returns, where it does so.
        """
        if len(arguments) != len(self.slots):
            expected = ", ".join(each.name for each in self.slots)
            raise TypeError(f"{self.function.__name__}() takes {len(self.slots)} arguments ({expected}), not {len(arguments)}")
        return [value for slot, each in zip(self.slots, arguments, strict=True) for value in slot.passed(each)]

    def after(self, values: Sequence[Any]) -> None:
        """Look at the values of a call that was made: raise what the function wanted to raise."""

    def call(self, arguments: Sequence[Any]) -> Any:
        """What the primal returns."""
        values = self.passed(arguments)
        returned = self.function(*values)
        self.after(values)
        return returned

    def is_array(self, slot: Slot) -> bool:
        """Whether the slot takes an array."""
        return self.function.parameters[slot.index].type == "ptr"

    def is_differentiable(self, slot: Slot) -> bool:
        """Whether the slot takes floating-point numbers, or may do so."""
        return self._is_active(slot.index)

    def _is_active(self, index: int) -> bool:
        parameter = self.function.parameters[index]
        if parameter.type != "ptr":
            return parameter.type in FLOAT_SIZES
        dtype = self.function.meaning.dtype(parameter)
        return dtype is None or dtype.kind == "f"

    def carries(self, index: int) -> bool:
        """Whether a pointer parameter may carry active values from one place of the function to another: it is written to."""
        parameter = self.function.parameters[index]
        return parameter.type == "ptr" and self._is_active(index) and self.function.meaning.is_written(parameter)

    @property
    def returns(self) -> str:
        """The IR type of what it returns; empty when that is nothing."""
        return self.function.results[0] if self.function.results else ""

    def typed(self, index: int, activity: str) -> str | dict[str, str]:
        """An activity for a parameter, with what is known of its type."""
        dtype = self.function.meaning.dtype(self.function.parameters[index])
        known = self.function.parameters[index].type == "ptr" and dtype is not None and dtype.kind == "f"
        return {"activity": activity, "type": f"*f{8 * dtype.itemsize}"} if known and dtype is not None else activity

    def derived(self, key: object, items_of: Callable[[], Sequence[AutoDiff]]) -> Function:
        """The last of these derivatives, compiled once for each key; the items before it are those that it is made from."""
        if key not in self._derived:
            items = items_of()
            library = self.function.library.extended(items)
            self._derived[key] = library[items[-1].target]
        return self._derived[key]


class Source(Protocol):
    """Something that a derivative can be made of. `name` is what it is called."""

    name: str

    def primal(self, arguments: Sequence[Any]) -> Primal:
        """The primal for arguments of these types; raises `Failure`, `TypeError` or `ValueError`."""


class CompiledSource:
    """A function of a library. Its arguments in Python are those that it has in C."""

    def __init__(self, function: Function) -> None:
        self.name = function.__name__
        slots = [Slot(name=each.name, index=index) for index, each in enumerate(function.parameters)]
        self._primal = Primal(function, slots)

    def primal(self, arguments: Sequence[Any]) -> Primal:  # noqa: ARG002 - it is the same for all
        """The function itself."""
        return self._primal


class IRSource:
    """A function that was made with llvmlite's `ir`, compiled when it is first called."""

    def __init__(self, function: Any, toolchain: Toolchain) -> None:
        self.name = function.name
        self._function, self._toolchain = function, toolchain

    @functools.cached_property
    def _compiled(self) -> CompiledSource:
        library = self._toolchain.compile(str(self._function.module), "LLVM IR")
        return CompiledSource(library[self.name])

    def primal(self, arguments: Sequence[Any]) -> Primal:
        """The compiled function; raises `Failure` as `Toolchain.compile` does."""
        return self._compiled.primal(arguments)


def source_of(given: Any, toolchain: Toolchain | None) -> Source:
    """The source that is meant; raises `Failure` (E0271) for anything else than the kinds that there are."""
    known = getattr(given, "holoenzyme_source", None)
    if known is not None:
        return known  # type: ignore[no-any-return]
    if isinstance(given, Function):
        return _compiled_source(given)
    if type(given).__module__.startswith("llvmlite.ir") and type(given).__name__ == "Function":
        return IRSource(given, toolchain or default_toolchain())
    if isinstance(given, types.FunctionType) or hasattr(given, "py_func"):
        return _numba_source(given, toolchain)
    kinds = "a Python function that Numba can compile, a function of a library, or an `ir.Function` of llvmlite"
    raise fail("E0271", f"a derivative cannot be made of {given!r}", help=[f"pass {kinds}"])


@functools.lru_cache(maxsize=512)
def _compiled_source(function: Function) -> Source:
    """Made once, as `_numba_source`: the derivative of a function that is asked for again is there."""
    return CompiledSource(function)


@functools.lru_cache(maxsize=512)
def _numba_source(function: Any, toolchain: Toolchain | None) -> Source:
    try:
        from plugin.python.numba_source import NumbaSource  # noqa: PLC0415 - the one that needs Numba
    except ModuleNotFoundError as missing:
        if missing.name != "numba":
            raise
        raise fail("E0270", "to differentiate a Python function, Numba is needed", help=["pip install 'holoenzyme[numba]'"]) from None
    return NumbaSource(function, toolchain)


@functools.cache
def default_toolchain() -> Toolchain:
    """The toolchain that is used where none is given."""
    from plugin.python.toolchain import Toolchain  # noqa: PLC0415 - it imports this module

    return Toolchain()


def zeros_like(value: Any) -> np.ndarray[Any, Any]:
    """A shadow for an array, of its shape and order, all zero."""
    return np.zeros_like(value)
