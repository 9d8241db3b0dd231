"""A target of Numba's that keeps LLVM IR as it was lowered: nothing is optimised, and no machine code is made.

Numba keeps for its own use what is optimised, vectorised, and changed by code generation, which Enzyme does not like. Its way to lower
functions for something else than the processor that it runs on is a *target* (numba/core/target_extension.py): one with a dispatcher, a
context for types and one for code of its own. Functions that Numba brings for NumPy are made for the target that asks; functions
of the user are lowered for this one beside what Numba made of them, which stays as it is.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numba.core import codegen, cpu, dispatcher, errors, registry, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.target_extension import CPU, dispatcher_registry, jit_registry, target_override, target_registry

from bootstrap.diagnostics import fail

NAME = "holoenzyme"

WITHOUT_MEANING = frozenset({"parallel", "nogil", "forceobj", "looplift", "target", "cache"})
"""Options of `njit` that say how a function is run or kept; a derivative is made of the code in its plain order."""


class Target(CPU):
    """What Numba brings for the processor is good for this target too."""


class _Library(codegen.JITCodeLibrary):
    """The module of a function, linked with those that it calls, as it was lowered."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True


class _Codegen(codegen.JITCPUCodegen):
    _library_class = _Library


class _Context(cpu.CPUContext):
    def init(self) -> None:
        super().init()
        self._internal_codegen = _Codegen(NAME)

    def get_executable(self, library: Any, fndesc: Any, env: Any) -> Callable[..., Any]:  # noqa: ARG002 - Numba's signature
        """Stands for the function among Numba's dispatchers; it takes no more than a built-in function that is not another one."""
        library._ensure_finalized()  # noqa: SLF001 - what asking for its address would do
        return [library].count

    def get_function(self, fn: Any, sig: Any, _firstcall: bool = True) -> Any:  # noqa: FBT001, FBT002 - Numba's signature
        """The implementation of a function; one of another target is lowered for this one."""
        if isinstance(fn, types.Dispatcher) and not isinstance(fn.dispatcher, _Dispatcher):
            here = _for_this_target(fn.dispatcher)
            here.compile(sig.args)
            fn = types.Dispatcher(here)
        return super().get_function(fn, sig, _firstcall)


class _Description(registry.CPUTarget):
    @functools.cached_property
    def target_context(self) -> _Context:
        """The context for code."""
        return _Context(self.typing_context, self._target_name)


class _Dispatcher(dispatcher.Dispatcher):
    targetdescr = _Description(NAME)


_dispatchers: weakref.WeakKeyDictionary[Any, _Dispatcher] = weakref.WeakKeyDictionary()


def _for_this_target(function: Any) -> _Dispatcher:
    """A dispatcher of this target for the function of another one."""
    if function not in _dispatchers:
        _dispatchers[function] = _dispatcher(function.py_func, function.targetoptions)
    return _dispatchers[function]


def _dispatcher(function: Callable[..., Any], options: Mapping[str, Any]) -> _Dispatcher:
    kept = {key: value for key, value in options.items() if key not in WITHOUT_MEANING}
    return _Dispatcher(function, targetoptions={**kept, "nopython": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True})


def _jit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """The decorator with which Numba makes functions of its own for this target."""
    if function is None:
        return functools.partial(_dispatcher, options=options)
    return _dispatcher(function, options)


with global_compiler_lock:
    target_registry[NAME] = Target
    dispatcher_registry[Target] = _Dispatcher
    jit_registry[Target] = _jit


def lowered(function: Any, arguments: Sequence[Any]) -> Any:
    """Numba's result for a function of it and arguments of these types; its library has the module.

    Raises `Failure` (E0556) with Numba's words when Numba cannot compile it.
    """
    arguments = tuple(arguments)
    with global_compiler_lock, target_override(NAME):
        here = _for_this_target(function)
        try:
            here.compile(arguments)
        except errors.NumbaError as error:
            raise fail("E0556", f"Numba cannot compile `{function.__name__}`", notes=[str(error).strip()]) from None
        except RecursionError:
            # Numba knows itself only in its own dispatcher: in one of another target a call of itself begins anew.
            help_ = ["write a loop"]
            raise fail("E0556", f"Numba cannot compile `{function.__name__}` here: it calls itself", help=help_) from None
        return here.overloads[arguments]
