"""What came of a build: a shared library whose functions, primals and derivatives, are attributes that can be called."""

from __future__ import annotations

import contextlib
import ctypes
import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap.config.model import Input
from bootstrap.diagnostics import fail
from bootstrap.steps import digest_file
from plugin.build import Report, locked
from plugin.items.signature import Derivative, Parameter, Passing
from plugin.items.signature import Function as Signature
from plugin.native import load
from plugin.python.function import Function, Meaning

if TYPE_CHECKING:
    from plugin.python.toolchain import AutoDiff as AutoDiffItem
    from plugin.python.toolchain import Toolchain


class Library:
    """The functions of a build, each an attribute: `library.rosenbrock_grad(x, dx, x.size, 1.0)`; `dir(library)` lists them.

    `path` is the shared library that is loaded, `toolchain` and `table` are what it was built with and from.
    """

    def __init__(self, report: Report, toolchain: Toolchain, table: Mapping[str, Any]) -> None:
        self.toolchain, self.table = toolchain, table
        self.path = _kept(report)
        self._loaded: ctypes.CDLL = load(self.path)
        self._items = {each.target: each for each in report.plan.unit.autodiff}
        self._derivatives = {each.item.target: each for each in report.derivatives}
        functions = [Signature.from_json(each) for each in report.compiled.value["functions"]]
        self._signatures = {each.name: each for each in functions}
        self._functions: dict[str, Function] = {}

    def __getattr__(self, name: str) -> Function:
        """The function of that name; raises `AttributeError`."""
        if name.startswith("__") or "_functions" not in self.__dict__:
            raise AttributeError(name)
        with contextlib.suppress(KeyError):
            return self._functions[name]
        if name not in self._signatures:
            near = difflib.get_close_matches(name, self._signatures)
            remedy = f"; did you mean {' or '.join(near)}?" if near else ""
            raise AttributeError(f"{self.path.name} has no function {name}{remedy}")
        return self._functions.setdefault(name, self._function(name))

    def __getitem__(self, name: str) -> Function:
        """As an attribute, for names that Python has no attributes for; raises `KeyError`."""
        try:
            return self.__getattr__(name)
        except AttributeError as unknown:
            raise KeyError(str(unknown)) from None

    def __dir__(self) -> list[str]:
        """What a library has, and its functions."""
        return sorted([*super().__dir__(), *self._signatures])

    def __repr__(self) -> str:
        """The names of the functions, and the file."""
        return f"<library of {', '.join(sorted(self._signatures))} in {self.path}>"

    def extended(self, items: Sequence[AutoDiffItem]) -> Library:
        """The library of the same sources with more derivatives; raises `Failure` as `Toolchain.build` does."""
        return self.toolchain.extended(self.table, items)

    def symbol(self, name: str) -> Any:
        """A new handle on a function, of which the caller says how it is called."""
        return self._loaded[name]

    def typed(self, name: str, elements: Sequence[str]) -> Function:
        """A primal of which the caller knows what its pointers point to, such as `*f64`, an entry for each parameter."""
        return self._function(name, elements)

    def _function(self, name: str, elements: Sequence[str] = ()) -> Function:
        signature = self._signatures[name]
        derivative = self._derivatives.get(name)
        if derivative is not None and not _is_callable(derivative):
            message = f"`{name}` takes or returns a struct or several lanes, or is one of two passes"
            raise fail("E0515", message, help=["call it from a program, or ask for a derivative without"])
        if derivative is not None:
            primal = self._signatures.get(derivative.item.source, derivative.primal)
            results = [each.spelling for each in derivative.results]
            said = [""] * len(primal.parameters)
            for argument, entry in zip(derivative.arguments, self._items[name].inputs, strict=True):
                said[argument.first] = _element(entry)
            return Function(self, name, _named(derivative, primal), results, Meaning(primal, derivative, said))
        if signature.takes_struct or signature.is_variadic:
            raise fail("E0515", f"`{name}` takes or returns a struct by value, or any number of arguments", help=["pass a pointer to it"])
        names = _names(signature)
        parameters = [
            Parameter(name=names[index], type=type_, role="primal", index=index) for index, type_ in enumerate(signature.parameters)
        ]
        results = [] if signature.returns == "void" else [signature.returns]
        return Function(self, name, parameters, results, Meaning(signature, None, elements))


def _is_callable(derivative: Derivative) -> bool:
    """Whether it takes numbers, pointers and slices, has one lane, and is one function."""
    passings = {each.passing for each in derivative.arguments}
    is_one = derivative.item.width == 1 and not derivative.item.augmented
    return is_one and passings <= {Passing.DIRECT, Passing.SLICE} and all(each.is_scalar for each in derivative.results)


def _element(entry: str | Input) -> str:
    return (entry.type or "") if isinstance(entry, Input) else ""


def _names(signature: Signature) -> list[str]:
    """A Python name for each parameter: that of the source, where the module has it."""
    given = list(signature.names) or [""] * len(signature.parameters)
    usable = all(name.isidentifier() for name in given) and len(set(given)) == len(given)
    return given if usable else [f"x{index}" for index in range(len(given))]


def _named(derivative: Derivative, primal: Signature) -> Sequence[Parameter]:
    """The derivative's parameters with the names of the primal's, each shadow's with a `d` before it."""
    names = _names(primal)
    taken = {"primal": "{}", "shadow": "d{}"}
    named = [
        Parameter(name=taken[each.role].format(names[each.index]), type=each.type, role=each.role, index=each.index)
        if each.role in taken
        else each
        for each in derivative.parameters
    ]
    return named if len({each.name for each in named}) == len(named) else derivative.parameters


def _kept(report: Report) -> Path:
    """The library under a name of its content: a loader that has seen a name does not look into the file again."""
    output = report.plan.output
    [built] = [each for each in report.compiled.outputs if Path(each.path) == output]
    kept = output.with_name(f"{output.stem}-{built.sha256[:16]}{output.suffix}")
    with locked(report.plan.folder):
        if not kept.exists():
            os.link(output, kept)
    if digest_file(kept) != built.sha256:
        kept.unlink()
        raise fail("E0555", f"`{output.name}` was changed while it was loaded", help=["build it again"])
    return kept
